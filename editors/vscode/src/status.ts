/** Why something came, or nothing: what the status bar shows. Never a dialog. */

export type State = "ready" | "nothing" | "held" | "busy" | "refused" | "offline" | "off";

export interface Status {
  readonly state: State;
  /** One line for a person; empty where all is well. */
  readonly reason: string;
}

export const READY: Status = { state: "ready", reason: "" };
export const NO_ANSWER: Status = { state: "nothing", reason: "the model has nothing to add" };

/** No answer came; `status` says why. */
export class Unavailable extends Error {
  constructor(
    readonly status: Status,
    /** Of HTTP; 0 where nobody answered. */
    readonly code = 0,
  ) {
    super(status.reason);
  }
}

const ICONS: Record<State, string> = {
  ready: "check", nothing: "dash", held: "shield", busy: "sync~spin", refused: "key", offline: "debug-disconnect",
  off: "circle-slash",
};
const SHORT: Record<State, string> = {
  ready: "", nothing: "", held: "held back", busy: "busy", refused: "refused", offline: "no gateway", off: "off",
};

/** The text of the status bar. */
export function statusText(status: Status): string {
  const short = SHORT[status.state];
  return `$(${ICONS[status.state]}) yunque${short ? `: ${short}` : ""}`;
}

/** What is said where the mouse rests on it. */
export function statusTooltip(status: Status, model: string): string {
  const serves = model ? `${model} answers` : "yunque";
  return status.reason ? `yunque: ${status.reason}` : serves;
}
