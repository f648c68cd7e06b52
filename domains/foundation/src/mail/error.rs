use atelier_queue::QueueError;
use sea_orm::DbErr;

use super::RenderError;
use crate::{Class, NotSignedIn, Problem, Refusal};

/// Why something about mail was not done.
#[derive(Debug, thiserror::Error)]
pub enum MailingError {
    /// A command for people was called by nobody.
    #[error(transparent)]
    NotSignedIn(#[from] NotSignedIn),
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

impl Problem for MailingError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::NotSignedIn(error) => error.refusal(),
            Self::NoSuchMail => Refusal::not_found("mail"),
            Self::NotSuppressed => Refusal::not_found("suppressed address"),
            Self::TooManyTests { retry_after } => {
                Refusal::new(Class::TooMany, "RATE_LIMITED", "Too many requests: wait a little.")
                    .with_retry_after(*retry_after)
            }
            Self::Queue(error) => error.refusal(),
            Self::Render(_) | Self::Database(_) => Refusal::internal(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_class_and_code() {
        for (error, class, code) in [
            (MailingError::NoSuchMail, Class::NotFound, "NOT_FOUND"),
            (MailingError::NotSuppressed, Class::NotFound, "NOT_FOUND"),
            (MailingError::TooManyTests { retry_after: 7 }, Class::TooMany, "RATE_LIMITED"),
        ] {
            let refusal = error.refusal();
            assert_eq!((refusal.class, refusal.code), (class, code));
        }
    }
}
