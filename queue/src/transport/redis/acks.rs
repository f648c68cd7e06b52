//! Who has heard a piece of news: Redis tells how many processes it was handed to, and
//! each of them tells the one that it came from.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc;
use uuid::Uuid;

/// The news of this process that is to be answered.
#[derive(Debug)]
pub(super) struct Roll {
    process: Uuid,
    next: AtomicU64,
    open: Mutex<HashMap<u64, mpsc::UnboundedSender<()>>>,
}

/// The answers to one piece of news.
pub(super) struct Answers(mpsc::UnboundedReceiver<()>);

impl Default for Roll {
    fn default() -> Self {
        Self { process: Uuid::new_v4(), next: AtomicU64::new(0), open: Mutex::default() }
    }
}

impl Roll {
    /// What the others know this process by.
    pub(super) fn process(&self) -> Uuid {
        self.process
    }

    /// Begins to count answers; the news bears the number.
    pub(super) fn open(&self) -> (u64, Answers) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answers) = mpsc::unbounded_channel();
        self.lock().insert(number, answer);
        (number, Answers(answers))
    }

    /// Counts an answer.
    pub(super) fn answer(&self, number: u64) {
        if let Some(answers) = self.lock().get(&number) {
            // An error only says that nobody waits any more.
            let _ = answers.send(());
        }
    }

    /// Counts no more answers.
    pub(super) fn close(&self, number: u64) {
        self.lock().remove(&number);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, mpsc::UnboundedSender<()>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answers {
    /// Waits for so many answers; false where they are counted no more.
    pub(super) async fn come(mut self, many: usize) -> bool {
        for _ in 0..many {
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
    async fn waits_for_everybody_who_was_told() {
        let roll = Roll::default();
        let (number, answers) = roll.open();
        let (other, others) = roll.open();
        let waiting = tokio::spawn(answers.come(2));

        roll.answer(number);
        roll.answer(other);
        roll.answer(number + 7);
        assert!(!waiting.is_finished());
        roll.answer(number);

        assert!(waiting.await.expect("waited"));
        roll.close(other);
        assert!(others.come(1).await, "one had answered before");
    }

    #[tokio::test]
    async fn stops_waiting_where_nobody_counts() {
        let roll = Roll::default();
        let (number, answers) = roll.open();
        roll.close(number);

        assert!(!answers.come(1).await);
    }
}
