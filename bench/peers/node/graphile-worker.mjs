import { Logger, makeWorkerUtils, run as start } from "graphile-worker";
import pg from "pg";

import { Drain, bulk, concurrency as best, latencies, plan, rate, seconds, versionOf } from "./plan.mjs";

const concurrency = best(24);
const localQueue = 1_000;

export async function run() {
  const pgPool = new pg.Pool({ connectionString: plan.database, max: 20 });
  pgPool.on("error", (error) => console.error(error));
  pgPool.on("connect", (client) => client.on("error", (error) => console.error(error)));
  const logger = new Logger(() => () => {});
  const utils = await makeWorkerUtils({ pgPool, logger });
  await utils.migrate();
  const report = {
    peer: "graphile-worker",
    version: await versionOf("graphile-worker"),
    configuration: `concurrency ${concurrency}, local queue ${localQueue}, completions batched`,
  };

  report.one_at_a_time = await rate(plan.singles, 1, () => utils.addJob("noop", {}));
  await pgPool.query("DELETE FROM graphile_worker._private_jobs");
  report.bulk = await rate(plan.jobs, bulk, (size) =>
    utils.addJobs(Array.from({ length: size }, () => ({ identifier: "noop", payload: {} }))),
  );
  await pgPool.query("ANALYZE graphile_worker._private_jobs");

  let drain = new Drain(plan.jobs);
  const started = new Map();
  const taskList = {
    noop: async () => drain.start(),
    stamp: async ({ index }) => void started.set(index, seconds()),
  };
  const preset = (size) => ({
    worker: {
      concurrentJobs: concurrency,
      pollInterval: 1_000,
      localQueue: { size },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    },
  });
  const runner = await start({ preset: preset(localQueue), pgPool, logger, taskList, noHandleSignals: true });
  report.drain = await drain.rate(async () => {
    const { rows } = await pgPool.query("SELECT NOT EXISTS (SELECT 1 FROM graphile_worker._private_jobs) AS empty");
    return rows[0].empty;
  });
  Object.assign(report, await latencies(plan.latencies, started, (index) => utils.addJob("stamp", { index })));
  await runner.stop();
  return report;
}
