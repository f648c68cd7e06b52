import PgBoss from "pg-boss";

import { Drain, bulk, plan, rate, versionOf } from "./plan.mjs";

const [workers, batchSize] = [4, 5_000];

export async function run() {
  const boss = new PgBoss({ connectionString: plan.database, max: 20, supervise: false, schedule: false });
  boss.on("error", (error) => console.error(error));
  await boss.start();
  const report = {
    peer: "pg-boss",
    version: await versionOf("pg-boss"),
    configuration: `${workers} workers of ${batchSize} a batch, poll 0.5 s`,
  };

  await boss.createQueue("singles");
  report.one_at_a_time = await rate(plan.singles, 1, () => boss.send("singles", {}));
  await boss.createQueue("drain");
  report.bulk = await rate(plan.jobs, bulk, (size) =>
    boss.insert(Array.from({ length: size }, () => ({ name: "drain", data: {} }))),
  );

  const drain = new Drain(plan.jobs);
  const options = { batchSize, pollingIntervalSeconds: 0.5 };
  for (let index = 0; index < workers; index += 1) {
    await boss.work("drain", options, async (jobs) => jobs.forEach(() => drain.start()));
  }
  report.drain = await drain.rate(async () => {
    const sql = "SELECT NOT EXISTS (SELECT 1 FROM pgboss.job WHERE name = 'drain' AND state < 'completed') AS empty";
    return (await boss.getDb().executeSql(sql)).rows[0].empty;
  });
  return report;
}
