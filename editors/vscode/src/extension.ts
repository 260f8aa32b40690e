/** The extension: what is told to what. Nothing opens by itself; why nothing is suggested stands in the status bar. */

import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";

import * as vscode from "vscode";

import { Event, EventQueue, Level } from "./events";
import { Gateway } from "./gateway";
import { Marks } from "./marks";
import { Clock, Offer, Reactions } from "./reactions";
import { readSettings, Settings } from "./settings";
import { READY, Status, statusText, statusTooltip, Unavailable } from "./status";
import { Home, SCHEMES, Suggestions, TAKEN } from "./suggestions";
import { FileShelf } from "./shelf";
import { SCHEME, Tasks, VERBS } from "./tasks";
import { Watch } from "./watch";

const TOKEN = "yunque.token";
/** How long until somebody is told again what could not be told. */
const AGAIN_MS = 30_000;
/** For tests: how many seconds pass in one. */
const CLOCK = "YUNQUE_CLOCK_FACTOR";
/** For benchmarks: a file into which figures are written, a second apart. */
const FIGURES = "YUNQUE_FIGURES";

let flushAtEnd: () => Promise<void> = async () => {};

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const channel = vscode.window.createOutputChannel("yunque", { log: true });
  const bar = vscode.window.createStatusBarItem("yunque", vscode.StatusBarAlignment.Right, 100);
  bar.name = "yunque";
  bar.command = "yunque.menu";
  const home = new Extension(context, channel, bar, readSettings(), (await context.secrets.get(TOKEN)) ?? "");
  flushAtEnd = () => home.end();
  context.subscriptions.push(channel, bar, home);
  bar.show();
  await home.meet();
}

export async function deactivate(): Promise<void> {
  await flushAtEnd();
}

class Extension implements Home {
  readonly editor = randomUUID();
  gateway: Gateway;
  private readonly watch = new Watch();
  private readonly shelf: FileShelf;
  private readonly queue: EventQueue;
  private readonly reactions: Reactions;
  private readonly suggestions: Suggestions;
  private readonly marks = new Marks();
  private readonly tasks: Tasks;
  private readonly parts: vscode.Disposable[] = [];
  private status: Status = READY;
  private model = "";
  /** What the gateway of now was told. */
  private agreed: Level | undefined;
  private again: NodeJS.Timeout | undefined;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly channel: vscode.LogOutputChannel,
    private readonly bar: vscode.StatusBarItem,
    public settings: Settings,
    token: string,
  ) {
    this.gateway = new Gateway(settings.url, token);
    this.shelf = new FileShelf(context.globalStorageUri.fsPath);
    const level = () => this.settings.feedback;
    this.queue = new EventQueue((events) => this.report(events), this.shelf, level, (line) => channel.info(line));
    this.reactions = new Reactions((event) => this.queue.add(event), textOf, clock());
    this.suggestions = new Suggestions(this, this.reactions, this.watch);
    this.tasks = new Tasks(this, (line) => channel.info(line));
    this.listen();
    if (process.env[FIGURES]) {
      const path = process.env[FIGURES];
      const timer = setInterval(() => writeFileSync(path, JSON.stringify(this.watch.figures())), 1000);
      this.parts.push({ dispose: () => clearInterval(timer) });
    }
  }

  tell(status: Status, model = this.model): void {
    if (status.reason !== this.status.reason || status.state !== this.status.state) {
      this.channel.info(`${status.state} ${status.reason}`.trim());
    }
    this.status = status;
    this.model = model;
    this.bar.text = statusText(status);
    this.bar.tooltip = statusTooltip(status, model);
  }

  /** Look who is there, and tell it what its person agrees to. */
  async meet(): Promise<void> {
    if (this.settings.enabled) {
      try {
        const { model, version } = await this.gateway.health();
        const ours: string = this.context.extension.packageJSON.version;
        const isOther = version.split(".", 2).join() !== ours.split(".", 2).join();
        const reason = isOther ? `the gateway is yunque ${version}, this extension ${ours}` : "";
        this.tell({ state: "ready", reason }, model);
      } catch (error) {
        this.tell(statusOf(error));
      }
    } else {
      this.tell({ state: "off", reason: "switched off" });
    }
    await this.tellAgreement();
  }

  /** Until the gateway knows: a consent that was taken back must reach it, too. */
  private async tellAgreement(): Promise<void> {
    clearTimeout(this.again);
    try {
      await this.agree();
    } catch (error) {
      const status = statusOf(error);
      this.channel.info(`feedback: ${status.reason}`);
      if (status.state === "refused" && this.settings.enabled) {
        this.tell(status); // that feedback does not work is no reason to be silent; that nobody is let in is
      }
      this.again = setTimeout(() => void this.tellAgreement(), AGAIN_MS);
    }
  }

  /** Tell the gateway once what its person agrees to. */
  private async agree(): Promise<void> {
    const { gateway } = this;
    const { feedback } = this.settings;
    if (this.agreed === feedback) {
      return;
    }
    const { agreed, most } = await gateway.agreement();
    if (agreed !== feedback && (most !== "off" || feedback === "off")) {
      await gateway.agree(feedback);
    }
    if (feedback !== "off" && most === "off") {
      this.channel.info("the gateway keeps no events: it was started without --feedback");
    }
    if (gateway === this.gateway) {
      this.agreed = feedback;
    }
  }

  /** Report events to a gateway that knows of the agreement: else it would acknowledge them, and keep none. */
  private async report(events: readonly Event[]): Promise<void> {
    await this.agree();
    await this.gateway.report(events);
  }

  async end(): Promise<void> {
    this.reactions.dispose();
    await this.queue.flush();
    this.shelf.write();
  }

  dispose(): void {
    clearTimeout(this.again);
    this.queue.dispose();
    this.marks.dispose();
    this.watch.dispose();
    this.parts.forEach((part) => part.dispose());
  }

  private listen(): void {
    const command = (name: string, act: (...given: never[]) => unknown) =>
      this.parts.push(vscode.commands.registerCommand(name, act));
    const selector = SCHEMES.map((scheme) => ({ scheme }));
    this.parts.push(
      vscode.languages.registerInlineCompletionItemProvider(selector, this.suggestions),
      vscode.languages.registerCodeActionsProvider(selector, { provideCodeActions }),
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this.tasks),
      vscode.workspace.onDidChangeTextDocument((event) => this.watch.task(() => this.changed(event))),
      vscode.workspace.onDidCloseTextDocument((document) => this.marks.closed(document)),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("yunque")) {
          void this.configure();
        }
      }),
      vscode.window.onDidChangeTextEditorSelection((event) => this.watch.task(() => this.selected(event))),
      vscode.window.onDidChangeActiveTextEditor(() => this.reactions.movedTo("", -1)),
    );
    command(TAKEN, (offer: Offer) => this.taken(offer));
    command("yunque.dismiss", () => {
      this.reactions.dismissed();
      return vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
    });
    for (const verb of VERBS) {
      command(`yunque.${verb}`, () => this.tasks.run(verb));
    }
    command("yunque.apply", (uri?: vscode.Uri) => this.tasks.apply(uri));
    command("yunque.discard", (uri?: vscode.Uri) => this.tasks.discard(uri));
    command("yunque.toggle", () => set("enabled", !this.settings.enabled));
    command("yunque.setToken", () => this.askToken());
    command("yunque.startGateway", () => this.startGateway());
    command("yunque.showLog", () => this.channel.show());
    command("yunque.menu", () => this.menu());
  }

  private changed(event: vscode.TextDocumentChangeEvent): void {
    if (!SCHEMES.includes(event.document.uri.scheme) || !event.contentChanges.length) {
      return;
    }
    this.suggestions.changed(event);
    this.marks.changed(event.document, event.contentChanges);
    this.reactions.changed(event.document.uri.toString(), event.contentChanges);
  }

  private selected(event: vscode.TextEditorSelectionChangeEvent): void {
    const { document } = event.textEditor;
    const [selection] = event.selections;
    if (selection && SCHEMES.includes(document.uri.scheme)) {
      this.reactions.movedTo(document.uri.toString(), document.offsetAt(selection.active));
    }
  }

  private taken(offer: Offer): void {
    const document = vscode.workspace.textDocuments.find((item) => item.uri.toString() === offer.uri);
    this.reactions.tookAll(offer);
    if (document) {
      this.marks.add(document, offer.suggestion, offer.offset);
    }
  }

  private async configure(): Promise<void> {
    const before = this.settings;
    this.settings = readSettings();
    if (this.settings.url !== before.url) {
      await this.connect();
      return;
    }
    if (this.settings.feedback === "off") {
      this.queue.clear();
    }
    this.suggestions.forget();
    await this.meet();
  }

  private async connect(): Promise<void> {
    this.gateway = new Gateway(this.settings.url, (await this.context.secrets.get(TOKEN)) ?? "");
    this.agreed = undefined;
    this.suggestions.forget();
    await this.meet();
  }

  private async askToken(): Promise<void> {
    const prompt = "What `yunque serve token add NAME` printed; empty: none";
    const token = await vscode.window.showInputBox({ title: "yunque: token", prompt, password: true, ignoreFocusOut: true });
    if (token !== undefined) {
      await (token.trim() ? this.context.secrets.store(TOKEN, token.trim()) : this.context.secrets.delete(TOKEN));
      await this.connect();
    }
  }

  private startGateway(): void {
    const terminal = vscode.window.createTerminal({ name: "yunque", iconPath: new vscode.ThemeIcon("server-process") });
    terminal.show();
    terminal.sendText(this.settings.command);
    this.tell({ state: "busy", reason: "a gateway is being started in the terminal" });
    const timer = setInterval(async () => {
      try {
        await this.gateway.health();
        clearInterval(timer);
        await this.meet();
      } catch {
        // not yet; what it says stands in the terminal
      }
    }, 1500);
    const ended = vscode.window.onDidCloseTerminal((closed) => {
      if (closed === terminal) {
        clearInterval(timer);
        ended.dispose();
        void this.meet();
      }
    });
    this.parts.push(ended, { dispose: () => clearInterval(timer) });
  }

  private async menu(): Promise<void> {
    const { enabled } = this.settings;
    const now = { label: `$(info) ${this.status.reason || "all is well"}`, description: this.model, command: "yunque.showLog" };
    const items = [
      now,
      { label: enabled ? "$(circle-slash) Switch suggestions off" : "$(check) Switch suggestions on", command: "yunque.toggle" },
      ...(this.status.state === "offline" ? [{ label: "$(server-process) Start a gateway here", command: "yunque.startGateway" }] : []),
      { label: "$(key) Set the token…", command: "yunque.setToken" },
      { label: "$(gear) Settings", command: "workbench.action.openSettings", argument: "yunque" },
      { label: "$(output) Log", command: "yunque.showLog" },
    ];
    const chosen = await vscode.window.showQuickPick(items, { title: "yunque", placeHolder: this.settings.url });
    if (chosen) {
      await vscode.commands.executeCommand(chosen.command, ...("argument" in chosen ? [chosen.argument] : []));
    }
  }
}

function provideCodeActions(
  document: vscode.TextDocument, range: vscode.Range, context: vscode.CodeActionContext,
): vscode.CodeAction[] {
  const isAsked = context.triggerKind === vscode.CodeActionTriggerKind.Invoke;
  if (!isAsked && range.isEmpty && !context.diagnostics.length) {
    return []; // no light bulb on every line
  }
  const kinds: [string, string, vscode.CodeActionKind][] = [
    ["fix", "Fix with yunque", vscode.CodeActionKind.QuickFix],
    ["refactor", "Refactor with yunque", vscode.CodeActionKind.RefactorRewrite],
    ["explain", "Explain with yunque", vscode.CodeActionKind.Empty],
    ...(document.languageId === "python"
      ? ([["test", "Write tests with yunque", vscode.CodeActionKind.Source]] as [string, string, vscode.CodeActionKind][])
      : []),
  ];
  return kinds.map(([verb, title, kind]) => {
    const action = new vscode.CodeAction(title, kind);
    action.command = { title, command: `yunque.${verb}` };
    return action;
  });
}

/** Why a gateway gave no answer; any other error is one of ours. */
function statusOf(error: unknown): Status {
  if (error instanceof Unavailable) {
    return error.status;
  }
  throw error;
}

async function set(name: string, value: unknown): Promise<void> {
  await vscode.workspace.getConfiguration("yunque").update(name, value, vscode.ConfigurationTarget.Global);
}

function textOf(uri: string, range: { start: number; end: number }): string | undefined {
  const document = vscode.workspace.textDocuments.find((item) => item.uri.toString() === uri);
  return document?.getText(new vscode.Range(document.positionAt(range.start), document.positionAt(range.end)));
}

function clock(): Clock {
  const factor = Number(process.env[CLOCK]) || 1;
  return {
    now: () => Date.now(),
    after: (ms, act) => {
      // Only what takes long is made shorter.
      const timer = setTimeout(act, ms > 5000 ? ms / factor : ms);
      return { cancel: () => clearTimeout(timer) };
    },
  };
}
