import assert from "node:assert/strict";
import { test } from "node:test";

import { atLevel, Event, EventQueue, Level } from "../src/events";
import { Unavailable } from "../src/status";

function event(number: number): Event {
  return {
    id: `e-${number}`, completion_id: "c", reaction: "shown", happened_at: 1, model: "m", language: "python", chars: 3,
    path: "pay/roll.py", prompt: "salary = ", completion: "100", suffix: "", final_text: "90",
  };
}

function queue(send: (events: readonly Event[]) => Promise<void>, level: Level = "text", kept: readonly Event[] = []) {
  let shelved = kept;
  const shelf = { get: () => shelved, set: (events: readonly Event[]) => void (shelved = events) };
  const made = new EventQueue(send, shelf, () => level);
  return { made, shelved: () => shelved };
}

test("without agreement nothing is kept, and nothing waits", async () => {
  const { made, shelved } = queue(async () => assert.fail("nothing is sent"), "off");
  made.add(event(1));
  await made.flush();
  assert.deepEqual([made.length, shelved()], [0, []]);
  assert.equal(atLevel(event(1), "off"), undefined);
});

test("no text leaves the editor below level text", () => {
  const shape = JSON.stringify(atLevel(event(1), "shape"));
  const counts = JSON.stringify(atLevel(event(1), "counts"));
  for (const text of ["salary", "100", "roll.py", "90"]) {
    assert.ok(!shape.includes(text) && !counts.includes(text));
  }
  assert.ok(shape.includes("chars") && !counts.includes("chars"));
  assert.deepEqual(atLevel(event(1), "text"), event(1));
});

test("what could not be sent waits, is kept, and is sent again with the same ids", async () => {
  const sent: string[] = [];
  let isGone = true;
  const { made, shelved } = queue(async (events) => {
    if (isGone) {
      throw new Unavailable({ state: "offline", reason: "gone" });
    }
    sent.push(...events.map((item) => item.id));
  });
  made.add(event(1));
  made.add(event(2));
  await made.flush();
  assert.deepEqual([made.length, shelved().length], [2, 2]);
  const later = queue(async (events) => void sent.push(...events.map((item) => item.id)), "text", shelved());
  isGone = false;
  await later.made.flush();
  assert.deepEqual([sent, later.made.length, later.shelved()], [["e-1", "e-2"], 0, []]);
  made.dispose();
});

test("events that come while others are sent are sent too, and none twice", async () => {
  const sent: string[] = [];
  const { made } = queue(async (events) => {
    if (sent.length === 0) {
      made.add(event(99));
    }
    sent.push(...events.map((item) => item.id));
    await new Promise((resolve) => setTimeout(resolve, 5));
  });
  for (let number = 0; number < 250; number += 1) {
    made.add(event(number + 1000));
  }
  await Promise.all([made.flush(), made.flush()]);
  assert.equal(sent.length, 251);
  assert.equal(new Set(sent).size, 251);
  made.dispose();
});

test("a memory without end is none: the oldest go", () => {
  const { made } = queue(async () => {});
  for (let number = 0; number < 2100; number += 1) {
    made.add(event(number));
  }
  assert.equal(made.length, 500);
  made.clear();
  assert.equal(made.length, 0);
  made.dispose();
});
