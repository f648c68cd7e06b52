//! BullMQ for Rust.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bullmq::{
    BulkJob, Job, JobOptions, Queue, QueueOptions, Worker, WorkerOptions, options::RedisConnectionOptions,
    types::RemoveOnFinish, worker::WorkerEvent,
};
use serde_json::{Value, json};

use crate::{
    plan::{Peer, Plan},
    tally,
};

const BEST: usize = 100;
const NAME: &str = "bench";

pub struct Bullmq {
    connection: RedisConnectionOptions,
    queue: Queue,
    completed: Arc<AtomicUsize>,
    worker: Option<Arc<Worker>>,
    concurrency: usize,
}

pub async fn connect(plan: &Plan) -> anyhow::Result<Bullmq> {
    let connection = RedisConnectionOptions { url: plan.redis.clone(), ..RedisConnectionOptions::default() };
    let default_job_options =
        JobOptions { remove_on_complete: Some(RemoveOnFinish::Bool(true)), ..JobOptions::default() };
    let options =
        QueueOptions { connection: connection.clone(), default_job_options, ..QueueOptions::default() };
    let queue = Queue::with_options(NAME, options).await?;
    let concurrency = plan.concurrency(BEST);
    Ok(Bullmq { connection, queue, completed: Arc::default(), worker: None, concurrency })
}

impl Peer for Bullmq {
    fn describe(&self) -> (&'static str, &'static str, String) {
        (
            "BullMQ for Rust",
            "bullmq-official",
            format!("concurrency {}, remove_on_complete", self.concurrency),
        )
    }

    async fn enqueue(&self, count: usize) -> anyhow::Result<()> {
        if count == 1 {
            self.queue.add("noop", json!({})).await?;
        } else {
            self.queue.add_bulk((0..count).map(|_| BulkJob::new("noop", json!({}))).collect()).await?;
        }
        Ok(())
    }

    async fn enqueue_stamp(&self, index: usize) -> anyhow::Result<()> {
        self.queue.add("stamp", json!(index)).await?;
        Ok(())
    }

    async fn clear(&self) -> anyhow::Result<()> {
        self.queue.drain(true).await?;
        Ok(())
    }

    async fn work(&mut self) -> anyhow::Result<()> {
        let options = WorkerOptions {
            connection: self.connection.clone(),
            concurrency: self.concurrency,
            ..WorkerOptions::default()
        };
        let handler = async |job: Job| match job.name() {
            "stamp" => tally::stamp(job.data().as_u64().unwrap_or_default() as usize),
            _ => tally::start(),
        };
        let processor = move |job: Job, _token| async move {
            handler(job).await;
            Ok(Value::Null)
        };
        let worker = Arc::new(Worker::with_options(NAME, processor, options).await?);
        let (events, completed) = (worker.clone(), self.completed.clone());
        tokio::spawn(async move {
            while let Some(event) = events.next_event().await {
                if matches!(event, WorkerEvent::Completed { .. }) {
                    completed.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        self.worker = Some(worker);
        Ok(())
    }

    async fn is_drained(&self, jobs: usize) -> anyhow::Result<bool> {
        Ok(self.completed.load(Ordering::Relaxed) >= jobs)
    }
}
