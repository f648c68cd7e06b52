//! Deliveries of webhooks to a server that fails the first attempt of a third of them.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::time;

use crate::{
    measure::{
        cli::TriggersArgs,
        figures::Figures,
        installation::Installation,
        load::{self, Requests},
        rows,
        testbed::Testbed,
        workflows::graphs,
    },
    receiver::{Counts, Receiver, is_refused_once},
};

const SUBSCRIPTIONS: &str = "/api/v1/automation/webhooks/";

/// A scheduler makes second attempts available.
const PROCESSES: [&str; 3] = ["atelier-api", "atelier-worker", "atelier-scheduler"];

/// Callers that start runs at the same time.
const CALLERS: u32 = 16;

/// Interval of asking whether all have come.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Longest until all have come.
const LIMIT: Duration = Duration::from_secs(600);

/// Deliveries whose end is not written.
const PENDING: &str = "SELECT COUNT(*) AS found FROM webhook_deliveries WHERE state <> 'succeeded'";

/// Starts runs whose ends are delivered to each subscription, and waits until all deliveries have ended.
pub(super) async fn measure(
    testbed: &Testbed,
    args: &TriggersArgs,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let receiver = Receiver::start().await?;
    let mut installation = Installation::start_processes(testbed, &PROCESSES).await?;
    for number in 1..=args.subscriptions {
        let body = json!({"url": receiver.url(&number.to_string()), "events": ["run.succeeded"]});
        installation.call("POST", SUBSCRIPTIONS, &body).await?;
    }
    let workflow = installation.publish("Delivered", &graphs::chain(1)).await?;
    let runs = args.deliveries.div_ceil(args.subscriptions);
    let deliveries = usize::try_from(runs * args.subscriptions)?;
    let begun = Instant::now();
    start(&installation, &workflow, runs).await?;
    let first_attempts = wait_until(&receiver, begun, |counts| counts.seen >= deliveries).await?;
    let all = wait_until(&receiver, begun, |counts| counts.taken >= deliveries).await?;
    wait_for_ends(&installation, begun).await?;
    let attempts = receiver.counts().attempts;
    let again = judge(&receiver, deliveries)?;
    let name = format!("{deliveries} deliveries, a third of which fail once");
    figures.record(format!("{name}: until all were delivered"), "s", all);
    figures.record(format!("{name}: deliveries"), "deliveries/s", deliveries as f64 / all);
    figures.record(format!("{name}: first attempts"), "attempts/s", deliveries as f64 / first_attempts);
    figures.record(format!("{name}: attempts"), "attempts", attempts as f64);
    figures.record(format!("{name}: sent again after they were taken"), "attempts", again as f64);
    installation.stop().await
}

/// Starts so many runs.
async fn start(installation: &Installation, workflow: &str, runs: u32) -> anyhow::Result<()> {
    let request = installation.account.request("POST", &format!("{workflow}execute/"), &Value::Null);
    let share = |caller: u32| runs / CALLERS + u32::from(caller < runs % CALLERS);
    let callers = (0..CALLERS).map(|caller| {
        let requests = std::iter::repeat_n(request.clone(), usize::try_from(share(caller))?);
        anyhow::Ok(Box::new(requests) as Requests)
    });
    load::run(installation.address, callers.collect::<Result<_, _>>()?, None, 202).await.map(drop)
}

/// Seconds until what came is enough.
async fn wait_until(
    receiver: &Receiver,
    begun: Instant,
    is_enough: impl Fn(Counts) -> bool,
) -> anyhow::Result<f64> {
    loop {
        let counts = receiver.counts();
        if is_enough(counts) {
            return Ok(begun.elapsed().as_secs_f64());
        }
        ensure!(begun.elapsed() < LIMIT, "not all deliveries came: {counts:?}");
        time::sleep(LOOK_EVERY).await;
    }
}

async fn wait_for_ends(installation: &Installation, begun: Instant) -> anyhow::Result<()> {
    let database = installation.database.as_ref().context("no database")?;
    loop {
        let pending: i64 = rows::query_row(database.queue.db(), PENDING).await?.try_get("", "found")?;
        if pending == 0 {
            return Ok(());
        }
        ensure!(begun.elapsed() < LIMIT, "the ends of {pending} deliveries are not written");
        time::sleep(LOOK_EVERY).await;
    }
}

/// Checks that each delivery came, and returns how many attempts came after one was taken.
fn judge(receiver: &Receiver, deliveries: usize) -> anyhow::Result<usize> {
    let received = receiver.received();
    ensure!(received.len() == deliveries, "{} of {deliveries} deliveries came", received.len());
    let mut again = 0;
    for (key, one) in &received {
        let refused = usize::from(is_refused_once(key));
        ensure!(one.refused == refused && one.taken > 0, "delivery {key}: {one:?}");
        again += one.taken - 1;
    }
    Ok(again)
}
