import assert from "node:assert/strict";
import { test } from "node:test";

import { Cache } from "../src/cache";
import { keptChars, moved } from "../src/ranges";
import { blockAround, dedented, indented, linesOf, selected, testFileOf } from "../src/targets";
import { TypingSpeed } from "../src/typing";
import { quantile } from "../src/watch";
import { around, unsuitable } from "../src/window";

function lines(text: string) {
  const all = text.split("\n");
  return { lineCount: all.length, lineAt: (line: number) => ({ text: all[line] ?? "" }) };
}

// -------------------------------------------------------------------------------------------------------- around the cursor
test("a short file is sent whole, a long one as a window", () => {
  assert.deepEqual(around(lines("a\nbc\nd"), 1, 1, 100, 100), { before: "a\nb", after: "c\nd", isWholeFile: true });
  assert.deepEqual(around(lines("aaaa\nbc\ndddd"), 1, 1, 3, 3), { before: "a\nb", after: "c\nd", isWholeFile: false });
  assert.deepEqual(around(lines("a"), 0, 1, 1, 0), { before: "a", after: "", isWholeFile: true });
});

test("of a file of any length only what is near is read", () => {
  let read = 0;
  const long = { lineCount: 1e9, lineAt: () => ((read += 1), { text: "x".repeat(50) }) };
  assert.equal(around(long, 5e8, 0, 1000, 300).before.length, 1000);
  assert.ok(read < 40, `${read} lines`);
});

test("a window holds whole characters", () => {
  const text = around(lines("😀😀|😀😀"), 0, 5, 3, 3);
  assert.deepEqual([text.before, text.after], ["😀|", "😀"]);
  for (const half of [text.before, text.after]) {
    assert.ok(half.isWellFormed());
  }
});

test("what cannot be asked about has a reason", () => {
  const of = (text: string) => unsuitable(lines(text), around(lines(text), 0, 0, 100, 100));
  assert.deepEqual([of("  \n"), of("\0PNG"), of("x")], ["the file is empty", "the file is no text", ""]);
});

// ----------------------------------------------------------------------------------------------------------------- typing
test("who types fast is waited for, who types slowly or not at all is not", () => {
  const speed = new TypingSpeed();
  assert.equal(speed.wait(60), 60);
  for (let key = 0; key < 20; key += 1) {
    speed.key(key * 120);
  }
  assert.equal(speed.wait(40), 60);
  speed.key(60_000); // a pause says nothing
  assert.equal(speed.wait(40), 60);
  for (let key = 0; key < 30; key += 1) {
    speed.key(61_000 + key * 600);
  }
  assert.equal(speed.wait(40), 40);
});

test("quantiles", () => {
  assert.deepEqual([quantile([], 0.5), quantile([3, 1, 2], 0.5), quantile([1, 2, 3, 4], 0.95)], [0, 2, 4]);
});

// ------------------------------------------------------------------------------------------------------------------ cache
const at = (before: string, after = "\nend") => ({ before, after, isWholeFile: true });

test("what is typed of a completion leaves its rest", () => {
  const cache = new Cache<number>();
  cache.add("u", at("x = "), "1 + 2", 7);
  assert.deepEqual(cache.find("u", at("x = ")), [{ text: "1 + 2", value: 7, typed: 0 }]);
  assert.deepEqual(cache.find("u", at("x = 1 +")), [{ text: " 2", value: 7, typed: 3 }]);
  for (const [uri, place] of [["u", at("x = 2")], ["u", at("x = 1 + 2")], ["v", at("x = ")], ["u", at("y = ")], ["u", at("x = ", "\nother")], ["u", at("zx = ")]] as const) {
    assert.deepEqual(cache.find(uri, place), [], place.before);
  }
});

test("a window that moves along does not hide a completion", () => {
  const cache = new Cache<number>();
  const long = "a".repeat(400);
  cache.add("u", at(`${long}x = `), "1 + 2", 1);
  assert.equal(cache.find("u", at(`${long.slice(1)}x = 1`))[0]?.text, " + 2");
});

test("several of one place are kept, the newest first, and not without end", () => {
  const cache = new Cache<number>();
  cache.add("u", at("x = "), "1", 1);
  cache.add("u", at("x = "), "2", 2);
  assert.deepEqual(cache.find("u", at("x = ")).map((kept) => kept.text), ["2", "1"]);
  for (let number = 0; number < 60; number += 1) {
    cache.add("u", at(`${number} = `), "9", 9);
  }
  assert.deepEqual(cache.find("u", at("x = ")), []);
});

// ----------------------------------------------------------------------------------------------------------------- ranges
test("a range moves with what changes around it", () => {
  const range = { start: 10, end: 20 };
  const change = (rangeOffset: number, rangeLength: number, text: string) => moved(range, { rangeOffset, rangeLength, text });
  assert.deepEqual(change(0, 2, "abc"), { start: 11, end: 21 });
  assert.deepEqual(change(10, 0, "ab"), { start: 12, end: 22 });
  assert.deepEqual(change(20, 0, "ab"), range);
  assert.deepEqual(change(15, 0, "ab"), { start: 10, end: 22 });
  assert.deepEqual(change(12, 4, ""), { start: 10, end: 16 });
  assert.deepEqual(change(5, 10, "x"), { start: 6, end: 11 });
  assert.deepEqual(change(15, 10, "xyz"), { start: 10, end: 15 });
  const gone = change(5, 20, "x");
  assert.equal(gone.start, gone.end);
});

test("what is left of a text is counted in characters", () => {
  assert.deepEqual(
    [["abc", "abc"], ["abc", ""], ["", "abc"], ["abcdef", "abXdef"], ["return x", "return y"], ["abc", "zabcz"]].map(
      ([text, now]) => keptChars(text ?? "", now ?? ""),
    ),
    [3, 0, 0, 5, 7, 3],
  );
  const started = performance.now();
  keptChars("a".repeat(100_000), "ba".repeat(50_000));
  assert.ok(performance.now() - started < 50, "no task of the extension takes 50 ms");
});

// ---------------------------------------------------------------------------------------------------------------- targets
const CODE = `import os

# about f
@cached
def f(x):
    if x:
        return 1

    return 2


class A:
    def g(self):
        pass
`;

test("the block around a line begins at the margin, with its decorators, and ends before the next", () => {
  const of = (line: number) => linesOf(lines(CODE), blockAround(lines(CODE), line)).split("\n");
  assert.deepEqual([of(6)[0], of(6).at(-1)], ["@cached", "    return 2"]);
  assert.deepEqual([of(12)[0], of(12).at(-1)], ["class A:", "        pass"]);
  const js = "function f() {\n  return 1;\n}\n\nconst x = 2;";
  assert.equal(linesOf(lines(js), blockAround(lines(js), 1)), "function f() {\n  return 1;\n}");
});

test("a selection is whole lines", () => {
  assert.deepEqual([selected(1, 3, 2), selected(1, 3, 0), selected(2, 2, 0)], [{ first: 1, behind: 4 }, { first: 1, behind: 3 }, { first: 2, behind: 3 }]);
});

test("indentation is taken off and put on again", () => {
  const { text, indent } = dedented("    a\n\n      b");
  assert.deepEqual([text, indent, indented(text, indent)], ["a\n\n  b", "    ", "    a\n\n      b"]);
  assert.deepEqual(dedented("a\n  b"), { text: "a\n  b", indent: "" });
  assert.equal(testFileOf("/w/pay/roll.py"), "/w/pay/test_roll.py");
});
