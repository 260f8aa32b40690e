import assert from "node:assert/strict";
import { createServer, IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";

import { Gateway } from "../src/gateway";
import { statusText, Unavailable } from "../src/status";

type Answer = (request: IncomingMessage, body: string, response: ServerResponse) => void;

/** A real server on loopback that answers as it is told. */
async function serving<T>(answer: Answer, act: (gateway: Gateway) => Promise<T>, token = ""): Promise<T> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece) => (body += piece));
    request.on("end", () => answer(request, body, response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await act(new Gateway(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, token));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const json = (status: number, value: unknown): Answer => (_, __, response) => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
};
const place = { before: "x = ", after: "\ny", path: "a.py", language: "python", isWholeFile: true };
const asked = { maxTokens: 8, hold: true, editor: "me" };
const never = new AbortController().signal;

async function refusal(answer: Answer): Promise<{ state: string; reason: string }> {
  return serving(answer, async (gateway) => {
    try {
      await gateway.complete(place, asked, never);
    } catch (error) {
      assert.ok(error instanceof Unavailable);
      return error.status;
    }
    return assert.fail("it answered");
  });
}

test("a completion is asked for as the gateway takes it, and comes with what is known of it", async () => {
  let seen: Record<string, unknown> = {};
  let headers: IncomingMessage["headers"] = {};
  const answer: Answer = (request, body, response) => {
    seen = { route: request.url, ...JSON.parse(body) };
    headers = request.headers;
    const about = { language: "python", failed: "", held: false, engine: "llama.cpp", settings: { style: "fim" }, verdicts: [{ check: "syntax", outcome: "pass" }] };
    json(200, { id: "cmpl-1", model: "forged", choices: [{ text: "1" }], yunque: about })(request, body, response);
  };
  const result = await serving(answer, (gateway) => gateway.complete(place, asked, never), "yq-secret");
  assert.deepEqual(seen, {
    route: "/v1/completions", prompt: "x = ", suffix: "\ny", max_tokens: 8, temperature: 0, seed: 0, stop: ["\n"],
    yunque: { path: "a.py", language: "python", whole_file: true, hold: true },
  });
  assert.deepEqual([headers["authorization"], headers["x-editor-id"]], ["Bearer yq-secret", "me"]);
  assert.deepEqual([result.text, result.id, result.model, result.engine, result.status.state], ["1", "cmpl-1", "forged", "llama.cpp", "ready"]);
});

test("an empty line asks for a block, and a file without a suffix still for what stands between", async () => {
  let seen: Record<string, unknown> = {};
  const answer: Answer = (request, body, response) => {
    seen = JSON.parse(body);
    json(200, { id: "c", choices: [{ text: "" }] })(request, body, response);
  };
  const empty = { ...place, before: "x = 1\n", after: "" };
  const result = await serving(answer, (gateway) => gateway.complete(empty, asked, never));
  assert.deepEqual([seen["stop"], seen["suffix"], result.status], [undefined, "\n", { state: "nothing", reason: "the model has nothing to add" }]);
});

test("why nothing comes is said for every way in which nothing comes", async () => {
  const error = (message: string) => ({ error: { message } });
  assert.deepEqual(await refusal(json(401, error("a valid token is needed"))), {
    state: "refused", reason: "the gateway wants a token (yunque: Set Token): a valid token is needed",
  });
  assert.deepEqual(await refusal(json(429, error("busy, ask again in 1 s"))), { state: "busy", reason: "busy, ask again in 1 s" });
  assert.deepEqual(await refusal(json(503, error("the engine is loading"))), { state: "busy", reason: "the engine is loading" });
  assert.equal((await refusal(json(404, error("Not Found")))).reason, "the gateway has no such route: is it of another version?");
  assert.equal((await refusal(json(409, error("superseded")))).state, "nothing");
  assert.equal((await refusal(json(400, error("m has no fill-in-the-middle tokens")))).reason, "m has no fill-in-the-middle tokens");
  assert.match((await refusal((_, __, response) => response.end("<html>"))).reason, /is no gateway of yunque/);
  assert.match((await refusal((_, __, response) => response.destroy())).reason, /no gateway at http.*yunque serve/);
  const held = { id: "c", choices: [{ text: "" }], yunque: { held: true, failed: "syntax-in-place" } };
  const result = await serving(json(200, held), (gateway) => gateway.complete(place, asked, never));
  assert.deepEqual(result.status, { state: "held", reason: "held back by the check syntax-in-place" });
  assert.match(statusText(result.status), /held back/);
});

test("who does not want it any more closes the connection", async () => {
  let closed: (value: unknown) => void;
  const gone = new Promise((resolve) => (closed = resolve));
  const answer: Answer = (_, __, response) => void response.on("close", () => closed(undefined));
  await serving(answer, async (gateway) => {
    const abort = new AbortController();
    const coming = gateway.complete(place, asked, abort.signal);
    setTimeout(() => abort.abort(), 50);
    await assert.rejects(coming, (error: Error) => !(error instanceof Unavailable));
    await gone;
  });
});

test("a URL that is none is a status", async () => {
  const gateway = new Gateway("not a url", "");
  await assert.rejects(gateway.health(), (error: Error) => error instanceof Unavailable && error.status.state === "offline");
});
