/** Events on their way to the gateway: no more than was agreed to, each until it is safe, none twice. */

import { Unavailable } from "./status";

export const LEVELS = ["off", "counts", "shape", "text"] as const;
export type Level = (typeof LEVELS)[number];
export type Reaction = "shown" | "accepted" | "partly accepted" | "dismissed" | "survived" | "edited";

/** As of `yunque.feedback.events.Event`. */
export interface Event {
  readonly id: string;
  readonly completion_id: string;
  readonly reaction: Reaction;
  /** Seconds since 1970. */
  readonly happened_at: number;
  readonly model: string;
  readonly language: string;
  readonly after_s?: number;
  readonly chars?: number;
  readonly lines?: number;
  readonly kept_chars?: number;
  readonly seen_ms?: number;
  readonly latency_ms?: number;
  readonly line?: number;
  readonly column?: number;
  readonly chars_behind?: number;
  readonly is_asked?: boolean;
  readonly engine?: string;
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  readonly verdicts?: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly prompt?: string;
  readonly completion?: string;
  readonly suffix?: string;
  readonly final_text?: string;
}

const COUNTS = ["id", "completion_id", "reaction", "happened_at", "model", "language", "after_s"];
const TEXTS = ["path", "prompt", "completion", "suffix", "final_text"];

/** The event without what a level does not cover; the gateway looks again. */
export function atLevel(event: Event, level: Level): Event | undefined {
  if (level === "off") {
    return undefined;
  }
  const isKept = (name: string) =>
    level === "text" || (level === "shape" ? !TEXTS.includes(name) : COUNTS.includes(name));
  return Object.fromEntries(Object.entries(event).filter(([name]) => isKept(name))) as unknown as Event;
}

/** Where events wait while an editor is closed. */
export interface Shelf {
  get(): readonly Event[];
  set(events: readonly Event[]): void;
}

const MOST_WAITING = 500;
const BATCH = 100;
/** A gateway takes bodies of two megabytes. */
const BATCH_CHARS = 500_000;
/** Refusals that say of the events that they are none, or too many. */
const NEVER = [400, 413, 422];
const SOON_MS = 2000;
const LONGEST_MS = 60_000;

export class EventQueue {
  private waiting: Event[];
  private timer: NodeJS.Timeout | undefined;
  private failures = 0;
  private sending: Promise<void> = Promise.resolve();

  constructor(
    private readonly send: (events: readonly Event[]) => Promise<void>,
    private readonly shelf: Shelf,
    private readonly level: () => Level,
    private readonly log: (line: string) => void = () => {},
  ) {
    this.waiting = [...shelf.get()];
    if (this.waiting.length) {
      shelf.set(this.waiting); // in a place of ours, whatever becomes of the one where it was
      this.later(SOON_MS);
    }
  }

  get length(): number {
    return this.waiting.length;
  }

  add(event: Event): void {
    const kept = atLevel(event, this.level());
    if (kept === undefined) {
      return;
    }
    this.waiting = [...this.waiting, kept].slice(-MOST_WAITING);
    this.shelf.set(this.waiting);
    this.later(SOON_MS);
  }

  /** Send what waits; what is not safe afterwards waits on. */
  async flush(): Promise<void> {
    this.sending = this.sending.then(() => this.all());
    await this.sending;
  }

  /** Forget what waits: nobody agrees to it any more. */
  clear(): void {
    this.waiting = [];
    this.shelf.set([]);
  }

  dispose(): void {
    clearTimeout(this.timer);
  }

  private async all(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    let most = BATCH;
    while (this.waiting.length) {
      const batch = this.batch(most);
      // The level of now: it may have been lowered since.
      const events = batch.map((event) => atLevel(event, this.level())).filter((event) => event !== undefined);
      try {
        if (events.length) {
          await this.send(events);
        }
      } catch (error) {
        if (!(error instanceof Unavailable)) {
          throw error;
        }
        if (NEVER.includes(error.code)) {
          // The same again would be refused again, and hold up what comes behind it.
          if (batch.length > 1) {
            most = Math.ceil(batch.length / 2);
            continue;
          }
          this.log(`an event is given up: ${error.message}`);
          this.drop(batch);
          continue;
        }
        this.failures += 1;
        this.log(`${this.waiting.length} events wait: ${error.message}`);
        this.later(Math.min(LONGEST_MS, SOON_MS * 2 ** this.failures));
        return;
      }
      this.failures = 0;
      this.drop(batch);
    }
  }

  private batch(most: number): readonly Event[] {
    let chars = 0;
    const end = this.waiting.findIndex((event) => (chars += JSON.stringify(event).length) > BATCH_CHARS);
    return this.waiting.slice(0, Math.max(1, Math.min(most, end < 0 ? most : end)));
  }

  private drop(batch: readonly Event[]): void {
    const gone = new Set(batch.map((event) => event.id));
    this.waiting = this.waiting.filter((event) => !gone.has(event.id));
    this.shelf.set(this.waiting);
  }

  private later(ms: number): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.flush();
    }, ms);
  }
}
