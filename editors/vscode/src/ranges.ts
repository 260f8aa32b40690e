/** Places in a text that changes, in offsets of UTF-16 units. */

/** What was replaced by what; `vscode.TextDocumentContentChangeEvent` is one. */
export interface Change {
  readonly rangeOffset: number;
  readonly rangeLength: number;
  readonly text: string;
}

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Where a range is after a change; what is put in at its edges is outside. */
export function moved(range: Range, change: Change): Range {
  const behind = change.rangeOffset + change.rangeLength;
  const more = change.text.length - change.rangeLength;
  if (behind <= range.start) {
    return { start: range.start + more, end: range.end + more };
  }
  if (change.rangeOffset >= range.end) {
    return range;
  }
  const start = change.rangeOffset < range.start ? change.rangeOffset + change.text.length : range.start;
  const end = behind > range.end ? change.rangeOffset + (change.rangeOffset < range.start ? change.text.length : 0) : range.end + more;
  return { start, end: Math.max(start, end) };
}

const MOST_COMPARED = 600;

/** How many characters of a text still stand in another, in their order (the longest common subsequence). */
export function keptChars(text: string, now: string): number {
  let start = 0;
  while (start < text.length && start < now.length && text[start] === now[start]) {
    start += 1;
  }
  let end = 0;
  while (end < text.length - start && end < now.length - start && text.at(-1 - end) === now.at(-1 - end)) {
    end += 1;
  }
  const left = text.slice(start, text.length - end).slice(0, MOST_COMPARED);
  const right = now.slice(start, now.length - end).slice(0, MOST_COMPARED);
  let row = new Uint16Array(right.length + 1);
  for (const char of left.split("")) {
    const next = new Uint16Array(right.length + 1);
    for (let column = 1; column <= right.length; column += 1) {
      const above = row[column] ?? 0;
      next[column] = right[column - 1] === char ? (row[column - 1] ?? 0) + 1 : Math.max(above, next[column - 1] ?? 0);
    }
    row = next;
  }
  return start + end + (row[right.length] ?? 0);
}
