use atelier_queue::QueueError;
use sea_orm::DbErr;

use super::RenderError;

/// Why something about mail was not done.
#[derive(Debug, thiserror::Error)]
pub enum MailingError {
    /// There is no mail of that id in the outbox.
    #[error("there is no such mail")]
    NoSuchMail,
    /// Mails to that address are not held back.
    #[error("the address is not suppressed")]
    NotSuppressed,
    /// The account has had its test mails for now.
    #[error("too many test mails")]
    TooManyTests {
        /// Seconds until there may be another.
        retry_after: u64,
    },
    /// A sample does not fit its template.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The queue did not do it.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The database did not do it.
    #[error("database: {0}")]
    Database(#[from] DbErr),
}
