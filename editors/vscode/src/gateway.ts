/** What the extension asks of a gateway, and in plain words why nothing comes. Knows nothing of the editor. */

import { NO_ANSWER, READY, Status, Unavailable } from "./status";

export const COMPLETION_MS = 20_000;
export const TASK_MS = 600_000;
const EVENTS_MS = 10_000;

/** Where in a file something is asked for; texts have plain line feeds. */
export interface Place {
  readonly before: string;
  readonly after: string;
  readonly path: string;
  readonly language: string;
  readonly isWholeFile: boolean;
}

export interface Finding {
  readonly rule: string;
  readonly line: number | null;
  readonly message: string;
  readonly severity: string;
}

export interface Verdict {
  readonly check: string;
  readonly outcome: string;
  readonly detail?: string;
  readonly findings?: readonly Finding[];
}

/** A completion, with what is known of it. */
export interface Suggestion {
  readonly id: string;
  readonly text: string;
  readonly status: Status;
  readonly model: string;
  readonly engine: string;
  readonly language: string;
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  readonly verdicts: readonly Verdict[];
}

/** The answer to a task, as `/v1/verified` gives it. */
export interface Answer {
  readonly code: string;
  readonly ok: boolean;
  readonly failed: readonly string[];
  readonly verdicts: readonly Verdict[];
  readonly reasoning: string;
}

export interface Asked {
  readonly maxTokens: number;
  readonly hold: boolean;
  readonly editor: string;
  /** 0 is greedy. */
  readonly temperature?: number;
  readonly seed?: number;
}

export interface Agreement {
  readonly agreed: string;
  readonly most: string;
  readonly level: string;
}

/** A client of one gateway. Every method throws `Unavailable`, and an `AbortError` where the signal says so. */
export class Gateway {
  constructor(
    readonly url: string,
    private readonly token: string,
    private readonly fetcher: typeof fetch = fetch,
  ) {}

  /** The completion at a place, to the end of its line where code stands on it. */
  async complete(place: Place, asked: Asked, signal: AbortSignal): Promise<Suggestion> {
    const line = place.before.slice(place.before.lastIndexOf("\n") + 1) + (place.after.split("\n", 1)[0] ?? "");
    const body = {
      prompt: place.before,
      suffix: place.after || "\n",
      max_tokens: asked.maxTokens,
      temperature: asked.temperature ?? 0,
      seed: asked.seed ?? 0,
      ...(line.trim() ? { stop: ["\n"] } : {}),
      yunque: { path: place.path, language: place.language, whole_file: place.isWholeFile, hold: asked.hold },
    };
    const headers = { "x-editor-id": asked.editor };
    const answer = await this.ask("POST", "/v1/completions", COMPLETION_MS, { body, headers, signal });
    const about = answer.yunque ?? {};
    const text: string = answer.choices?.[0]?.text ?? "";
    const held: Status = { state: "held", reason: `held back by the check ${about.failed}` };
    return {
      id: answer.id,
      text,
      status: about.held ? held : text ? READY : NO_ANSWER,
      model: answer.model ?? "",
      engine: about.engine ?? "",
      language: about.language ?? place.language,
      settings: about.settings ?? {},
      verdicts: about.verdicts ?? [],
    };
  }

  /** The answer to a coding task. */
  async verified(body: object, signal: AbortSignal): Promise<Answer> {
    return this.ask("POST", "/v1/verified", TASK_MS, { body, signal });
  }

  /** What is served. */
  async health(): Promise<{ model: string; version: string }> {
    return this.ask("GET", "/healthz", EVENTS_MS);
  }

  async agreement(): Promise<Agreement> {
    return this.ask("GET", "/v1/feedback", EVENTS_MS);
  }

  async agree(level: string): Promise<Agreement> {
    return this.ask("PUT", "/v1/feedback", EVENTS_MS, { body: { level } });
  }

  /** Report events; they are safe when this returns. */
  async report(events: readonly object[]): Promise<void> {
    await this.ask("POST", "/v1/events", EVENTS_MS, { body: { events } });
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  private async ask(method: string, route: string, ms: number, more: Asking = {}): Promise<any> {
    const timeout = AbortSignal.timeout(ms);
    const headers: Record<string, string> = { "Content-Type": "application/json", ...more.headers };
    if (this.token) {
      headers["Authorization"] = `Bearer ${this.token}`;
    }
    const init: RequestInit = { method, headers, signal: more.signal ? AbortSignal.any([more.signal, timeout]) : timeout };
    if (more.body !== undefined) {
      init.body = JSON.stringify(more.body);
    }
    let response: Response;
    let text: string;
    try {
      response = await this.fetcher(this.url.replace(/\/+$/, "") + route, init);
      text = await response.text();
    } catch (error) {
      if (more.signal?.aborted) {
        throw error;
      }
      const slow = timeout.aborted;
      const reason = slow ? `no answer within ${ms / 1000} s` : `no gateway at ${this.url}: start one with \`yunque serve\``;
      throw new Unavailable({ state: slow ? "busy" : "offline", reason });
    }
    const value = parsed(text);
    if (response.ok && value !== undefined) {
      return value;
    }
    throw new Unavailable(refusal(response.status, value, this.url), response.status);
  }
}

interface Asking {
  readonly body?: object;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
function refusal(status: number, value: any, url: string): Status {
  const message = value?.error?.message;
  if (status < 400 || (status !== 404 && message === undefined && status < 500)) {
    return { state: "offline", reason: `what answers at ${url} is no gateway of yunque` };
  }
  const said = message ?? `status ${status}`;
  if (status === 401 || status === 403) {
    return { state: "refused", reason: `the gateway wants a token (yunque: Set Token): ${said}` };
  }
  if (status === 404) {
    return { state: "offline", reason: "the gateway has no such route: is it of another version?" };
  }
  if (status === 409) {
    return { state: "nothing", reason: said };
  }
  return { state: status === 429 || status >= 500 ? "busy" : "refused", reason: said };
}
