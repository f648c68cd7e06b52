//! The transport of an embedded installation: ids in the memory of the process.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use atelier_entities::{JobId, WorkerId};
use tokio::sync::Notify;

use super::{Consumer, Transport};
use crate::{error::TransportError, name::QueueName};

/// Ids in memory, for workers of this process.
#[derive(Clone, Debug)]
pub struct InProcess {
    queues: Arc<HashMap<QueueName, IdQueue>>,
}

#[derive(Debug, Default)]
struct IdQueue {
    waiting: Mutex<Waiting>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    order: VecDeque<JobId>,
    known: HashSet<JobId>,
}

impl Default for InProcess {
    fn default() -> Self {
        let queues = QueueName::ALL.into_iter().map(|queue| (queue, IdQueue::default())).collect();
        Self { queues: Arc::new(queues) }
    }
}

impl InProcess {
    fn ids(&self, queue: QueueName) -> &IdQueue {
        &self.queues[&queue]
    }

    /// Loses everything, like a Redis that restarts empty. For tests.
    pub fn forget(&self) {
        for ids in self.queues.values() {
            *ids.lock() = Waiting::default();
        }
    }
}

impl IdQueue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, ids: &[JobId], window: usize) -> usize {
        let mut waiting = self.lock();
        let mut taken = 0;
        for id in ids {
            if waiting.order.len() >= window {
                break;
            }
            if waiting.known.insert(*id) {
                waiting.order.push_back(*id);
                taken += 1;
            }
        }
        taken
    }
}

#[async_trait]
impl Transport for InProcess {
    fn name(&self) -> &'static str {
        "in-process"
    }

    async fn push(&self, queue: QueueName, ids: &[JobId], window: usize) -> Result<usize, TransportError> {
        let waiting = self.ids(queue);
        let taken = waiting.add(ids, window);
        if taken > 0 {
            waiting.wake.notify_one();
        }
        Ok(taken)
    }

    async fn depth(&self, queue: QueueName) -> Result<usize, TransportError> {
        Ok(self.ids(queue).lock().order.len())
    }

    async fn consumer(&self, queue: QueueName, _worker: WorkerId) -> Box<dyn Consumer> {
        Box::new(InProcessConsumer { transport: self.clone(), queue })
    }

    async fn reclaim(&self) -> Result<usize, TransportError> {
        Ok(0)
    }

    async fn ping(&self) -> Result<(), TransportError> {
        Ok(())
    }
}

struct InProcessConsumer {
    transport: InProcess,
    queue: QueueName,
}

#[async_trait]
impl Consumer for InProcessConsumer {
    async fn pop(&mut self, max: usize) -> Result<Vec<JobId>, TransportError> {
        let queue = self.transport.ids(self.queue);
        let mut waiting = queue.lock();
        let count = max.min(waiting.order.len());
        let ids: Vec<JobId> = waiting.order.drain(..count).collect();
        for id in &ids {
            waiting.known.remove(id);
        }
        if !waiting.order.is_empty() {
            queue.wake.notify_one();
        }
        Ok(ids)
    }

    async fn settle(&mut self, _ids: &[JobId]) -> Result<(), TransportError> {
        Ok(())
    }

    async fn restore(&mut self, ids: &[JobId]) -> Result<(), TransportError> {
        self.transport.ids(self.queue).add(ids, usize::MAX);
        Ok(())
    }

    async fn wait(&mut self) {
        self.transport.ids(self.queue).wake.notified().await;
    }

    async fn beat(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    async fn close(&mut self) -> Result<(), TransportError> {
        Ok(())
    }
}
