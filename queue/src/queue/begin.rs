//! Beginning a transaction on PostgreSQL, whatever becomes of the caller.
//!
//! A driver that is dropped while it waits for the answer to BEGIN does not count the
//! transaction, and its connection would return to the pool with the transaction open. So
//! a BEGIN that has started is always completed: by a task of its own where the caller is
//! dropped. That task rolls back.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use sea_orm::{DatabaseTransaction, DbErr};
use tokio::runtime::Handle;

type Beginning = BoxFuture<'static, Result<DatabaseTransaction, DbErr>>;

/// A transaction that begins.
pub(super) struct Begin {
    beginning: Option<Beginning>,
    has_started: bool,
}

impl Begin {
    /// The future begins the transaction.
    pub(super) fn new(beginning: Beginning) -> Self {
        Self { beginning: Some(beginning), has_started: false }
    }
}

impl Future for Begin {
    type Output = Result<DatabaseTransaction, DbErr>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.has_started = true;
        let Some(beginning) = &mut self.beginning else { return Poll::Pending };
        let answer = beginning.as_mut().poll(context);
        if answer.is_ready() {
            self.beginning = None;
        }
        answer
    }
}

impl Drop for Begin {
    fn drop(&mut self) {
        let beginning = self.beginning.take().filter(|_| self.has_started);
        // Without a runtime nothing uses the pool any more.
        if let (Some(beginning), Ok(runtime)) = (beginning, Handle::try_current()) {
            runtime.spawn(async move { drop(beginning.await) });
        }
    }
}
