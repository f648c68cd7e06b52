import { Queue, Worker } from "bullmq";

import { Drain, bulk, concurrency as best, latencies, plan, rate, seconds, versionOf } from "./plan.mjs";

const concurrency = best(100);

export async function run() {
  const { hostname, port, password } = plan.redis;
  const connection = { host: hostname, port: Number(port), password };
  const keep = { removeOnComplete: true };
  const report = { peer: "BullMQ", version: await versionOf("bullmq"), configuration: `concurrency ${concurrency}, removeOnComplete` };

  const singles = new Queue("singles", { connection });
  await singles.waitUntilReady();
  report.one_at_a_time = await rate(plan.singles, 1, () => singles.add("noop", {}, keep));

  const queue = new Queue("drain", { connection });
  await queue.waitUntilReady();
  report.bulk = await rate(plan.jobs, bulk, (size) =>
    queue.addBulk(Array.from({ length: size }, () => ({ name: "noop", data: {}, opts: keep }))),
  );
  const drain = new Drain(plan.jobs);
  let completed = 0;
  const worker = new Worker("drain", async () => drain.start(), { connection, concurrency });
  worker.on("completed", () => (completed += 1));
  report.drain = await drain.rate(async () => completed >= plan.jobs);
  await worker.close();

  const started = new Map();
  const soon = new Queue("latency", { connection });
  const idle = new Worker("latency", async (job) => started.set(job.data.index, seconds()), { connection, concurrency });
  await idle.waitUntilReady();
  Object.assign(report, await latencies(plan.latencies, started, (index) => soon.add("noop", { index }, keep)));
  return report;
}
