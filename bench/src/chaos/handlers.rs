//! The handlers and effects of a run's jobs.

use std::time::Duration;

use async_trait::async_trait;
use atelier_entities::{Timestamp, jobs};
use atelier_queue::{
    Effect, EffectError, Effects, EndedJob, Handler, Job, JobContext, JobError, LogLevel, NewJob, Outcome,
    QueueError, Registry, Transaction, schedule::Recurring,
};
use tokio::time::{self, Instant};

use super::{
    kinds::{
        Child, Delayed, Effectful, Expiring, Flaky, FlakyBehavior, Hold, Long, Noop, Novel, Owned, Poison,
        Probe, Sleep, Snooze, Tick, Unique, flaky_behavior,
    },
    tables,
};

type Answer = Result<Outcome, JobError>;

/// Runs every kind.
#[derive(Clone, Copy, Debug)]
struct Cast;

/// The handlers of a worker; the next version knows one more kind.
pub(super) fn registry(next_version: bool) -> Result<Registry, QueueError> {
    let mut registry = Registry::default();
    registry.register::<Probe>(Cast)?.register::<Noop>(Cast)?.register::<Child>(Cast)?;
    registry.register::<Sleep>(Cast)?.register::<Flaky>(Cast)?.register::<Snooze>(Cast)?;
    registry.register::<Effectful>(Cast)?.register::<Poison>(Cast)?.register::<Unique>(Cast)?;
    registry.register::<Delayed>(Cast)?.register::<Long>(Cast)?.register::<Expiring>(Cast)?;
    registry.register::<Tick>(Cast)?.register::<Hold>(Cast)?.register::<Owned>(Cast)?;
    if next_version {
        registry.register::<Novel>(Cast)?;
    }
    Ok(registry)
}

/// The effects that every process of a run knows.
pub(super) fn effects() -> Result<Effects, QueueError> {
    let mut effects = Effects::default();
    effects.register::<Effectful>(Cast)?;
    effects.register::<Flaky>(Cast)?;
    effects.register::<Poison>(Cast)?;
    effects.register::<Expiring>(Cast)?;
    Ok(effects)
}

/// The schedule of a run.
pub(super) fn recurring() -> Vec<Recurring> {
    vec![Recurring { name: "chaos.tick", cron: "*/5 * * * * *", make: |moment| NewJob::of(&Tick { moment }) }]
}

/// Records the start of the handler for the run's checks. The job runs even where that
/// fails.
async fn leave_trace(ctx: &JobContext) {
    let noted = tables::note_run(ctx.queue().db(), ctx.id(), ctx.attempt(), ctx.queue().now());
    if !matches!(time::timeout(Duration::from_secs(1), noted).await, Ok(Ok(()))) {
        tracing::debug!(job.id = %ctx.id(), "the start was not recorded");
    }
}

/// Sleeps until the time is over or the job is to stop.
async fn rest(ctx: &JobContext, millis: u64) -> Answer {
    tokio::select! {
        () = time::sleep(Duration::from_millis(millis)) => Ok(Outcome::done()),
        () = ctx.stop().cancelled() => Err(stopped()),
    }
}

fn stopped() -> JobError {
    JobError::retry("STOPPED", "it was told to stop")
}

macro_rules! handle {
    ($($kind:ident |$ctx:ident, $args:pat_param| $body:expr;)+) => {$(
        #[async_trait]
        impl Handler<$kind> for Cast {
            async fn run(&self, $ctx: &JobContext, $args: $kind) -> Answer {
                $body
            }
        }
    )+};
}

handle! {
    Probe |_ctx, _| Ok(Outcome::done());
    Noop |_ctx, _| Ok(Outcome::done());
    Child |_ctx, _| Ok(Outcome::done());
    Hold |ctx, args| { leave_trace(ctx).await; rest(ctx, args.millis).await };
    Sleep |ctx, args| { leave_trace(ctx).await; rest(ctx, args.millis).await };
    Owned |ctx, args| { leave_trace(ctx).await; rest(ctx, args.millis).await };
    Effectful |ctx, args| { leave_trace(ctx).await; rest(ctx, args.millis).await };
    Unique |ctx, args| { leave_trace(ctx).await; rest(ctx, args.millis).await };
    Delayed |ctx, _| { leave_trace(ctx).await; Ok(Outcome::done()) };
    Expiring |ctx, _| { leave_trace(ctx).await; Ok(Outcome::done()) };
    Novel |ctx, _| { leave_trace(ctx).await; Ok(Outcome::done()) };
    Tick |ctx, _| { leave_trace(ctx).await; Ok(Outcome::done()) };
    Flaky |ctx, _| { leave_trace(ctx).await; be_flaky(ctx).await };
    Snooze |ctx, args| { leave_trace(ctx).await; snooze(ctx, &args).await };
    Long |ctx, args| { leave_trace(ctx).await; take_long(ctx, args.millis).await };
    Poison |ctx, _| { leave_trace(ctx).await; std::process::abort() };
}

async fn be_flaky(ctx: &JobContext) -> Answer {
    match flaky_behavior(ctx.id(), i64::from(ctx.attempt())) {
        FlakyBehavior::Succeeds => Ok(Outcome::done()),
        FlakyBehavior::Fails => Err(JobError::retry("MOODY", "not today")),
        FlakyBehavior::Panics => panic!("a panic by design"),
        FlakyBehavior::Hangs => rest(ctx, 600_000).await,
        FlakyBehavior::FailsForGood => Err(JobError::fail("REFUSED", "never")),
    }
}

async fn snooze(ctx: &JobContext, args: &Snooze) -> Answer {
    let again = Ok(Outcome::Snooze(Duration::from_millis(args.millis)));
    let counted = tables::count_runs(ctx.queue().db(), ctx.id());
    match time::timeout(Duration::from_secs(1), counted).await {
        Ok(Ok(runs)) if runs > args.times => Ok(Outcome::done()),
        _too_few_or_unknown => again,
    }
}

async fn take_long(ctx: &JobContext, millis: u64) -> Answer {
    let begun = Instant::now();
    ctx.log(LogLevel::Info, "begun").await;
    loop {
        let elapsed = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        if elapsed >= millis {
            return Ok(Outcome::Done(serde_json::json!({"millis": millis})));
        }
        let percent = u8::try_from(elapsed * 100 / millis.max(1)).unwrap_or(100);
        ctx.progress(percent, if percent < 50 { "first_half" } else { "second_half" }, "working").await;
        rest(ctx, 300).await?;
    }
}

#[async_trait]
impl Effect for Cast {
    async fn on_end(&self, tx: &Transaction, job: &EndedJob) -> Result<(), EffectError> {
        let child = tx.enqueue(NewJob::of(&Child {})).await?;
        tables::note_effect(&**tx, job.id, job.state, child.id).await?;
        Ok(())
    }
}

/// Whether jobs of that kind have an effect.
pub(super) fn has_effect(kind: &str) -> bool {
    [Effectful::KIND, Flaky::KIND, Poison::KIND, Expiring::KIND].contains(&kind)
}

/// The scheduled moment of a [`Tick`].
pub(super) fn moment(args: &serde_json::Value) -> Option<Timestamp> {
    serde_json::from_value::<Tick>(args.clone()).ok().map(|tick| tick.moment)
}

/// When a [`Delayed`] job is due.
pub(super) fn due(job: &jobs::Model) -> Option<Timestamp> {
    let delayed = (job.kind == Delayed::KIND).then(|| serde_json::from_value::<Delayed>(job.args.clone()));
    delayed?.ok().map(|delayed| delayed.due)
}
