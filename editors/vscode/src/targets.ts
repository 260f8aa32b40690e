/** What a coding task is about: whole lines of a document. */

import type { Lines } from "./window";

export interface Target {
  readonly first: number;
  /** The line behind the last. */
  readonly behind: number;
}

export const MOST_CHARS = 100_000;

/** The lines of a selection; a selection that ends before a line's first character does not hold that line. */
export function selected(firstLine: number, lastLine: number, lastColumn: number): Target {
  const behind = lastColumn > 0 || lastLine === firstLine ? lastLine + 1 : lastLine;
  return { first: firstLine, behind };
}

/** The block at the outer margin around a line: the line that begins it, what is indented below, and what closes it. */
export function blockAround(lines: Lines, line: number): Target {
  let first = line;
  while (first > 0 && !begins(lines.lineAt(first).text)) {
    first -= 1;
  }
  while (first > 0 && /^\s*@/.test(lines.lineAt(first - 1).text)) {
    first -= 1; // decorators
  }
  let behind = line + 1;
  while (behind < lines.lineCount && !begins(lines.lineAt(behind).text)) {
    behind += 1;
  }
  // What stands above the next block belongs to it: blank lines, decorators, comments.
  while (behind > line + 1 && /^\s*(@|#|\/\/|\/\*|$)/.test(lines.lineAt(behind - 1).text)) {
    behind -= 1;
  }
  return { first, behind };
}

function begins(text: string): boolean {
  return /^[^\s@)\]}#]/.test(text) && !text.startsWith("//");
}

export function linesOf(lines: Lines, target: Target): string {
  const texts = [];
  for (let line = target.first; line < target.behind; line += 1) {
    texts.push(lines.lineAt(line).text);
  }
  return texts.join("\n");
}

/** A text without the indentation that all its lines share, and that indentation. */
export function dedented(text: string): { text: string; indent: string } {
  const filled = text.split("\n").filter((line) => line.trim());
  let indent = /^[ \t]*/.exec(filled[0] ?? "")?.[0] ?? "";
  for (const line of filled) {
    while (!line.startsWith(indent)) {
      indent = indent.slice(0, -1);
    }
  }
  return { text: text.split("\n").map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line.trim())).join("\n"), indent };
}

export function indented(text: string, indent: string): string {
  return text.split("\n").map((line) => (line.trim() ? indent + line : line)).join("\n");
}

/** Where tests of a file stand: beside it. */
export function testFileOf(path: string): string {
  const slash = path.lastIndexOf("/") + 1;
  return `${path.slice(0, slash)}test_${path.slice(slash)}`;
}
