//! Acknowledgements of messages: Redis answers how many processes received a message, and
//! each of them confirms it to the sender.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc;
use uuid::Uuid;

/// The messages of this process that await confirmations.
#[derive(Debug)]
pub(super) struct Acks {
    process: Uuid,
    next: AtomicU64,
    open: Mutex<HashMap<u64, mpsc::UnboundedSender<()>>>,
}

/// The confirmations of one message.
pub(super) struct Confirmations(mpsc::UnboundedReceiver<()>);

impl Default for Acks {
    fn default() -> Self {
        Self { process: Uuid::new_v4(), next: AtomicU64::new(0), open: Mutex::default() }
    }
}

impl Acks {
    /// The id of this process.
    pub(super) fn process(&self) -> Uuid {
        self.process
    }

    /// Starts to count confirmations of a message with this number.
    pub(super) fn open(&self) -> (u64, Confirmations) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = mpsc::unbounded_channel();
        self.lock().insert(number, sender);
        (number, Confirmations(receiver))
    }

    /// Counts a confirmation.
    pub(super) fn confirm(&self, number: u64) {
        if let Some(sender) = self.lock().get(&number) {
            // An error only means that nobody waits any more.
            let _ = sender.send(());
        }
    }

    /// Stops counting.
    pub(super) fn close(&self, number: u64) {
        self.lock().remove(&number);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, mpsc::UnboundedSender<()>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Confirmations {
    /// Waits for `count` confirmations; false where counting has stopped.
    pub(super) async fn receive(mut self, count: usize) -> bool {
        for _ in 0..count {
            if self.0.recv().await.is_none() {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_for_every_receiver() {
        let acks = Acks::default();
        let (number, confirmations) = acks.open();
        let (other, of_other) = acks.open();
        let waiting = tokio::spawn(confirmations.receive(2));

        acks.confirm(number);
        acks.confirm(other);
        acks.confirm(number + 7);
        assert!(!waiting.is_finished());
        acks.confirm(number);

        assert!(waiting.await.expect("waited"));
        acks.close(other);
        assert!(of_other.receive(1).await, "one was confirmed before");
    }

    #[tokio::test]
    async fn stops_waiting_where_counting_has_stopped() {
        let acks = Acks::default();
        let (number, confirmations) = acks.open();
        acks.close(number);

        assert!(!confirmations.receive(1).await);
    }
}
