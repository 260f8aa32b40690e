// The page of a gateway: an editor with ghost text, the verdicts of what is shown, what the server is doing, a chat.
// It talks to the same routes as every other client, and to nobody else.

import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { cpp } from "@codemirror/lang-cpp";
import { go } from "@codemirror/lang-go";
import { java } from "@codemirror/lang-java";
import { javascript } from "@codemirror/lang-javascript";
import { python } from "@codemirror/lang-python";
import { rust } from "@codemirror/lang-rust";
import { HighlightStyle, bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, WidgetType, drawSelection, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const BEFORE = 8000, AFTER = 2000; // characters that are sent around the cursor
const DEBOUNCE_MS = 90, POLL_MS = 2000;
const $ = (id) => document.getElementById(id);

const LANGUAGES = {
  python: [python(), 'import re\nfrom collections import Counter\n\n\ndef word_counts(text):\n    """Returns how often each word stands in a text."""\n    words = '],
  javascript: [javascript(), "export function groupBy(items, key) {\n  const groups = new Map();\n  "],
  typescript: [javascript({ typescript: true }), "export function last<T>(items: T[]): T | undefined {\n  "],
  go: [go(), "package stack\n\ntype Stack struct {\n\titems []int\n}\n\nfunc (s *Stack) Push(item int) {\n\t"],
  rust: [rust(), "pub fn largest(items: &[i32]) -> Option<i32> {\n    "],
  java: [java(), "public class Stack {\n  private final java.util.List<Integer> items = new java.util.ArrayList<>();\n\n  public void push(int item) {\n    "],
  cpp: [cpp(), "#include <vector>\n\nint sum(const std::vector<int>& items) {\n  "],
};

// --------------------------------------------------------------------------------------------------------- the server
const editorId = crypto.randomUUID?.() ?? String(Math.random()); // the former is for pages of https and of this machine

async function call(path, { body, signal } = {}) {
  const headers = { "X-Editor-Id": editorId };
  const token = sessionStorage.getItem("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method: body ? "POST" : "GET", headers, signal, body: body && JSON.stringify(body) });
  if (response.status === 401) unlock();
  return response;
}

function unlock() {
  if ($("locked").open) return;
  $("refused").hidden = !sessionStorage.getItem("token");
  sessionStorage.removeItem("token");
  $("token").value = "";
  $("locked").showModal();
}

$("locked").addEventListener("close", () => {
  sessionStorage.setItem("token", $("token").value.trim());
  connect();
});

// --------------------------------------------------------------------------------------------------------- ghost text
class Ghost extends WidgetType {
  constructor(text, wrong) { super(); this.text = text; this.wrong = wrong; }
  eq(other) { return other.text === this.text && other.wrong === this.wrong; }
  toDOM() {
    const span = document.createElement("span");
    span.className = this.wrong ? "ghost wrong" : "ghost";
    span.textContent = this.text;
    return span;
  }
}

const setGhost = StateEffect.define();
const ghost = StateField.define({
  create: () => null,
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(setGhost)) return effect.value;
    if (!transaction.docChanged) return transaction.selection ? null : value;
    return value && typedAhead(value, transaction);
  },
  provide: (field) => EditorView.decorations.from(field, (value) => value
    ? Decoration.set([Decoration.widget({ widget: new Ghost(value.text, value.wrong), side: 1 }).range(value.at)])
    : Decoration.none),
});

/** What is left of the grey text when its next characters were typed; null for anything else. */
function typedAhead(value, transaction) {
  const start = value.at, end = transaction.newSelection.main.head;
  const typed = transaction.newDoc.sliceString(start, Math.max(start, end));
  const grown = transaction.newDoc.length - transaction.startState.doc.length;
  if (!typed || grown !== typed.length || !value.text.startsWith(typed) || typed === value.text) return null;
  return { ...value, at: end, text: value.text.slice(typed.length) };
}

function accept(view, length) {
  const value = view.state.field(ghost);
  if (!value) return false;
  const text = value.text.slice(0, length), rest = value.text.slice(text.length), end = value.at + text.length;
  view.dispatch({
    changes: { from: value.at, insert: text },
    selection: { anchor: end },
    effects: setGhost.of(rest ? { ...value, at: end, text: rest } : null),
    userEvent: "input.complete",
    scrollIntoView: true,
  });
  if (!rest) say("taken");
  return true;
}

const nextWord = (view) => accept(view, view.state.field(ghost)?.text.match(/^\s*(\w+|[^\w\s]+)?/)[0].length);

function dismiss(view) {
  asking?.abort();
  if (!view.state.field(ghost)) return false;
  view.dispatch({ effects: setGhost.of(null) });
  say("dismissed");
  return true;
}

// ------------------------------------------------------------------------------------------------------------ asking
let asking, timer, styles = [];

function plan(view, delay = DEBOUNCE_MS) {
  clearTimeout(timer);
  asking?.abort();
  timer = setTimeout(() => suggest(view), delay);
}

/** Has the server read what is around the cursor, so that the first key there is answered sooner. */
function readAhead(view) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    asking?.abort();
    asking = new AbortController();
    call("v1/completions", { body: { ...question(view.state), max_tokens: 0 }, signal: asking.signal }).catch(() => {});
  }, DEBOUNCE_MS);
}

/** What is asked at the cursor. */
function question(state) {
  const at = state.selection.main.head;
  const whole_file = at <= BEFORE && state.doc.length - at <= AFTER;
  return {
    prompt: state.sliceDoc(Math.max(0, at - BEFORE), at),
    suffix: styles.includes("fim") ? state.sliceDoc(at, at + AFTER) : "",
    max_tokens: $("lines").checked ? 32 : 96, stop: $("lines").checked ? ["\n"] : [],
    yunque: { language: $("language").value, hold: $("hold").checked, whole_file },
  };
}

async function suggest(view) {
  const { state } = view, at = state.selection.main.head;
  if (!state.selection.main.empty) return;
  asking = new AbortController();
  const { signal } = asking, started = performance.now();
  try {
    const response = await call("v1/completions", { body: question(state), signal });
    const answer = await response.json();
    if (signal.aborted) return;
    $("latency").textContent = `${Math.round(performance.now() - started)} ms`;
    if (!response.ok) return judge({ refusal: answer.error?.message ?? `status ${response.status}` });
    const text = answer.choices[0].text, about = answer.yunque ?? { verdicts: [], rules: [] };
    if (view.state.selection.main.head !== at || view.state.doc !== state.doc) return;
    view.dispatch({ effects: setGhost.of(text ? { at, text, wrong: Boolean(about.failed) } : null) });
    judge(about, text);
  } catch (error) {
    if (error.name !== "AbortError") judge({ refusal: "the server does not answer" });
  }
}

// ---------------------------------------------------------------------------------------------------------- verdicts
const MARKS = { pass: "✓", fail: "✗", skip: "–", error: "!" };

function judge(about, text = "") {
  const summary = $("summary"), verdicts = about.verdicts ?? [];
  summary.classList.toggle("fail", Boolean(about.refusal || about.failed));
  const passed = verdicts.filter((verdict) => verdict.outcome === "pass").length;
  if (about.refusal) summary.textContent = about.refusal;
  else if (about.held) summary.textContent = `Held back by ${about.failed}.`;
  else if (about.failed) summary.textContent = `Shown, but ${about.failed} fails it.`;
  else if (!text) summary.textContent = "Nothing to suggest here.";
  else summary.textContent = `${passed} of ${verdicts.length} checks pass, none fails.`;
  say(text ? `suggestion: ${text}` : summary.textContent);
  $("verdicts").replaceChildren(...verdicts.map((verdict) => {
    const item = document.createElement("li");
    item.className = verdict.outcome;
    const found = verdict.findings.map((finding) => finding.message).join("; ");
    for (const [name, content] of [["mark", MARKS[verdict.outcome]], ["name", verdict.check], ["ms", `${verdict.took_ms.toFixed(1)} ms`], ["detail", found || verdict.detail]]) {
      const part = document.createElement("span");
      part.className = name;
      part.textContent = content;
      if (name === "mark") part.setAttribute("aria-label", verdict.outcome);
      item.append(part);
    }
    return item;
  }));
  $("rules").hidden = !about.rules?.length;
  $("rules").textContent = about.rules?.length ? `Cleaned by: ${about.rules.join(", ")}` : "";
}

function say(text) { $("said").textContent = text; }

// ------------------------------------------------------------------------------------------------------------ editor
const highlighting = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.controlKeyword], color: "var(--keyword)" },
  { tag: [tags.string, tags.regexp, tags.special(tags.string)], color: "var(--string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--number)" },
  { tag: tags.comment, color: "var(--comment)", fontStyle: "italic" },
  { tag: [tags.function(tags.variableName), tags.definition(tags.variableName), tags.className, tags.typeName], color: "var(--name)" },
]);
const language = new Compartment();

function editorState(name) {
  const [support, doc] = LANGUAGES[name];
  return EditorState.create({
    doc,
    selection: { anchor: doc.length },
    extensions: [
      Prec.highest(keymap.of([
        { key: "Tab", run: (view) => accept(view) },
        { key: "Ctrl-ArrowRight", mac: "Alt-ArrowRight", run: nextWord },
        { key: "Escape", run: dismiss },
        { key: "Alt-\\", run: (view) => { plan(view, 0); return true; } },
      ])),
      lineNumbers(), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(), highlightActiveLine(),
      indentUnit.of(name === "python" || name === "rust" ? "    " : name === "go" ? "\t" : "  "),
      keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap]),
      language.of(support), syntaxHighlighting(highlighting), ghost,
      EditorView.contentAttributes.of({ "aria-label": "Code" }),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) {
          if (update.selectionSet && update.state.selection.main.empty) readAhead(update.view);
          return;
        }
        const erases = update.transactions.some((transaction) => transaction.isUserEvent("delete"));
        if (erases) { clearTimeout(timer); asking?.abort(); }
        else if (!update.state.field(ghost)) plan(update.view);
      }),
    ],
  });
}

const view = new EditorView({ state: editorState("python"), parent: $("code") });
$("language").append(...Object.keys(LANGUAGES).map((name) => new Option(name, name)));
$("language").addEventListener("change", () => { view.setState(editorState($("language").value)); view.focus(); plan(view, 0); });
$("ask").addEventListener("click", () => { view.focus(); plan(view, 0); });
for (const id of ["hold", "lines"]) $(id).addEventListener("change", () => plan(view, 0));

// ------------------------------------------------------------------------------------------------------------ health
let last, speeds = [];

async function poll() {
  try {
    const response = await call("metrics");
    if (!response.ok) return;
    const text = await response.text(), now = performance.now();
    const number = (name) => Number(text.match(new RegExp(`^yunque_${name}(?:_total)? (\\S+)`, "m"))?.[1] ?? 0);
    const tokens = number("tokens");
    if (last) speeds = [...speeds, Math.max(0, (tokens - last.tokens) / ((now - last.now) / 1000))].slice(-30);
    last = { tokens, now };
    for (const name of ["running", "waiting", "answered", "held"]) $(name).textContent = number(name);
    const speed = speeds.at(-1) ?? 0, most = Math.max(1, ...speeds);
    $("speed").textContent = speed < 10 ? speed.toFixed(1).replace(/\.0$/, "") : Math.round(speed);
    $("spark").firstElementChild.setAttribute("points", speeds.map((value, place) => `${(120 * (30 - speeds.length + place)) / 29},${26 - (24 * value) / most}`).join(" "));
    health(number("running") ? "busy" : "up", number("running") ? "answering" : "ready");
  } catch {
    health("down", "no server");
  }
}

/** What people did in the last days; nothing is shown where nothing is kept. */
async function people() {
  try {
    const response = await call("v1/feedback/summary?days=7");
    if (!response.ok) return;
    const { days } = await response.json();
    const sum = (name) => days.reduce((total, day) => total + day[name], 0);
    const shown = sum("shown"), most = Math.max(1, ...days.map((day) => day.shown));
    $("people").hidden = !days.length;
    $("taken").textContent = shown ? `${Math.round((100 * sum("taken")) / shown)} %` : "–";
    $("shown").textContent = shown.toLocaleString("en");
    $("dismissed").textContent = sum("dismissed").toLocaleString("en");
    $("days").replaceChildren(...days.flatMap((day, place) => [["shown", day.shown], ["taken", day.taken]].map(([name, number]) => {
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      const height = (26 * number) / most;
      for (const [key, value] of Object.entries({ x: 2 + 17 * place, y: 27 - height, width: 13, height, class: name })) bar.setAttribute(key, value);
      return bar;
    })));
    $("days").setAttribute("aria-label", days.map((day) => `${day.day}: ${day.taken} of ${day.shown} taken`).join(", "));
  } catch {
    $("people").hidden = true;
  }
}

function health(state, text) {
  $("health").className = `health ${state === "busy" ? "up busy" : state}`;
  $("state").textContent = text;
}

async function connect() {
  try {
    const response = await call("v1/models");
    if (!response.ok) return;
    const [model] = (await response.json()).data;
    styles = model.styles;
    $("model").replaceChildren(Object.assign(document.createElement("b"), { textContent: model.id }), ` · ${model.licence === "unknown" ? "licence unknown" : model.licence}${styles.includes("fim") ? "" : " · reads only what stands before the cursor"}`);
    $("chat").hidden = !styles.includes("chat");
    poll();
    people();
    plan(view, 0);
  } catch {
    health("down", "no server");
  }
}

// -------------------------------------------------------------------------------------------------------------- chat
const messages = [];
let answering;

function turn(role, text) {
  const item = document.createElement("div");
  item.className = `turn ${role}`;
  write(item, text);
  $("turns").append(item);
  item.scrollIntoView({ block: "nearest" });
  return item;
}

/** A turn's text, with its fenced code set apart; all of it as text, never as HTML. */
function write(item, text) {
  item.replaceChildren(...text.split(/```/).map((part, place) => {
    if (place % 2 === 0) return document.createTextNode(part);
    return Object.assign(document.createElement("pre"), { textContent: part.replace(/^\w*\n/, "").trimEnd() });
  }));
}

$("asking").addEventListener("submit", async (event) => {
  event.preventDefault();
  const question = $("question").value.trim();
  if (!question || answering) return;
  $("question").value = "";
  messages.push({ role: "user", content: question });
  turn("user", question);
  const item = turn("assistant", "…");
  answering = new AbortController();
  $("stop").hidden = false;
  let text = "";
  try {
    const response = await call("v1/chat/completions", { body: { messages, stream: true, max_tokens: 512 }, signal: answering.signal });
    if (!response.ok) throw new Error((await response.json()).error.message);
    for await (const event of events(response.body)) {
      if (event.error) throw new Error(event.error.message);
      text += event.choices?.[0]?.delta?.content ?? "";
      write(item, text || "…");
    }
  } catch (error) {
    if (error.name !== "AbortError") { item.classList.add("failed"); text = text || error.message; write(item, text); }
  }
  if (!item.classList.contains("failed")) messages.push({ role: "assistant", content: text });
  answering = undefined;
  $("stop").hidden = true;
});
$("stop").addEventListener("click", () => answering?.abort());
$("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $("asking").requestSubmit(); }
});

/** The values of a stream of server-sent events. */
async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.startsWith("data: ") && line !== "data: [DONE]") yield JSON.parse(line.slice(6));
  }
}

connect();
view.focus();
setInterval(() => { if (!document.hidden && !$("locked").open) poll(); }, POLL_MS);
setInterval(() => { if (!document.hidden && !$("locked").open) people(); }, 30 * POLL_MS);
