/** Completions that were given, and their rest while somebody types what they say. */

import type { Around } from "./window";

const MOST = 50;
/** Of the text before the cursor: enough to know a place again. */
const TAIL = 300;

interface Entry<T> {
  readonly uri: string;
  readonly before: string;
  readonly after: string;
  readonly text: string;
  readonly value: T;
}

/** What is left of a completion, and of which. */
export interface Kept<T> {
  readonly text: string;
  readonly value: T;
  /** How much of it stands there already. */
  readonly typed: number;
}

export class Cache<T> {
  private entries: Entry<T>[] = [];

  add(uri: string, place: Around, text: string, value: T): void {
    const entry = { uri, before: place.before.slice(-TAIL), after: place.after.slice(0, TAIL), text, value };
    this.entries = [entry, ...this.entries.filter((other) => !(same(other, entry) && other.text === text))].slice(0, MOST);
  }

  /** All that fits at a place, the newest first; what is typed of one is cut off. */
  find(uri: string, place: Around): Kept<T>[] {
    const kept: Kept<T>[] = [];
    for (const entry of this.entries) {
      if (entry.uri !== uri || !place.after.startsWith(entry.after.slice(0, place.after.length))) {
        continue;
      }
      const typed = typedOf(entry, place.before);
      const rest = typed < 0 ? "" : entry.text.slice(typed);
      if (rest && !kept.some((other) => other.text === rest)) {
        kept.push({ text: rest, value: entry.value, typed });
      }
    }
    return kept;
  }

  clear(): void {
    this.entries = [];
  }
}

function same(one: Entry<unknown>, other: Entry<unknown>): boolean {
  return one.uri === other.uri && one.before === other.before && one.after === other.after;
}

/** How many characters of an entry's text stand before the cursor; -1 where the place is another. */
function typedOf(entry: Entry<unknown>, before: string): number {
  for (let typed = 0; typed < entry.text.length; typed += 1) {
    const expected = entry.before + entry.text.slice(0, typed);
    // A window that is full slides along; one that is not begins where the file does.
    const isSlid = before.length >= entry.before.length && expected.endsWith(before);
    if (isSlid || (entry.before.length === TAIL && before.endsWith(expected))) {
      return typed;
    }
  }
  return -1;
}
