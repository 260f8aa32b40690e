/**
 * What somebody does with completions, told from what happens to the document. Knows nothing of the editor's API, which has
 * hooks for an accepted completion alone: shown is what stood there for a quarter of a second or was taken, dismissed is
 * what was seen and then typed over, left or sent away.
 */

import { randomUUID } from "node:crypto";

import type { Event, Reaction } from "./events";
import type { Suggestion } from "./gateway";
import { Change, keptChars, moved, Range } from "./ranges";
import type { Around } from "./window";

/** Seconds after which what is left of an accepted completion is looked at. */
export const SURVIVAL_S = [30, 90, 180, 360] as const;
/** What was seen for less than this was not looked at. */
export const SEEN_MS = 250;

/** A completion at its place. */
export interface Offer {
  readonly suggestion: Suggestion;
  readonly uri: string;
  /** Where it stands, in UTF-16 units from the start of the file. */
  readonly offset: number;
  /** What is left of it: the editor has put the rest there, or somebody typed it. */
  readonly text: string;
  readonly around: Around;
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly charsBehind: number;
  readonly latencyMs: number;
  readonly isAsked: boolean;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  after(ms: number, act: () => void): { cancel(): void };
}

interface Current {
  offer: Offer;
  rest: string;
  offset: number;
  since: number;
  isShown: boolean;
  partly: number;
  timer: { cancel(): void };
}

interface Accepted {
  readonly offer: Offer;
  readonly text: string;
  range: Range;
  readonly timers: { cancel(): void }[];
}

/** By how much a change goes on in what stands at the cursor; it may write what was typed of it anew. */
function wentOn(current: Current, change: Change): string {
  const { offset, text } = current.offer;
  const typed = text.slice(0, text.length - current.rest.length);
  const head = typed.slice(Math.max(0, change.rangeOffset - offset));
  const written = plain(change.text);
  const isThere = change.rangeOffset >= offset && change.rangeOffset + change.rangeLength === current.offset;
  const more = isThere && written.startsWith(head) ? written.slice(head.length) : "";
  return current.rest.startsWith(more) ? more : "";
}

function plain(text: string): string {
  return text.replaceAll("\r\n", "\n");
}

export class Reactions {
  private current: Current | undefined;
  private accepted: Accepted[] = [];
  private last: { uri: string; change: Change } | undefined;

  constructor(
    private readonly emit: (event: Event) => void,
    /** The text of a document between two offsets; undefined where it is closed. */
    private readonly read: (uri: string, range: Range) => string | undefined,
    private readonly clock: Clock,
  ) {}

  /** A completion stands at the cursor. */
  offered(offer: Offer): void {
    const current = this.current;
    if (current && current.offer.suggestion.id === offer.suggestion.id && current.offset === offer.offset) {
      current.rest = offer.text; // the same one, of which a part was typed
      return;
    }
    this.end("dismissed");
    const started: Current = {
      offer, rest: offer.text, offset: offer.offset, since: this.clock.now(), isShown: false, partly: 0,
      timer: this.clock.after(SEEN_MS, () => this.show(started)),
    };
    this.current = started;
  }

  /** A document changed, before anything else is told of it. */
  changed(uri: string, changes: readonly Change[]): void {
    this.last = changes.length === 1 && changes[0] ? { uri, change: changes[0] } : undefined;
    for (const change of changes) {
      for (const item of this.accepted) {
        if (item.offer.uri === uri) {
          item.range = moved(item.range, change);
        }
      }
    }
    const current = this.current;
    if (!current || current.offer.uri !== uri) {
      return;
    }
    const [change] = changes;
    const text = changes.length === 1 && change ? wentOn(current, change) : "";
    if (change && text) {
      current.rest = current.rest.slice(text.length);
      current.offset += change.text.length - change.rangeLength;
      current.partly += text.length === 1 ? 0 : text.length;
      if (current.rest === "") {
        // Taken as a whole, of which the editor tells in a moment; or typed to its end.
        current.timer.cancel();
        current.timer = this.clock.after(SEEN_MS, () => this.end(undefined));
      }
      return;
    }
    if (changes.length) {
      this.end("dismissed");
    }
  }

  /** The cursor is somewhere else; while somebody types the change was told before. */
  movedTo(uri: string, offset: number): void {
    const current = this.current;
    if (current && (current.offer.uri !== uri || current.offset !== offset)) {
      this.end("dismissed");
    }
  }

  /** The editor put all that was left of an offer in, just before it says so; of several it need not be the first. */
  tookAll(offer: Offer): void {
    const current = this.current?.offer.suggestion.id === offer.suggestion.id ? this.current : undefined;
    if (current) {
      this.show(current);
      this.stop(current);
    } else {
      this.end("dismissed");
      this.shown(offer, this.clock.now());
    }
    const seen_ms = current ? this.clock.now() - current.since : 0;
    const whole = offer.suggestion.text;
    this.event(offer, "accepted", { seen_ms, kept_chars: whole.length });
    const change = this.last?.uri === offer.uri ? this.last.change : undefined;
    if (change) {
      const range = { start: change.rangeOffset, end: change.rangeOffset + change.text.length };
      this.follow(offer, this.withHead(offer, range, plain(change.text)));
    }
  }

  /** The place of all of a completion, of which only the rest was put in: its beginning was typed, or taken before. */
  private withHead(offer: Offer, range: Range, rest: string): Range {
    const whole = offer.suggestion.text;
    const head = whole.endsWith(rest) ? whole.slice(0, whole.length - rest.length) : "";
    for (const raw of [head, head.replaceAll("\n", "\r\n")]) {
      const start = range.start - raw.length;
      if (head && start >= 0 && this.read(offer.uri, { start, end: range.start }) === raw) {
        return { start, end: range.end };
      }
    }
    return range;
  }

  /** It was sent away. */
  dismissed(): void {
    this.end("dismissed");
  }

  dispose(): void {
    this.end("dismissed");
    for (const item of this.accepted) {
      item.timers.forEach((timer) => timer.cancel());
    }
    this.accepted = [];
  }

  private show(current: Current): void {
    if (!current.isShown) {
      current.isShown = true;
      this.shown(current.offer, current.since);
    }
  }

  private shown(offer: Offer, at: number): void {
    const { suggestion, around } = offer;
    this.event(offer, "shown", { prompt: around.before, completion: suggestion.text, suffix: around.after }, at);
  }

  /** What stood there stands there no more. */
  private end(why: Reaction | undefined): void {
    const current = this.current;
    if (!current) {
      return;
    }
    this.stop(current);
    const seen_ms = this.clock.now() - current.since;
    if (current.partly > 0) {
      this.show(current);
      this.event(current.offer, "partly accepted", { seen_ms, kept_chars: current.partly });
    } else if (why && current.isShown) {
      this.event(current.offer, why, { seen_ms });
    }
  }

  private stop(current: Current): void {
    current.timer.cancel();
    this.current = undefined;
  }

  // ---------------------------------------------------------------------------------------------------------- survival
  private follow(offer: Offer, range: Range): void {
    const item: Accepted = { offer, text: plain(this.read(offer.uri, range) ?? ""), range, timers: [] };
    for (const after of SURVIVAL_S) {
      item.timers.push(this.clock.after(after * 1000, () => this.look(item, after)));
    }
    this.accepted.push(item);
  }

  private look(item: Accepted, after: number): void {
    const read = this.read(item.offer.uri, item.range);
    const now = read === undefined ? undefined : plain(read);
    if (now !== undefined) {
      // With what stands before it: a password that was typed there is looked for in context.
      const { before, after: suffix } = item.offer.around;
      const more = { kept_chars: keptChars(item.text, now), final_text: now, prompt: before, suffix };
      this.event(item.offer, "survived", { after_s: after, ...more });
      if (after === SURVIVAL_S.at(-1) && now !== item.text) {
        this.event(item.offer, "edited", more);
      }
    }
    if (after === SURVIVAL_S.at(-1) || now === undefined) {
      item.timers.forEach((timer) => timer.cancel());
      this.accepted = this.accepted.filter((other) => other !== item);
    }
  }

  // ------------------------------------------------------------------------------------------------------------ events
  private event(offer: Offer, reaction: Reaction, more: Partial<Event>, at = this.clock.now()): void {
    const { suggestion } = offer;
    this.emit({
      id: randomUUID(),
      completion_id: suggestion.id,
      reaction,
      happened_at: at / 1000,
      model: suggestion.model,
      language: suggestion.language,
      chars: suggestion.text.length,
      lines: suggestion.text.split("\n").length,
      latency_ms: offer.latencyMs,
      line: offer.line,
      column: offer.column,
      chars_behind: offer.charsBehind,
      is_asked: offer.isAsked,
      engine: suggestion.engine,
      settings: suggestion.settings,
      verdicts: Object.fromEntries(suggestion.verdicts.map((verdict) => [verdict.check, verdict.outcome])),
      path: offer.path,
      ...more,
    });
  }
}
