import assert from "node:assert/strict";
import { test } from "node:test";

import type { Event } from "../src/events";
import { Offer, Reactions, SEEN_MS } from "../src/reactions";
import { READY } from "../src/status";

/** A document, an editor that completes in it, and a clock that is turned by hand. */
class World {
  text = "x = ";
  events: Event[] = [];
  private ms = 1e12;
  private timers: { at: number; act: () => void; on: boolean }[] = [];
  readonly reactions = new Reactions(
    (event) => this.events.push(event),
    (_, range) => this.text.slice(range.start, range.end),
    {
      now: () => this.ms,
      after: (ms, act) => {
        const timer = { at: this.ms + ms, act, on: true };
        this.timers.push(timer);
        return { cancel: () => (timer.on = false) };
      },
    },
  );

  /** A completion at the cursor, or the rest of one. */
  offer(text: string, id = "c1", offset = this.text.length, whole = text): Offer {
    const suggestion = {
      id, text: whole, status: READY, model: "m", engine: "e", language: "python", settings: { temperature: 0 },
      verdicts: [{ check: "syntax", outcome: "pass" }],
    };
    const typed = whole.length - text.length;
    const around = { before: this.text.slice(0, offset - typed), after: this.text.slice(offset), isWholeFile: true };
    const offer = {
      suggestion, uri: "u", offset, text, around, path: "a.py", line: 0, column: offset, charsBehind: 0, latencyMs: 90, isAsked: false,
    };
    this.reactions.offered(offer);
    return offer;
  }

  write(text: string, offset = this.text.length, rangeLength = 0): void {
    this.text = this.text.slice(0, offset) + text + this.text.slice(offset + rangeLength);
    this.reactions.changed("u", [{ rangeOffset: offset, rangeLength, text }]);
    this.reactions.movedTo("u", offset + text.length);
  }

  pass(ms: number): void {
    for (const end = this.ms + ms; ; ) {
      const next = this.timers.filter((timer) => timer.on && timer.at <= end).sort((one, other) => one.at - other.at)[0];
      this.ms = next ? next.at : end;
      if (!next) {
        return;
      }
      next.on = false;
      next.act();
    }
  }

  get story(): string[] {
    return this.events.map((event) => event.reaction + (event.after_s ? ` ${event.after_s}` : ""));
  }
}

test("what is taken was shown, and is looked at four times", () => {
  const world = new World();
  const offer = world.offer("1 + 2");
  world.pass(100);
  world.write("1 + 2");
  world.reactions.tookAll(offer);
  assert.deepEqual(world.story, ["shown", "accepted"]);
  assert.deepEqual([world.events[1]?.kept_chars, world.events[1]?.seen_ms, world.events[0]?.happened_at], [5, 100, 1e9]);
  assert.deepEqual([world.events[0]?.prompt, world.events[0]?.completion], ["x = ", "1 + 2"]);
  world.pass(400_000);
  assert.deepEqual(world.story.slice(2), ["survived 30", "survived 90", "survived 180", "survived 360"]);
  assert.deepEqual(world.events.slice(2).map((event) => event.kept_chars), [5, 5, 5, 5]);
  assert.equal(new Set(world.events.map((event) => event.id)).size, 6);
});

test("what is changed afterwards is edited, wherever it has moved to", () => {
  const world = new World();
  const offer = world.offer("1 + 2");
  world.write("1 + 2");
  world.reactions.tookAll(offer);
  world.write("# head\n", 0); // it moves down
  world.pass(31_000);
  world.write("9", world.text.indexOf("2"), 1);
  world.pass(400_000);
  assert.deepEqual(world.story, ["shown", "accepted", "survived 30", "survived 90", "survived 180", "survived 360", "edited"]);
  assert.deepEqual(world.events.slice(2).map((event) => event.kept_chars), [5, 4, 4, 4, 4]);
  assert.equal(world.events.at(-1)?.final_text, "1 + 9");
});

test("what is seen and typed over is dismissed, what is not seen is nothing", () => {
  const world = new World();
  world.offer("1 + 2");
  world.pass(SEEN_MS - 1);
  world.write("7");
  assert.deepEqual(world.story, []);
  world.offer(" + 3", "c2");
  world.pass(900);
  world.write("0");
  assert.deepEqual(world.story, ["shown", "dismissed"]);
  assert.deepEqual([world.events[1]?.completion_id, world.events[1]?.seen_ms], ["c2", 900]);
});

test("who types what it says is still shown it, and may take the rest", () => {
  const world = new World();
  world.offer("return x");
  world.pass(300);
  world.write("r");
  world.write("e");
  const rest = world.offer("turn x", "c1", world.text.length, "return x"); // the provider is asked again, and gives the rest
  world.write("turn x");
  world.reactions.tookAll(rest);
  assert.deepEqual(world.story, ["shown", "accepted"]);
  assert.equal(world.events[1]?.kept_chars, 8);
  world.pass(31_000);
  assert.deepEqual([world.events[2]?.final_text, world.events[2]?.kept_chars, world.events[2]?.prompt], ["return x", 8, "x = "]);
});

test("an editor that writes what was typed anew has taken it all the same", () => {
  const world = new World();
  const offer = world.offer("return x");
  world.write("r");
  world.write("return x", 4, 1);
  world.reactions.tookAll(offer);
  assert.deepEqual(world.story, ["shown", "accepted"]);
  world.pass(31_000);
  assert.equal(world.events[2]?.final_text, "return x");
});

test("who types it to its end has not taken it", () => {
  const world = new World();
  world.offer("ab");
  world.pass(300);
  world.write("a");
  world.write("b");
  world.pass(1000);
  assert.deepEqual(world.story, ["shown"]);
});

test("word by word is partly accepted, once, with what was taken", () => {
  const world = new World();
  world.offer("one two three");
  world.write("one ");
  world.write("two ");
  world.write("!");
  assert.deepEqual(world.story, ["shown", "partly accepted"]);
  assert.equal(world.events[1]?.kept_chars, 8);
});

test("word by word to its end is partly accepted too", () => {
  const world = new World();
  world.offer("one two");
  world.write("one ");
  world.write("two");
  world.pass(1000);
  assert.deepEqual([world.story.at(-1), world.events.at(-1)?.kept_chars], ["partly accepted", 7]);
});

test("a cursor that goes away, a key that sends it away, an editor that closes", () => {
  for (const leave of [
    (world: World) => world.reactions.movedTo("u", 0),
    (world: World) => world.reactions.movedTo("other", 4),
    (world: World) => world.reactions.dismissed(),
    (world: World) => world.reactions.dispose(),
  ]) {
    const world = new World();
    world.offer("1 + 2");
    world.pass(500);
    leave(world);
    leave(world);
    assert.deepEqual(world.story, ["shown", "dismissed"]);
  }
});

test("of several the second one can be taken", () => {
  const world = new World();
  world.offer("1", "c1");
  world.pass(500);
  world.write("2 + 2");
  const second = { ...world.offer("unused", "c3"), suggestion: { ...world.offer("unused", "c3").suggestion, id: "c2", text: "2 + 2" }, text: "2 + 2", offset: 4 };
  world.reactions.changed("u", [{ rangeOffset: 4, rangeLength: 0, text: "2 + 2" }]);
  world.reactions.tookAll(second);
  assert.deepEqual(world.events.filter((event) => event.completion_id === "c2").map((event) => event.reaction), ["shown", "accepted"]);
  assert.deepEqual(world.events.filter((event) => event.completion_id === "c1").map((event) => event.reaction), ["shown", "dismissed"]);
});

test("line ends of the file do not matter", () => {
  const world = new World();
  const offer = world.offer("a\nb");
  world.write("a\r\nb");
  world.reactions.tookAll(offer);
  world.pass(31_000);
  assert.deepEqual(world.story, ["shown", "accepted", "survived 30"]);
  assert.deepEqual([world.events[2]?.kept_chars, world.events[2]?.final_text], [3, "a\nb"]);
});

test("a document that is closed is not looked at any more", () => {
  const world = new World();
  const gone = new Reactions((event) => world.events.push(event), () => undefined, { now: () => 0, after: (_, act) => (act(), { cancel() {} }) });
  gone.changed("u", [{ rangeOffset: 4, rangeLength: 0, text: "1" }]);
  gone.tookAll({ ...world.offer("1") });
  assert.deepEqual(world.story, ["shown", "accepted"]);
});
