//! Deliveries of webhooks to a server that fails the first attempt of a third of them.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::time;

use crate::{
    measure::{
        cli::{Engine, TriggersArgs},
        figures::Figures,
        installation::Installation,
        load::{self, Requests},
        rows,
        testbed::Testbed,
        workflows::graphs,
    },
    receiver::{Receiver, is_refused_once},
};

const SUBSCRIPTIONS: &str = "/api/v1/automation/webhooks/";

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
    let mut installation = Installation::start(testbed, Engine::Postgres).await?;
    for number in 1..=args.subscriptions {
        let body = json!({"url": receiver.url(&number.to_string()), "events": ["run.succeeded"]});
        installation.call("POST", SUBSCRIPTIONS, &body).await?;
    }
    let workflow = installation.publish("Delivered", &graphs::chain(1)).await?;
    let runs = args.deliveries.div_ceil(args.subscriptions);
    let deliveries = usize::try_from(runs * args.subscriptions)?;
    let begun = Instant::now();
    start(&installation, &workflow, runs).await?;
    let first_attempts = wait_until(&receiver, begun, |(_, attempts)| attempts >= deliveries).await?;
    let all = wait_until(&receiver, begun, |(taken, _)| taken >= deliveries).await?;
    wait_for_ends(&installation, begun).await?;
    let (_, attempts) = receiver.counts();
    let again = judge(&receiver, deliveries)?;
    let name = format!("{deliveries} deliveries, a third of which fail once");
    figures.record(format!("{name}: until all were delivered"), "s", all);
    figures.record(format!("{name}: deliveries"), "deliveries/s", deliveries as f64 / all);
    figures.record(
        format!("{name}: attempts before the first retries"),
        "attempts/s",
        deliveries as f64 / first_attempts,
    );
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

/// Seconds until the deliveries that were taken, and the attempts, are enough.
async fn wait_until(
    receiver: &Receiver,
    begun: Instant,
    is_enough: impl Fn((usize, usize)) -> bool,
) -> anyhow::Result<f64> {
    loop {
        let counts = receiver.counts();
        if is_enough(counts) {
            return Ok(begun.elapsed().as_secs_f64());
        }
        let (taken, attempts) = counts;
        ensure!(begun.elapsed() < LIMIT, "{taken} deliveries were taken, of {attempts} attempts");
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
    for (id, one) in &received {
        let refused = usize::from(is_refused_once(id));
        ensure!(one.refused == refused && one.taken > 0, "delivery {id}: {one:?}");
        again += one.taken - 1;
    }
    Ok(again)
}
