//! Classifies error replies: whether they concern the mail, its recipient or the sender.

use std::error::Error;

use lettre::transport::smtp::Error as SmtpError;

use crate::mail::MailError;

const MAX_MESSAGE_CHARS: usize = 300;

/// The stage of an SMTP session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Connection, TLS and sign-in.
    Connection,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA.
    Content,
}

pub(super) fn classify(stage: Stage, error: &SmtpError) -> MailError {
    let message = truncate(&error.to_string());
    let code = error.status().and_then(|code| code.to_string().parse::<u16>().ok());
    let reply = error.source().map(ToString::to_string).unwrap_or_default();
    classify_reply(stage, code, &reply, message)
}

/// Classifies a reply by its code and by `reply`, its text without the code. `message` is
/// the message of the error.
fn classify_reply(stage: Stage, code: Option<u16>, reply: &str, message: String) -> MailError {
    match (stage, code) {
        (_, None | Some(..500 | 530 | 534 | 535 | 538)) | (Stage::Connection, Some(_)) => {
            MailError::Transient { message }
        }
        (stage, Some(code)) if is_bounce(stage, code, reply) => MailError::Bounced { code, message },
        (_, Some(code)) => MailError::Rejected { code, message },
    }
}

/// Whether a permanent error means that the mailbox does not exist. The enhanced status (RFC
/// 3463) decides, if there is one and the recipient has been sent; some servers check the
/// mailbox only after DATA. Without one, the code of RCPT TO decides. A policy status, such
/// as that of a block list, concerns the sender and not the mailbox.
fn is_bounce(stage: Stage, code: u16, reply: &str) -> bool {
    let has_recipient = matches!(stage, Stage::Recipient | Stage::Content);
    match enhanced_status(reply) {
        Some(status) if has_recipient && is_mailbox_status(status) => true,
        Some((7, _)) => false,
        _ => stage == Stage::Recipient && matches!(code, 550 | 551 | 553),
    }
}

/// Subject and detail of a permanent enhanced status at the start of a reply.
fn enhanced_status(reply: &str) -> Option<(u16, u16)> {
    let status = reply.trim_start().strip_prefix("5.")?;
    let (subject, rest) = status.split_once('.')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((subject.parse().ok()?, rest[..digits].parse().ok()?))
}

/// The mailbox or the host does not exist, the address is invalid, the mailbox has moved or
/// is disabled, or the host accepts no mail.
const fn is_mailbox_status(status: (u16, u16)) -> bool {
    matches!(status, (1, 1 | 2 | 3 | 6 | 10) | (2, 1))
}

pub(super) fn truncate(text: &str) -> String {
    text.chars().take(MAX_MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_recipient_that_does_not_exist_bounces() {
        const LATER: &str = "later";
        const BOUNCED: &str = "bounced";
        const REJECTED: &str = "rejected";
        for (stage, code, said, expected) in [
            (Stage::Recipient, Some(550), "5.1.1 no such user", BOUNCED),
            (Stage::Recipient, Some(550), "no such user", BOUNCED),
            (Stage::Recipient, Some(551), "not local", BOUNCED),
            (Stage::Recipient, Some(553), "5.1.3 what is that", BOUNCED),
            (Stage::Recipient, Some(550), "5.7.1 you are on a block list", REJECTED),
            (Stage::Recipient, Some(552), "5.2.2 mailbox full", REJECTED),
            (Stage::Recipient, Some(554), "no", REJECTED),
            (Stage::Recipient, Some(554), "5.1.1 no such user", BOUNCED),
            (Stage::Recipient, Some(554), "5.1.2 no such host", BOUNCED),
            (Stage::Recipient, Some(501), "5.1.3 bad address", BOUNCED),
            (Stage::Recipient, Some(554), "5.1.6 has moved", BOUNCED),
            (Stage::Recipient, Some(556), "5.1.10 the host takes no mail", BOUNCED),
            (Stage::Recipient, Some(554), "5.2.1 mailbox disabled", BOUNCED),
            (Stage::Recipient, Some(550), "5.2.1\nmailbox disabled", BOUNCED),
            (Stage::Recipient, Some(550), "5.4.1 access denied", BOUNCED),
            (Stage::Recipient, Some(554), "5.1.100 something else", REJECTED),
            (Stage::Recipient, Some(554), "5.1.", REJECTED),
            (Stage::Recipient, Some(554), "5.7.1 you are on a block list", REJECTED),
            (Stage::Content, Some(554), "5.1.1 no such user", BOUNCED),
            (Stage::Content, Some(550), "5.2.1 mailbox disabled", BOUNCED),
            (Stage::Content, Some(550), "no such user", REJECTED),
            (Stage::Content, Some(451), "4.1.1 not now", LATER),
            (Stage::Sender, Some(550), "5.1.1 you are not known here", REJECTED),
            (Stage::Connection, Some(554), "5.1.1 go away", LATER),
            (Stage::Recipient, Some(451), "4.7.1 greylisted", LATER),
            (Stage::Sender, Some(550), "you may not send as that", REJECTED),
            (Stage::Sender, Some(553), "5.1.8 no such domain", REJECTED),
            (Stage::Content, Some(550), "5.7.1 spam", REJECTED),
            (Stage::Content, Some(554), "5.6.0 spam", REJECTED),
            (Stage::Content, Some(452), "4.3.1 no space", LATER),
            (Stage::Content, None, "connection closed", LATER),
            (Stage::Connection, Some(554), "go away", LATER),
            (Stage::Connection, Some(535), "wrong password", LATER),
            (Stage::Sender, Some(530), "sign in first", LATER),
        ] {
            let found = match classify_reply(stage, code, said, String::new()) {
                MailError::Transient { .. } => LATER,
                MailError::Bounced { .. } => BOUNCED,
                _ => REJECTED,
            };
            assert_eq!(found, expected, "{stage:?} {code:?} {said}");
        }
    }
}
