//! Says which rows an event needs.

use super::{Event, ScopePath};

/// The rows that have to be loaded for a step. The row of the run is always among them.
///
/// The rows of a scope are its nodes, edges, loops and waits, and the row of its item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    /// No more.
    Run,
    /// The rows of a scope and of each scope around it, and the signals that no wait took. Where a loop
    /// among them has queued items, also the rows of the first ones, as many as its window holds. A step
    /// that needs more is refused with [`Refusal::RowsMissing`](super::Refusal::RowsMissing); it is then
    /// taken with [`Rows::Open`].
    Path(ScopePath),
    /// The signal of this id if there is one, the open waits for this key, and the path of each.
    Signal {
        /// The id of the signal.
        id: String,
        /// What the waits look for.
        key: String,
    },
    /// The rows of the root, and of each item that is running or queued with all items around it.
    Open,
    /// All rows.
    All,
}

impl Rows {
    /// The rows that an event needs.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        match event {
            Event::Start { .. } => Self::Path(ScopePath::root()),
            Event::Started(at)
            | Event::Ended(at, _)
            | Event::Wake(at)
            | Event::Decided(at, _)
            | Event::ChildEnded(at, _)
            | Event::JobEnded(at, _) => Self::Path(at.scope.clone()),
            Event::Signal { id, key, .. } => Self::Signal { id: id.clone(), key: key.clone() },
            Event::Pause => Self::Run,
            Event::Resume | Event::Cancel | Event::TimedOut => Self::Open,
            Event::RetryFailed | Event::RetryItems { .. } => Self::All,
        }
    }
}
