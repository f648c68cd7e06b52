// Starts n8n on an empty database, runs the workflows, and prints what it took as one line of JSON.
// The first argument is `main` (one process) or `queue` (one more process that runs the workflows).
// If the second one is `serve`, it prints where a webhook listens instead, and ends with its standard input.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chain, eachItem, fanOut, hook } from "./graphs.mjs";

const [, , mode, task] = process.argv;
const number = (name) => Number(process.env[name]);
const program = new URL("node_modules/n8n/bin/n8n", import.meta.url).pathname;
const manifest = new URL("node_modules/n8n/package.json", import.meta.url);
const { version } = JSON.parse(await readFile(manifest, "utf8"));

/** Runs before the first that counts. */
const WARM_UP = 3;
/** Callers that start runs at the same time. */
const CALLERS = 16;
/** Workflows that the worker runs at the same time, as many as Atelier's worker has slots for nodes. */
const CONCURRENCY = 32;
const START_LIMIT = 120_000;

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function environment(folder, port) {
  const database = new URL(process.env.PEER_DATABASE_URL);
  const redis = new URL(process.env.PEER_REDIS_URL);
  return {
    PATH: process.env.PATH,
    HOME: folder,
    N8N_USER_FOLDER: folder,
    N8N_ENCRYPTION_KEY: "a key of the bench, good for nothing else",
    N8N_LISTEN_ADDRESS: "127.0.0.1",
    N8N_PORT: String(port),
    N8N_RUNNERS_BROKER_PORT: String(await freePort()),
    N8N_DIAGNOSTICS_ENABLED: "false",
    N8N_VERSION_NOTIFICATIONS_ENABLED: "false",
    N8N_TEMPLATES_ENABLED: "false",
    N8N_PERSONALIZATION_ENABLED: "false",
    N8N_LOG_LEVEL: "warn",
    DB_TYPE: "postgresdb",
    DB_POSTGRESDB_HOST: database.hostname,
    DB_POSTGRESDB_PORT: database.port,
    DB_POSTGRESDB_DATABASE: database.pathname.slice(1),
    DB_POSTGRESDB_USER: decodeURIComponent(database.username),
    DB_POSTGRESDB_PASSWORD: decodeURIComponent(database.password),
    DB_POSTGRESDB_POOL_SIZE: "20",
    QUEUE_BULL_REDIS_HOST: redis.hostname,
    QUEUE_BULL_REDIS_PORT: redis.port,
    QUEUE_BULL_REDIS_PASSWORD: decodeURIComponent(redis.password),
    QUEUE_BULL_REDIS_DB: redis.pathname.slice(1) || "0",
    EXECUTIONS_MODE: mode === "queue" ? "queue" : "regular",
  };
}

const processes = [];

function start(env, ...args) {
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ["ignore", "ignore", "pipe"] });
  child.errors = "";
  child.stderr.on("data", (text) => (child.errors = (child.errors + text).slice(-2_000)));
  processes.push(child);
}

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Waits for an answer in JSON: while n8n starts, it answers every request with 200 and a sentence. */
async function untilAnswers(url, method = "GET") {
  const until = Date.now() + START_LIMIT;
  for (;;) {
    const answer = await fetch(url, { method }).catch(() => null);
    const text = (await answer?.text().catch(() => "")) ?? "";
    if (answer?.ok && isJson(text)) return;
    const ended = processes.find((child) => child.exitCode !== null);
    if (ended) throw new Error(`n8n ended: ${ended.errors}`);
    if (Date.now() > until) throw new Error(`${url} answers ${answer?.status ?? "nothing"}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Milliseconds from the request to the answer of the last node. */
async function call(url) {
  const begun = performance.now();
  const answer = await fetch(url);
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`${url} answers ${answer.status}: ${body.slice(0, 300)}`);
  return performance.now() - begun;
}

async function each(url, count) {
  for (let index = 0; index < WARM_UP; index += 1) await call(url);
  const millis = [];
  for (let index = 0; index < count; index += 1) millis.push(await call(url));
  return millis;
}

async function together(url, count) {
  const begun = performance.now();
  let left = count;
  const caller = async () => {
    while (left > 0) {
      left -= 1;
      await call(url);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return (performance.now() - begun) / 1_000;
}

/** Sends JSON to the editor's API as its owner, and returns what it answers. */
async function post(session, path, body) {
  const headers = { "content-type": "application/json", cookie: session.cookie ?? "" };
  const answer = await fetch(`${session.url}/rest/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${text.slice(0, 300)}`);
  session.cookie ??= answer.headers.getSetCookie().map((cookie) => cookie.split(";")[0]).join("; ");
  return JSON.parse(text).data;
}

/** Creates the owner and the workflows, and publishes them. */
async function publish(url, workflows) {
  const session = { url };
  const owner = { email: "bench@example.com", firstName: "Bench", lastName: "Bench", password: "A password 1 of the bench" };
  await post(session, "owner/setup", owner);
  for (const workflow of workflows) {
    const { id, versionId } = await post(session, "workflows", workflow);
    await post(session, `workflows/${id}/activate`, { versionId });
  }
}

/** Starts its processes, and returns the port and the address. */
async function startAll(folder) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = await environment(folder, port);
  start(env, "start");
  await untilAnswers(`${url}/rest/settings`);
  if (mode === "queue") {
    const worker = { ...env, N8N_RUNNERS_BROKER_PORT: String(await freePort()) };
    start(worker, "worker", `--concurrency=${CONCURRENCY}`);
  }
  return { port, url };
}

async function serve(folder) {
  const { port, url } = await startAll(folder);
  const path = "/webhook/hook";
  await publish(url, [hook("hook")]);
  await untilAnswers(`${url}${path}`, "POST");
  console.log(JSON.stringify({ version, port, path }));
  process.stdin.resume();
  await once(process.stdin, "end");
}

async function measure(folder) {
  const { url } = await startAll(folder);
  await publish(url, [
    chain("chain", number("PEER_CHAIN")),
    chain("short", number("PEER_LOAD_CHAIN")),
    fanOut("fan", number("PEER_FAN")),
    eachItem("items", number("PEER_ITEMS")),
  ]);
  await untilAnswers(`${url}/webhook/chain`);
  return {
    version,
    chain_ms: await each(`${url}/webhook/chain`, number("PEER_SAMPLES")),
    load_runs: number("PEER_LOAD_RUNS"),
    load_secs: await together(`${url}/webhook/short`, number("PEER_LOAD_RUNS")),
    fan_ms: await each(`${url}/webhook/fan`, number("PEER_SAMPLES")),
    loop_secs: (await call(`${url}/webhook/items`)) / 1_000,
  };
}

const folder = await mkdtemp(join(tmpdir(), "atelier-bench-n8n-"));
try {
  if (task === "serve") await serve(folder);
  else console.log(JSON.stringify(await measure(folder)));
} finally {
  for (const child of processes) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);
