//! What a refusal says about the mail, about its receiver, or about us.

use std::error::Error;

use lettre::transport::smtp::Error as SmtpError;

use crate::mail::MailError;

const MAX_MESSAGE_CHARS: usize = 300;

/// How far a conversation had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Connecting, encrypting, signing in.
    Connection,
    /// Naming the sender.
    Sender,
    /// Naming the receiver.
    Receiver,
    /// Handing over the text.
    Content,
}

pub(super) fn classify(stage: Stage, error: &SmtpError) -> MailError {
    let message = cut(&error.to_string());
    let code = error.status().and_then(|code| code.to_string().parse::<u16>().ok());
    let said = error.source().map(ToString::to_string).unwrap_or_default();
    judge(stage, code, &said, message)
}

/// `said` is the server's text without its code, `message` what is told of it.
fn judge(stage: Stage, code: Option<u16>, said: &str, message: String) -> MailError {
    match (stage, code) {
        (_, None | Some(..500 | 530 | 534 | 535 | 538)) | (Stage::Connection, Some(_)) => {
            MailError::Transient { message }
        }
        (stage, Some(code)) if is_bounce(stage, code, said) => MailError::Bounced { code, message },
        (_, Some(code)) => MailError::Rejected { code, message },
    }
}

/// Whether a refusal for good says that there is no such mailbox. The enhanced status (RFC
/// 3463) tells, where there is one and the server knows the receiver already; some
/// servers look for the mailbox only once they have the text. Without one the code tells
/// what was refused, the receiver. A status of permission, such as a block list, is about
/// us and not about the mailbox.
fn is_bounce(stage: Stage, code: u16, said: &str) -> bool {
    let knows_receiver = matches!(stage, Stage::Receiver | Stage::Content);
    match enhanced(said) {
        Some(status) if knows_receiver && is_of_mailbox(status) => true,
        Some((7, _)) => false,
        _ => stage == Stage::Receiver && matches!(code, 550 | 551 | 553),
    }
}

/// Subject and detail of a permanent status at the start of what a server said.
fn enhanced(said: &str) -> Option<(u16, u16)> {
    let status = said.trim_start().strip_prefix("5.")?;
    let (subject, rest) = status.split_once('.')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((subject.parse().ok()?, rest[..digits].parse().ok()?))
}

/// No such mailbox, no such host, an address that cannot be, a mailbox that has moved or
/// is closed, a host that takes no mail.
const fn is_of_mailbox(status: (u16, u16)) -> bool {
    matches!(status, (1, 1 | 2 | 3 | 6 | 10) | (2, 1))
}

pub(super) fn cut(text: &str) -> String {
    text.chars().take(MAX_MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_receiver_that_does_not_exist_bounces() {
        const LATER: &str = "later";
        const BOUNCED: &str = "bounced";
        const REJECTED: &str = "rejected";
        for (stage, code, said, expected) in [
            (Stage::Receiver, Some(550), "5.1.1 no such user", BOUNCED),
            (Stage::Receiver, Some(550), "no such user", BOUNCED),
            (Stage::Receiver, Some(551), "not local", BOUNCED),
            (Stage::Receiver, Some(553), "5.1.3 what is that", BOUNCED),
            (Stage::Receiver, Some(550), "5.7.1 you are on a block list", REJECTED),
            (Stage::Receiver, Some(552), "5.2.2 mailbox full", REJECTED),
            (Stage::Receiver, Some(554), "no", REJECTED),
            (Stage::Receiver, Some(554), "5.1.1 no such user", BOUNCED),
            (Stage::Receiver, Some(554), "5.1.2 no such host", BOUNCED),
            (Stage::Receiver, Some(501), "5.1.3 bad address", BOUNCED),
            (Stage::Receiver, Some(554), "5.1.6 has moved", BOUNCED),
            (Stage::Receiver, Some(556), "5.1.10 the host takes no mail", BOUNCED),
            (Stage::Receiver, Some(554), "5.2.1 mailbox disabled", BOUNCED),
            (Stage::Receiver, Some(550), "5.2.1\nmailbox disabled", BOUNCED),
            (Stage::Receiver, Some(550), "5.4.1 access denied", BOUNCED),
            (Stage::Receiver, Some(554), "5.1.100 something else", REJECTED),
            (Stage::Receiver, Some(554), "5.1.", REJECTED),
            (Stage::Receiver, Some(554), "5.7.1 you are on a block list", REJECTED),
            (Stage::Content, Some(554), "5.1.1 no such user", BOUNCED),
            (Stage::Content, Some(550), "5.2.1 mailbox disabled", BOUNCED),
            (Stage::Content, Some(550), "no such user", REJECTED),
            (Stage::Content, Some(451), "4.1.1 not now", LATER),
            (Stage::Sender, Some(550), "5.1.1 you are not known here", REJECTED),
            (Stage::Connection, Some(554), "5.1.1 go away", LATER),
            (Stage::Receiver, Some(451), "4.7.1 greylisted", LATER),
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
            let found = match judge(stage, code, said, String::new()) {
                MailError::Transient { .. } => LATER,
                MailError::Bounced { .. } => BOUNCED,
                _ => REJECTED,
            };
            assert_eq!(found, expected, "{stage:?} {code:?} {said}");
        }
    }
}
