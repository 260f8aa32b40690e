/** What a person may set; `package.json` describes each. */

import * as vscode from "vscode";

import { Level, LEVELS } from "./events";

export interface Settings {
  readonly enabled: boolean;
  readonly url: string;
  readonly feedback: Level;
  readonly debounceMs: number;
  readonly maxTokens: number;
  readonly hold: boolean;
  readonly charsBefore: number;
  readonly charsBehind: number;
  readonly languagesOff: readonly string[];
  readonly command: string;
}

export function readSettings(): Settings {
  const section = vscode.workspace.getConfiguration("yunque");
  const level = section.get<string>("feedback", "off");
  return {
    enabled: section.get("enabled", true),
    url: section.get("url", "http://127.0.0.1:8765").trim(),
    feedback: LEVELS.find((known) => known === level) ?? "off",
    debounceMs: section.get("debounceMs", 60),
    maxTokens: section.get("maxTokens", 64),
    hold: section.get("hold", true),
    charsBefore: section.get("charsBefore", 1000),
    charsBehind: section.get("charsBehind", 300),
    languagesOff: section.get("languagesOff", []),
    command: section.get("command", "yunque serve"),
  };
}
