//! Sending mail: the trait and what can go wrong.

use async_trait::async_trait;

pub mod captured;
pub mod fake;
mod message;
pub mod smtp;

/// Hands mails over, or keeps them in where nothing may leave.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands one mail over. A repeat of the same mail carries the same
    /// Message-ID, so that receivers can drop it.
    async fn send(&self, mail: &OutgoingMail) -> Result<Delivery, MailError>;

    /// Whether mails stay inside instead of being sent.
    fn captures(&self) -> bool;
}

/// One mail to one person, in text and HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingMail {
    /// Identity of the mail: the left side of its Message-ID, or a whole one
    /// with its `@`. Angle brackets may be left out.
    pub message_id: String,
    /// Address of the receiver.
    pub to: String,
    /// Name of the receiver.
    pub to_name: Option<String>,
    /// Sender, such as `Atelier <no-reply@example.org>`.
    pub from: String,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<String>,
    /// One line.
    pub subject: String,
    /// The text version.
    pub text: String,
    /// The HTML version.
    pub html: String,
    /// Further headers, such as `Auto-Submitted`.
    pub headers: Vec<(String, String)>,
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The mail server took it.
    Accepted {
        /// What the server said, such as its queue's id.
        response: String,
    },
    /// It stays in the outbox.
    Captured,
}

/// Why a mail was not handed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The server is away, busy or greylists, or refused us or our sign-in: later it
    /// may work.
    #[error("the mail server cannot take the mail now: {message}")]
    Transient {
        /// What happened.
        message: String,
    },
    /// The server says for good that there is no such mailbox, or that it takes
    /// nothing.
    #[error("the mail server refused the receiver with {code}: {message}")]
    Bounced {
        /// SMTP reply code, 500 to 599.
        code: u16,
        /// What the server said.
        message: String,
    },
    /// The server refused this mail for good: its sender, its content, or us by a
    /// policy.
    #[error("the mail server refused the mail with {code}: {message}")]
    Rejected {
        /// SMTP reply code, 500 to 599.
        code: u16,
        /// What the server said.
        message: String,
    },
    /// Sender, receiver or a header is not valid.
    #[error("the mail cannot be written: {message}")]
    InvalidAddress {
        /// Which part.
        message: String,
    },
    /// The mailer's settings are not valid.
    #[error("the SMTP settings are not valid: {message}")]
    Misconfigured {
        /// Which part.
        message: String,
    },
}

impl MailError {
    /// Whether the same mail may be taken later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }
}
