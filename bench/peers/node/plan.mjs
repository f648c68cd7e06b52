// What every peer is asked to do. The environment holds
// PEER_JOBS waiting jobs to drain, PEER_SINGLES jobs enqueued one at a time,
// PEER_LATENCIES jobs sent one each 5 ms, PEER_REDIS_URL, PEER_DATABASE_URL.
import { readFile } from "node:fs/promises";

const env = (name) => process.env[name] ?? fail(`${name} is not set`);
const number = (name) => Number(env(name));

function fail(message) {
  console.error(message);
  process.exit(1);
}

/** The installed version of a package; not every one lets its package.json be resolved. */
export const versionOf = async (name) =>
  JSON.parse(await readFile(new URL(`node_modules/${name}/package.json`, import.meta.url), "utf8")).version;

export const seconds = () => Number(process.hrtime.bigint()) / 1e9;
const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));
/** Jobs of one bulk enqueue. */
export const bulk = 1_000;

/** Jobs at the same time: the best known number, unless another is to be tried. */
export const concurrency = (best) => Number(process.env.PEER_CONCURRENCY ?? best);

export const plan = {
  jobs: number("PEER_JOBS"),
  singles: number("PEER_SINGLES"),
  latencies: number("PEER_LATENCIES"),
  redis: new URL(env("PEER_REDIS_URL")),
  database: env("PEER_DATABASE_URL"),
};

/** Jobs a second of `count` jobs that `enqueue` is given `size` at a time. */
export async function rate(count, size, enqueue) {
  const begun = seconds();
  for (let first = 0; first < count; first += size) {
    await enqueue(Math.min(size, count - first));
  }
  return count / (seconds() - begun);
}

/** Notes starts of a drain; `settled` says whether storage holds none that waits. */
export class Drain {
  #first = null;
  #count = 0;
  constructor(jobs) {
    this.jobs = jobs;
  }
  start() {
    this.#first ??= seconds();
    this.#count += 1;
  }
  async rate(settled) {
    while (this.#count < this.jobs) await sleep(2);
    while (!(await settled())) await sleep(2);
    return this.jobs / (seconds() - this.#first);
  }
}

/** p50 and p99 in milliseconds of `count` jobs, one each 5 ms. */
export async function latencies(count, started, enqueue) {
  const [sent, warm] = [new Map(), 50];
  for (let index = 0; index < count + warm; index += 1) {
    await enqueue(index);
    sent.set(index, seconds());
    await sleep(5);
  }
  while (started.size < count + warm) await sleep(5);
  const waited = [];
  for (let index = warm; index < count + warm; index += 1) {
    waited.push(Math.max(0, started.get(index) - sent.get(index)) * 1_000);
  }
  waited.sort((a, b) => a - b);
  return { p50_ms: waited[Math.floor(count * 0.5)], p99_ms: waited[Math.floor(count * 0.99)] };
}
