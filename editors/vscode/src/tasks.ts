/** Coding tasks: the answer is shown as a diff with its verdicts, and made when somebody says so. */

import * as vscode from "vscode";

import type { Answer, Verdict } from "./gateway";
import type { Home } from "./suggestions";
import { Status, Unavailable } from "./status";
import { blockAround, dedented, indented, linesOf, MOST_CHARS, selected, Target, testFileOf } from "./targets";

export const SCHEME = "yunque-answer";
export const VERBS = ["write", "fix", "refactor", "explain", "test"] as const;
export type Verb = (typeof VERBS)[number];

const LANGUAGES: Record<string, string> = {
  typescriptreact: "typescript", javascriptreact: "javascript", shellscript: "shell", "objective-c": "c",
};
const MARKS: Record<string, string> = { pass: "✓", fail: "✗", skip: "–", error: "!" };

/** An answer that waits for its person. */
interface Pending {
  readonly file: vscode.Uri;
  /** What is replaced, and the whole file as it was; undefined for a file that is to be made. */
  readonly replaced: { readonly range: vscode.Range; readonly whole: string } | undefined;
  readonly text: string;
}

export class Tasks implements vscode.TextDocumentContentProvider {
  private readonly pending = new Map<string, Pending>();
  private readonly texts = new Map<string, string>();
  private count = 0;

  constructor(
    private readonly home: Home,
    private readonly log: (line: string) => void,
  ) {}

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? "";
  }

  /** Ask for a task about the active editor's selection, or the block around its cursor. */
  async run(verb: Verb): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!editor) {
      this.home.tell({ state: "nothing", reason: "no file is open" });
      return;
    }
    const { document, selection } = editor;
    const instruction = verb === "write" ? await vscode.window.showInputBox(WRITE_BOX) : "";
    if (instruction === undefined) {
      return;
    }
    const target = await targetOf(document, selection, verb);
    const { text, indent } = dedented(linesOf(document, target));
    if (text.length > MOST_CHARS) {
      this.home.tell({ state: "nothing", reason: `more than ${MOST_CHARS} characters: select what it is about` });
      return;
    }
    const range = new vscode.Range(target.first, 0, target.behind - 1, document.lineAt(Math.max(0, target.behind - 1)).text.length);
    const body = {
      verb, code: verb === "write" ? "" : text, rounds: 1, language: LANGUAGES[document.languageId] ?? document.languageId,
      instruction: verb === "fix" ? problems(document, range) : instruction,
      ...(verb === "test" ? { path: document.uri.path.split("/").at(-1) } : {}),
    };
    const whole = document.getText();
    const answer = await this.ask(verb, body);
    if (!answer) {
      return;
    }
    const title = `yunque ${verb}: ${document.uri.path.split("/").at(-1)}${verdictsLine(answer.verdicts)}`;
    this.tellOf(verb, answer);
    if (verb === "explain") {
      await this.explain(document, answer);
    } else if (verb === "test") {
      await this.offerFile(document, answer, title);
    } else if (answer.code.trim()) {
      const where = verb === "write" ? new vscode.Range(selection.active, selection.active) : range;
      const code = verb === "write" ? inserted(document, selection.active, answer.code) : indented(answer.code.replace(/\n+$/, ""), indent);
      if (document.getText() !== whole) {
        this.home.tell({ state: "nothing", reason: "the file changed meanwhile" });
        return;
      }
      await this.offer(document, where, code, title);
    }
  }

  /** Make the change of a diff; the last one where none is named. */
  async apply(uri?: vscode.Uri): Promise<void> {
    const [key, pending] = this.find(uri);
    if (!key || !pending) {
      return;
    }
    const edit = new vscode.WorkspaceEdit();
    if (pending.replaced) {
      const document = await vscode.workspace.openTextDocument(pending.file);
      if (document.getText() !== pending.replaced.whole) {
        this.home.tell({ state: "nothing", reason: "the file changed meanwhile: ask again" });
        return;
      }
      edit.replace(pending.file, pending.replaced.range, pending.text);
    } else {
      edit.createFile(pending.file, { contents: Buffer.from(pending.text) }); // refused where it came to be meanwhile
    }
    const done = await vscode.workspace.applyEdit(edit);
    if (!done) {
      this.home.tell({ state: "nothing", reason: "the file cannot be changed: is it read-only, or there already?" });
      return;
    }
    await this.discard(vscode.Uri.parse(key));
    await vscode.window.showTextDocument(pending.file);
  }

  /** Close a diff, and change nothing. */
  async discard(uri?: vscode.Uri): Promise<void> {
    const [key] = this.find(uri);
    if (!key) {
      return;
    }
    for (const tab of vscode.window.tabGroups.all.flatMap((group) => group.tabs)) {
      if (tab.input instanceof vscode.TabInputTextDiff && tab.input.modified.toString() === key) {
        await vscode.window.tabGroups.close(tab);
      }
    }
    this.pending.delete(key);
    this.texts.delete(key);
  }

  private find(uri?: vscode.Uri): [string | undefined, Pending | undefined] {
    const key = uri?.scheme === SCHEME ? uri.toString() : [...this.pending.keys()].at(-1);
    return [key, key ? this.pending.get(key) : undefined];
  }

  private async ask(verb: Verb, body: object): Promise<Answer | undefined> {
    const options = { location: vscode.ProgressLocation.Notification, title: `yunque: ${verb} …`, cancellable: true };
    return vscode.window.withProgress(options, async (_, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      try {
        return await this.home.gateway.verified(body, abort.signal);
      } catch (error) {
        if (error instanceof Unavailable) {
          this.home.tell(error.status);
        } else if (!token.isCancellationRequested) {
          throw error;
        }
        return undefined;
      }
    });
  }

  private tellOf(verb: Verb, answer: Answer): void {
    for (const verdict of answer.verdicts) {
      this.log(`${verb}: ${MARKS[verdict.outcome] ?? "?"} ${verdict.check} ${verdict.detail ?? ""}`.trim());
    }
    const failed: Status = { state: "held", reason: `${verb}: failed ${answer.failed.join(", ")}` };
    this.home.tell(answer.failed.length ? failed : { state: "ready", reason: `${verb}: all checks passed` });
  }

  private async explain(document: vscode.TextDocument, answer: Answer): Promise<void> {
    const uri = this.virtual(document.uri.path.replace(/[^/]*$/, "explanation.md"), answer.code);
    const shown = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(shown, { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true });
  }

  private async offerFile(document: vscode.TextDocument, answer: Answer, title: string): Promise<void> {
    const file = document.uri.with({ path: testFileOf(document.uri.path) });
    let old: vscode.TextDocument | undefined;
    try {
      old = await vscode.workspace.openTextDocument(file);
    } catch {
      old = undefined;
    }
    const text = `${answer.code.replace(/\n+$/, "")}\n`;
    if (old) {
      const end = old.lineAt(old.lineCount - 1).range.end;
      await this.offer(old, new vscode.Range(end, end), `${old.getText().endsWith("\n") ? "" : "\n"}\n\n${text}`, title);
      return;
    }
    const uri = this.virtual(file.path, text);
    this.pending.set(uri.toString(), { file, replaced: undefined, text });
    await vscode.commands.executeCommand("vscode.diff", this.virtual(`${file.path}`, ""), uri, title);
  }

  private async offer(document: vscode.TextDocument, range: vscode.Range, text: string, title: string): Promise<void> {
    const eol = document.eol === vscode.EndOfLine.CRLF ? "\r\n" : "\n";
    const written = text.replace(/\r?\n/g, eol);
    const whole = document.getText();
    const proposed = whole.slice(0, document.offsetAt(range.start)) + written + whole.slice(document.offsetAt(range.end));
    const uri = this.virtual(document.uri.path, proposed);
    const replaced = { range, whole };
    this.pending.set(uri.toString(), { file: document.uri, replaced, text: written });
    await vscode.commands.executeCommand("vscode.diff", document.uri, uri, title);
  }

  private virtual(path: string, text: string): vscode.Uri {
    this.count += 1;
    const uri = vscode.Uri.from({ scheme: SCHEME, path, query: String(this.count) });
    this.texts.set(uri.toString(), text);
    return uri;
  }
}

const WRITE_BOX: vscode.InputBoxOptions = {
  title: "yunque: write code", prompt: "What should it do?", placeHolder: "parse an ISO 8601 duration", ignoreFocusOut: true,
};

/** Whole lines: the selection, else the innermost function that the editor knows of, else the block at the outer margin. */
async function targetOf(document: vscode.TextDocument, selection: vscode.Selection, verb: Verb): Promise<Target> {
  const line = selection.active.line;
  if (verb === "write") {
    return { first: line, behind: line + 1 };
  }
  if (verb === "test") {
    return { first: 0, behind: document.lineCount };
  }
  if (!selection.isEmpty) {
    return selected(selection.start.line, selection.end.line, selection.end.character);
  }
  const symbols = await vscode.commands.executeCommand<unknown[]>("vscode.executeDocumentSymbolProvider", document.uri);
  const around = functionsIn(symbols ?? []).filter((range) => range.start.line <= line && line <= range.end.line);
  const inner = around.sort((one, other) => one.end.line - one.start.line - (other.end.line - other.start.line))[0];
  return inner ? { first: inner.start.line, behind: inner.end.line + 1 } : blockAround(document, line);
}

function functionsIn(symbols: readonly unknown[]): vscode.Range[] {
  const kinds = [vscode.SymbolKind.Function, vscode.SymbolKind.Method, vscode.SymbolKind.Constructor];
  return symbols.flatMap((symbol) => {
    if (!(symbol instanceof vscode.DocumentSymbol)) {
      return [];
    }
    return [...(kinds.includes(symbol.kind) ? [symbol.range] : []), ...functionsIn(symbol.children)];
  });
}

/** What the editor knows to be wrong there. */
function problems(document: vscode.TextDocument, range: vscode.Range): string {
  const here = vscode.languages.getDiagnostics(document.uri).filter((item) => item.range.intersection(range));
  return here.map((item) => item.message).join(" ").slice(0, 4000);
}

function inserted(document: vscode.TextDocument, at: vscode.Position, code: string): string {
  const line = document.lineAt(at.line);
  const before = line.text.slice(0, at.character);
  const indent = /^[ \t]*/.exec(before)?.[0] ?? "";
  const text = indented(code.replace(/\n+$/, ""), indent);
  // On a line that has something on it, the code begins a new one.
  return before.trim() ? `\n${text}` : text.slice(before.length);
}

function verdictsLine(verdicts: readonly Verdict[]): string {
  const words = verdicts.map((verdict) => `${verdict.check} ${MARKS[verdict.outcome] ?? "?"}`);
  return words.length ? ` — ${words.join(", ")}` : "";
}
