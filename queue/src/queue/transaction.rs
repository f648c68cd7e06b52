//! A SQL transaction that jobs can be enqueued in.

use std::ops::Deref;

use atelier_entities::Timestamp;

use super::{Queue, WriteTurn, commit::DeferredSlot, notes::Notes};
use crate::guarded::Guarded;

/// A SQL transaction that jobs can be enqueued in. The jobs exist if and only if it
/// commits. After the commit their ids are pushed to the transport.
///
/// Dropping it without [`Transaction::commit`] rolls it back.
pub struct Transaction {
    pub(super) queue: Queue,
    pub(super) inner: Guarded,
    pub(super) notes: Notes,
    pub(super) turn: WriteTurn,
    /// Where the transaction is kept until its caller commits it, within [`Queue::defer`].
    pub(super) slot: Option<DeferredSlot>,
}

impl Deref for Transaction {
    type Target = Guarded;

    fn deref(&self) -> &Guarded {
        &self.inner
    }
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

impl Transaction {
    pub(super) fn new(queue: Queue, inner: Guarded, turn: WriteTurn) -> Self {
        Self { queue, inner, notes: Notes::default(), turn, slot: None }
    }

    /// The queue that it belongs to.
    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The port of that type, if the product offers one: see [`Effects::offer`](crate::Effects::offer).
    #[must_use]
    pub fn find_port<P: std::any::Any + Send + Sync>(&self) -> Option<&P> {
        self.queue.effects().find_port()
    }

    /// The queue's present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.queue.now()
    }
}
