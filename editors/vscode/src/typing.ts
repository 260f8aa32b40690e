/** How fast somebody types, and how long to wait for their next key. */

/** A longer pause between two keys says nothing of how fast they are. */
const LONGEST_MS = 1000;
const MOST_MORE_MS = 200;
/**
 * The wait, in typical distances of two keys. A whole one would ask for less that is never seen, but what is asked early has
 * read the prompt when it counts: from a key to grey text 438 ms in the median with 1, see docs/log.md.
 */
const PATIENCE = 0.5;

export class TypingSpeed {
  private last = -Infinity;
  private typical = 0;

  /** A key came. */
  key(now: number): void {
    const between = now - this.last;
    this.last = now;
    if (between < LONGEST_MS) {
      this.typical = this.typical ? this.typical + 0.25 * (between - this.typical) : between;
    }
  }

  /** Milliseconds from the last key until a request is worth it; a slow typist need not wait for a key that takes long. */
  wait(least: number): number {
    const expected = PATIENCE * this.typical;
    return expected > least + MOST_MORE_MS ? least : Math.max(least, expected);
  }
}
