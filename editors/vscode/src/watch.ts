/** How long this extension keeps the editor's extension host busy, and how long it takes from a key to a completion. */

import { IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";

const MOST = 5000;
const RESOLUTION_MS = 10;

export class Watch {
  private readonly busyMs: number[] = [];
  private readonly latencyMs: number[] = [];
  private readonly delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.delay.enable();
  }

  /** What a task gives; its time on the thread is noted. */
  task<T>(act: () => T): T {
    const started = performance.now();
    try {
      return act();
    } finally {
      push(this.busyMs, performance.now() - started);
    }
  }

  completion(ms: number): void {
    push(this.latencyMs, ms);
  }

  figures(): Record<string, number> {
    return {
      tasks: this.busyMs.length,
      task_most_ms: Math.max(0, ...this.busyMs),
      host_delay_most_ms: Math.max(0, this.delay.max / 1e6 - RESOLUTION_MS),
      host_delay_p99_ms: Math.max(0, this.delay.percentile(99) / 1e6 - RESOLUTION_MS),
      completions: this.latencyMs.length,
      latency_median_ms: quantile(this.latencyMs, 0.5),
      latency_p95_ms: quantile(this.latencyMs, 0.95),
    };
  }

  /** Forget what was before. */
  reset(): void {
    this.busyMs.length = 0;
    this.latencyMs.length = 0;
    this.delay.reset();
  }

  dispose(): void {
    this.delay.disable();
  }
}

function push(values: number[], value: number): void {
  values.push(value);
  if (values.length > MOST) {
    values.shift();
  }
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
