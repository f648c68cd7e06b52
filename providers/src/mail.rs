//! Sending mail: the trait and its errors.

use async_trait::async_trait;

pub mod captured;
pub mod fake;
mod message;
pub mod smtp;

/// Sends mails, or captures them.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one mail. A retry of the same mail has the same Message-ID, so that receivers
    /// can drop duplicates.
    async fn send(&self, mail: &OutgoingMail) -> Result<Delivery, MailError>;

    /// Whether mails are captured instead of sent.
    fn captures(&self) -> bool;
}

/// One mail to one recipient, in text and HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingMail {
    /// The left part of the Message-ID, or a whole Message-ID with its `@`. Angle brackets
    /// are optional.
    pub message_id: String,
    /// Address of the recipient.
    pub to: String,
    /// Name of the recipient.
    pub to_name: Option<String>,
    /// Sender, such as `Atelier <no-reply@example.org>`.
    pub from: String,
    /// Reply address, if it is not the sender.
    pub reply_to: Option<String>,
    /// The subject, one line.
    pub subject: String,
    /// The text version.
    pub text: String,
    /// The HTML version; empty where there is none.
    pub html: String,
    /// Further headers, such as `Auto-Submitted`.
    pub headers: Vec<(String, String)>,
}

/// The result of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The mail server accepted it.
    Accepted {
        /// The server's reply, such as its queue id.
        response: String,
    },
    /// It was captured in the outbox.
    Captured,
}

/// Why a mail was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The server is unavailable, busy or greylists, or refused the connection or the
    /// sign-in: a retry may succeed.
    #[error("the mail server cannot accept the mail now: {message}")]
    Transient {
        /// What happened.
        message: String,
    },
    /// The server rejected the recipient permanently: the mailbox does not exist or accepts
    /// no mail.
    #[error("the mail server refused the receiver with {code}: {message}")]
    Bounced {
        /// SMTP reply code, 500 to 599.
        code: u16,
        /// The server's reply.
        message: String,
    },
    /// The server rejected the mail permanently, for its sender, its content or a policy.
    #[error("the mail server refused the mail with {code}: {message}")]
    Rejected {
        /// SMTP reply code, 500 to 599.
        code: u16,
        /// The server's reply.
        message: String,
    },
    /// The sender, the recipient or a header is invalid.
    #[error("the mail cannot be written: {message}")]
    InvalidAddress {
        /// The invalid part.
        message: String,
    },
    /// The settings of the mailer are invalid.
    #[error("the SMTP settings are not valid: {message}")]
    Misconfigured {
        /// The invalid part.
        message: String,
    },
}

impl MailError {
    /// The server did not say in time whether it accepted the mail.
    fn no_receipt() -> Self {
        Self::Transient { message: "no receipt in time".to_owned() }
    }

    /// Whether a retry may succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }
}
