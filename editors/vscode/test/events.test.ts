import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { atLevel, Event, EventQueue, Level } from "../src/events";
import { FileShelf } from "../src/shelf";
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

test("what was agreed to is looked at again when it is sent", async () => {
  const sent: Event[] = [];
  let level: Level = "text";
  const shelf = { get: () => [], set: () => {} };
  const made = new EventQueue(async (events) => void sent.push(...events), shelf, () => level);
  made.add(event(1));
  level = "counts";
  await made.flush();
  assert.ok(sent.length === 1 && !JSON.stringify(sent).includes("salary"));
  made.add(event(2));
  level = "off";
  await made.flush();
  assert.deepEqual([sent.length, made.length], [1, 0]);
  made.dispose();
});

test("an event that is refused for good holds up nobody", async () => {
  const sent: string[] = [];
  const { made } = queue(async (events) => {
    if (events.some((item) => item.id === "e-7")) {
      throw new Unavailable({ state: "refused", reason: "no event" }, 400);
    }
    sent.push(...events.map((item) => item.id));
  });
  for (let number = 0; number < 20; number += 1) {
    made.add(event(number));
  }
  await made.flush();
  assert.deepEqual([sent.length, new Set(sent).size, made.length], [19, 19, 0]);
  made.dispose();
});

test("a token that is refused loses nothing", async () => {
  const { made } = queue(async () => {
    throw new Unavailable({ state: "refused", reason: "a valid token is needed" }, 401);
  });
  made.add(event(1));
  await made.flush();
  assert.equal(made.length, 1);
  made.dispose();
});

test("a batch is no longer than a gateway takes", async () => {
  const sizes: number[] = [];
  const { made } = queue(async (events) => void sizes.push(JSON.stringify(events).length));
  for (let number = 0; number < 30; number += 1) {
    made.add({ ...event(number), prompt: "x".repeat(100_000) });
  }
  await made.flush();
  assert.ok(Math.max(...sizes) < 1_000_000 && made.length === 0);
  made.dispose();
});

test("several windows keep their events apart, and the next one sends them all", () => {
  const folder = mkdtempSync(join(tmpdir(), "yunque-"));
  const [one, two] = [new FileShelf(join(folder, "deep")), new FileShelf(join(folder, "deep"))];
  assert.deepEqual(one.get(), []);
  one.set([event(1)]);
  two.set([event(2), event(1)]);
  one.write();
  two.write();
  assert.equal(readdirSync(join(folder, "deep")).length, 2);
  const next = new FileShelf(join(folder, "deep"));
  const peek = new FileShelf(join(folder, "deep"));
  assert.deepEqual(peek.get().map((item) => item.id).sort(), ["e-1", "e-2"]);
  assert.equal(readdirSync(join(folder, "deep")).length, 2); // until they are safe
  const made = new EventQueue(async () => {}, next, () => "text");
  next.write(); // an editor that is closed before anything was sent
  assert.deepEqual(new FileShelf(join(folder, "deep")).get().map((item) => item.id).sort(), ["e-1", "e-2"]);
  made.dispose();
  next.set([]);
  next.write();
  assert.deepEqual(readdirSync(join(folder, "deep")), []);
  rmSync(folder, { recursive: true });
});
