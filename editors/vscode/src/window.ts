/** The text around a cursor, without reading the whole of a long file. */

import type { Place } from "./gateway";

/** As much of a document as is needed; `vscode.TextDocument` is one. */
export interface Lines {
  readonly lineCount: number;
  lineAt(line: number): { readonly text: string };
}

export interface Around {
  readonly before: string;
  readonly after: string;
  readonly isWholeFile: boolean;
}

/** At most so many characters before and behind a place, whole characters only, with plain line feeds. */
export function around(lines: Lines, line: number, column: number, charsBefore: number, charsBehind: number): Around {
  const current = lines.lineAt(line).text;
  let before = current.slice(0, column);
  let first = line;
  while (first > 0 && before.length <= charsBefore) {
    first -= 1;
    before = `${lines.lineAt(first).text}\n${before}`;
  }
  let after = current.slice(column);
  let last = line;
  while (last < lines.lineCount - 1 && after.length <= charsBehind) {
    last += 1;
    after = `${after}\n${lines.lineAt(last).text}`;
  }
  const isWholeFile =
    first === 0 && last === lines.lineCount - 1 && before.length <= charsBefore && after.length <= charsBehind;
  const sent = { before: before.slice(Math.max(0, before.length - charsBefore)), after: after.slice(0, charsBehind) };
  // A window may begin or end in the middle of a character outside the basic plane.
  return { before: whole(sent.before), after: whole(sent.after), isWholeFile };
}

function whole(text: string): string {
  const start = /^[\udc00-\udfff]/.test(text) ? 1 : 0;
  const end = /[\ud800-\udbff]$/.test(text) ? text.length - 1 : text.length;
  return text.slice(start, end);
}

/** Why nothing can be asked in such a file; empty where something can. */
export function unsuitable(lines: Lines, around: Around): string {
  if (/\0/.test(around.before) || /\0/.test(around.after)) {
    return "the file is no text";
  }
  if (lines.lineCount > 200_000) {
    return "the file is too long";
  }
  return (around.before + around.after).trim() ? "" : "the file is empty";
}

/** The place as a gateway is asked about it. */
export function placeOf(text: Around, path: string, language: string): Place {
  return { ...text, path, language };
}
