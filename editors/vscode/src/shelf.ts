/** Where events wait while no editor runs: a file of each window, so that none overwrites another's. */

import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Event, Shelf } from "./events";

/** Keys may come faster than a disk; what is lost when an editor is killed is at most of so long. */
const SOON_MS = 300;

export class FileShelf implements Shelf {
  private readonly path: string;
  private taken: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private events: readonly Event[] = [];

  constructor(private readonly folder: string) {
    this.path = join(folder, `events-${randomUUID()}.json`);
  }

  /** What all windows before left; another window that is open may send the same, which counts once. */
  get(): readonly Event[] {
    let names: string[] = [];
    try {
      names = readdirSync(this.folder).filter((name) => /^events-.*\.json$/.test(name));
    } catch {
      return []; // nothing was ever kept
    }
    const events: Event[] = [];
    for (const name of names) {
      try {
        events.push(...(JSON.parse(readFileSync(join(this.folder, name), "utf8")) as Event[]));
        this.taken.push(join(this.folder, name));
      } catch {
        // of a window that is writing, or was killed while it did
      }
    }
    return [...new Map(events.map((event) => [event.id, event])).values()];
  }

  set(events: readonly Event[]): void {
    this.events = events;
    this.timer ??= setTimeout(() => this.write(), SOON_MS);
    this.timer.unref();
  }

  /** Write what waits now. */
  write(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    try {
      if (this.events.length) {
        mkdirSync(this.folder, { recursive: true });
        writeFileSync(this.path, JSON.stringify(this.events), { mode: 0o600 });
      } else {
        rmSync(this.path, { force: true });
      }
      this.taken.forEach((path) => rmSync(path, { force: true })); // what it held is in ours, or sent
      this.taken = [];
    } catch {
      // a disk that is full, or read-only: events are not worth a disturbance
    }
  }
}
