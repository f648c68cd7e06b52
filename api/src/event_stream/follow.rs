//! The events of something that a client follows to its end.

use std::fmt::Display;

use axum::response::sse::Event;
use futures::{Stream, StreamExt, stream};
use uuid::Uuid;

/// What a client follows, as the last update left it.
pub(crate) trait Followed: Send + 'static {
    /// What changes it.
    type Update: Send + 'static;

    /// What it is called in the log.
    const NAME: &'static str;

    /// Its id.
    fn id(&self) -> Uuid;

    /// Takes over an update. Returns it as an event.
    fn event_of(&mut self, update: Self::Update) -> Event;

    /// The event `end`. None if it has not ended: then it was deleted, or the server stops.
    fn end(&self) -> Option<Event>;
}

/// The updates as events, then `end`. After an error the stream closes without `end`, so that the client connects
/// again.
pub(crate) fn follow<F, E>(
    followed: F,
    updates: impl Stream<Item = Result<F::Update, E>> + Send + 'static,
) -> impl Stream<Item = Event> + Send + 'static
where
    F: Followed,
    E: Display + Send + 'static,
{
    stream::unfold(Some((followed, Box::pin(updates))), |following| async move {
        let (mut followed, mut updates) = following?;
        match updates.next().await {
            Some(Ok(update)) => Some((followed.event_of(update), Some((followed, updates)))),
            Some(Err(error)) => {
                tracing::warn!(%error, followed = F::NAME, id = %followed.id(), "event stream broken off");
                None
            }
            None => followed.end().map(|end| (end, None)),
        }
    })
}
