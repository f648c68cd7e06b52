//! Runs all duties of a scheduler concurrently.

use std::{sync::Arc, time::Duration};

use atelier_queue::{Observe, Periodic, Queue, schedule::Recurring};
use futures::future::join_all;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    cron::Cron,
    domains::{DomainGauges, DomainWork},
    duty::{Duty, perform},
    eviction::EvictionWatch,
    gauges::Gauges,
    heartbeat::Heartbeat,
    legacy_keys::LegacyKeys,
    reclaimer::Reclaimer,
    relay::Relay,
    rescuer::Rescuer,
    scaling::Scaling,
    write_check::WriteCheck,
};

/// Settings of a scheduler.
#[derive(Clone, Debug)]
pub struct SchedulerOptions {
    /// The time between two passes of the relay that nothing has triggered.
    pub relay_interval: Duration,
    /// The host name that operators see.
    pub host: String,
    /// The version that operators see.
    pub version: String,
}

/// What the domains leave to schedulers.
#[derive(Debug, Default)]
pub struct Work {
    /// Jobs that are enqueued by the clock.
    pub recurring: Vec<Recurring>,
    /// What sets the gauges of the domains.
    pub observers: Vec<Observe>,
    /// What is done again and again.
    pub periodic: Vec<Periodic>,
}

/// Performs every duty until the shutdown. A duty that panics is restarted.
pub async fn run(queue: Queue, work: Work, options: SchedulerOptions, shutdown: CancellationToken) {
    let Work { recurring, observers, periodic } = work;
    let heartbeat = Heartbeat::new(queue.clone(), options.host, options.version);
    let mut duties: Vec<Box<dyn Duty>> = vec![
        Box::new(Relay::new(queue.clone(), options.relay_interval)),
        Box::new(Rescuer::new(queue.clone())),
        Box::new(Reclaimer::new(queue.clone())),
        Box::new(Cron::new(queue.clone(), recurring.clone())),
        Box::new(Gauges::new(queue.clone(), recurring)),
        Box::new(DomainGauges::new(queue.clone(), observers)),
        Box::new(Scaling::new(queue.clone())),
        Box::new(EvictionWatch::new(queue.clone())),
        Box::new(LegacyKeys::new(queue.clone())),
        Box::new(WriteCheck::new(queue.clone())),
        Box::new(heartbeat.clone()),
    ];
    for periodic in periodic {
        duties.push(Box::new(DomainWork::new(queue.clone(), periodic)));
    }
    join_all(duties.into_iter().map(|duty| keep_performing(duty.into(), shutdown.clone()))).await;
    heartbeat.stop().await;
}

async fn keep_performing(duty: Arc<dyn Duty>, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let (name, token, performed) = (duty.name(), shutdown.clone(), duty.clone());
        let task = AbortOnDropHandle::new(tokio::spawn(async move { perform(&*performed, &token).await }));
        if let Err(error) = task.await {
            tracing::error!(duty = name, %error, "the duty panicked and is restarted");
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }
}
