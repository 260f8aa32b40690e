/** Diagnostics of our checks on text that came from the model and was taken; they go when somebody edits there. */

import * as vscode from "vscode";

import type { Suggestion } from "./gateway";
import { Change, moved, Range } from "./ranges";

interface Mark {
  range: Range;
  readonly message: string;
  readonly rule: string;
  readonly check: string;
}

export class Marks {
  private readonly shown = vscode.languages.createDiagnosticCollection("yunque");
  private readonly marks = new Map<string, Mark[]>();

  /** Mark what checks found in a completion that stands at an offset now. */
  add(document: vscode.TextDocument, suggestion: Suggestion, offset: number): void {
    const uri = document.uri.toString();
    const first = document.positionAt(offset).line;
    const marks = this.marks.get(uri) ?? [];
    for (const verdict of suggestion.verdicts.filter((item) => item.outcome === "fail")) {
      const findings = verdict.findings?.length ? verdict.findings : [{ rule: verdict.check, line: 1, message: verdict.detail ?? "" }];
      for (const finding of findings) {
        const line = document.lineAt(Math.min(document.lineCount - 1, first + (finding.line ?? 1) - 1));
        const start = document.offsetAt(line.range.start) + line.firstNonWhitespaceCharacterIndex;
        const range = { start, end: document.offsetAt(line.range.end) };
        marks.push({ range, message: finding.message || verdict.check, rule: finding.rule, check: verdict.check });
      }
    }
    this.marks.set(uri, marks);
    this.show(document);
  }

  changed(document: vscode.TextDocument, changes: readonly Change[]): void {
    const uri = document.uri.toString();
    const marks = this.marks.get(uri);
    if (!marks?.length) {
      return;
    }
    const left = marks.filter(({ range }) => !changes.some((change) => touches(range, change)));
    for (const mark of left) {
      for (const change of changes) {
        mark.range = moved(mark.range, change);
      }
    }
    this.marks.set(uri, left);
    this.show(document);
  }

  closed(document: vscode.TextDocument): void {
    this.marks.delete(document.uri.toString());
    this.shown.delete(document.uri);
  }

  dispose(): void {
    this.shown.dispose();
  }

  private show(document: vscode.TextDocument): void {
    const marks = this.marks.get(document.uri.toString()) ?? [];
    this.shown.set(
      document.uri,
      marks.map((mark) => {
        const range = new vscode.Range(document.positionAt(mark.range.start), document.positionAt(mark.range.end));
        const diagnostic = new vscode.Diagnostic(range, mark.message, vscode.DiagnosticSeverity.Warning);
        diagnostic.source = `yunque ${mark.check}`;
        diagnostic.code = mark.rule;
        return diagnostic;
      }),
    );
  }
}

function touches(range: Range, change: Change): boolean {
  return change.rangeOffset <= range.end && change.rangeOffset + change.rangeLength >= range.start;
}
