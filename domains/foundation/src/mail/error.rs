use atelier_queue::QueueError;
use sea_orm::DbErr;

use super::RenderError;
use crate::{Class, NotSignedIn, Problem, Refusal};

/// Why a command on mail failed.
#[derive(Debug, thiserror::Error)]
pub enum MailingError {
    /// A command that needs a person was called without one.
    #[error(transparent)]
    NotSignedIn(#[from] NotSignedIn),
    /// The outbox has no mail with this id.
    #[error("there is no such mail")]
    NoSuchMail,
    /// The address is not suppressed.
    #[error("the address is not suppressed")]
    NotSuppressed,
    /// The account has reached its limit of test mails.
    #[error("too many test mails")]
    TooManyTests {
        /// Seconds until the next one is allowed.
        retry_after: u64,
    },
    /// The sample data do not match the template.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The database failed.
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
