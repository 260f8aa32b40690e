/** Ghost text: when to ask, what to show, and why nothing came. */

import * as vscode from "vscode";

import { Cache, Kept } from "./cache";
import type { Gateway, Suggestion } from "./gateway";
import type { Offer, Reactions } from "./reactions";
import type { Settings } from "./settings";
import { Status, Unavailable } from "./status";
import { TypingSpeed } from "./typing";
import type { Watch } from "./watch";
import { Around, around, placeOf, unsuitable } from "./window";

export const TAKEN = "yunque.taken";
/** Where people write code; not the box of a commit's message, nor an output. */
export const SCHEMES = ["file", "untitled", "vscode-remote", "vscode-vfs", "vscode-notebook-cell"];
/** Asked for by hand, so many more are offered beside the likeliest. */
const MORE = 2;
const MORE_TEMPERATURE = 0.8;

/** What the provider needs of the rest of the extension. */
export interface Home {
  readonly settings: Settings;
  readonly gateway: Gateway;
  readonly editor: string;
  tell(status: Status, model?: string): void;
}

/** A completion at the place for which it was asked. */
type Given = Pick<Offer, "suggestion" | "around" | "line" | "column" | "charsBehind" | "latencyMs" | "isAsked">;

export class Suggestions implements vscode.InlineCompletionItemProvider {
  private readonly speed = new TypingSpeed();
  private readonly cache = new Cache<Given>();
  private lastKey = 0;
  private isDeleting = false;

  constructor(
    private readonly home: Home,
    private readonly reactions: Reactions,
    private readonly watch: Watch,
  ) {}

  /** A document changed. */
  changed(event: vscode.TextDocumentChangeEvent): void {
    const now = Date.now();
    this.isDeleting = event.contentChanges.every((change) => change.text === "" && change.rangeLength > 0);
    if (event.contentChanges.some((change) => change.text.length === 1)) {
      this.speed.key(now);
    }
    this.lastKey = now;
  }

  /** Another gateway, other settings. */
  forget(): void {
    this.cache.clear();
  }

  async provideInlineCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem[]> {
    const { home } = this;
    const isAsked = context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
    const silence = this.silence(document, isAsked);
    if (silence !== undefined) {
      if (silence) {
        home.tell({ state: "nothing", reason: silence });
      }
      return [];
    }
    const place = this.watch.task(() => this.around(document, position, context.selectedCompletionInfo));
    const reason = unsuitable(document, place);
    if (reason) {
      home.tell({ state: "nothing", reason });
      return [];
    }
    const uri = document.uri.toString();
    const kept = this.watch.task(() => this.cache.find(uri, place));
    if (kept[0] && !isAsked) {
      return this.items(document, position, context, kept.slice(0, 1));
    }
    if (!isAsked && !(await this.isCalm(token))) {
      return [];
    }
    const abort = new AbortController();
    const listening = token.onCancellationRequested(() => abort.abort());
    try {
      const started = isAsked ? Date.now() : this.lastKey;
      const asked = this.ask(document, place, abort.signal, kept, isAsked);
      const results = await Promise.allSettled(asked);
      if (token.isCancellationRequested) {
        return [];
      }
      const latencyMs = Date.now() - started;
      return this.watch.task(() => {
        this.tellOf(results);
        for (const result of results) {
          if (result.status === "fulfilled" && result.value.text) {
            const charsBehind = document.lineAt(position.line).text.length - position.character;
            this.cache.add(uri, place, result.value.text, {
              suggestion: result.value, around: place, line: position.line, column: position.character, charsBehind, latencyMs,
              isAsked,
            });
          }
        }
        const now = this.cache.find(uri, place);
        if (now.length && !isAsked) {
          this.watch.completion(latencyMs);
        }
        return this.items(document, position, context, isAsked ? now.reverse() : now.slice(0, 1));
      });
    } finally {
      listening.dispose();
    }
  }

  /** Why nothing is to be asked: a reason for people, empty for one that they need not be told; undefined to go on. */
  private silence(document: vscode.TextDocument, isAsked: boolean): string | undefined {
    if (!this.home.settings.enabled) {
      return "";
    }
    if (!isAsked && this.home.settings.languagesOff.includes(document.languageId)) {
      return `switched off for ${document.languageId}`;
    }
    return !isAsked && this.isDeleting ? "" : undefined;
  }

  private around(document: vscode.TextDocument, position: vscode.Position, info?: vscode.SelectedCompletionInfo): Around {
    const { charsBefore, charsBehind } = this.home.settings;
    if (!info) {
      return around(document, position.line, position.character, charsBefore, charsBehind);
    }
    // What the list of the language's own suggestions has selected will stand there.
    const place = around(document, info.range.end.line, info.range.end.character, charsBefore, charsBehind);
    const replaced = document.getText(info.range).length;
    return { ...place, before: place.before.slice(0, place.before.length - replaced) + info.text };
  }

  /** Wait until the next key would have come; false where it came. */
  private async isCalm(token: vscode.CancellationToken): Promise<boolean> {
    const left = this.lastKey + this.speed.wait(this.home.settings.debounceMs) - Date.now();
    if (left > 0) {
      await new Promise((resolve) => setTimeout(resolve, left));
    }
    return !token.isCancellationRequested;
  }

  private ask(
    document: vscode.TextDocument, text: Around, signal: AbortSignal, kept: readonly unknown[], isAsked: boolean,
  ): Promise<Suggestion>[] {
    const { gateway, editor, settings } = this.home;
    const place = placeOf(text, vscode.workspace.asRelativePath(document.uri, false), document.languageId);
    const { maxTokens, hold } = settings;
    const asked = kept.length ? [] : [gateway.complete(place, { maxTokens, hold, editor }, signal)];
    for (let seed = 1; isAsked && kept.length < 1 + MORE && seed <= MORE; seed += 1) {
      // Each under a name of its own: a newer request of one editor ends its older one.
      const more = { maxTokens, hold, editor: `${editor}-${seed}`, temperature: MORE_TEMPERATURE, seed };
      asked.push(gateway.complete(place, more, signal));
    }
    return asked;
  }

  private tellOf(results: readonly PromiseSettledResult<Suggestion>[]): void {
    const best = results.find((result) => result.status === "fulfilled" && result.value.text) ?? results[0];
    if (best?.status === "fulfilled") {
      this.home.tell(best.value.status, best.value.model);
    } else if (best?.reason instanceof Unavailable) {
      this.home.tell(best.reason.status);
    } else if (best) {
      throw best.reason;
    }
  }

  private items(
    document: vscode.TextDocument, position: vscode.Position, context: vscode.InlineCompletionContext,
    kept: readonly Kept<Given>[],
  ): vscode.InlineCompletionItem[] {
    const offset = document.offsetAt(position);
    const info = context.selectedCompletionInfo;
    return kept.map(({ text, value }, index) => {
      const path = vscode.workspace.asRelativePath(document.uri, false);
      const offer: Offer = { ...value, uri: document.uri.toString(), offset, text, path };
      if (index === 0 && !info) {
        this.reactions.offered(offer);
      }
      const range = info?.range ?? new vscode.Range(position, position);
      const item = new vscode.InlineCompletionItem((info?.text ?? "") + text, range);
      item.command = { title: "taken", command: TAKEN, arguments: [offer] };
      return item;
    });
  }
}
