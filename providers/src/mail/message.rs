//! Builds MIME messages.

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use super::{MailError, OutgoingMail};

/// The mail as multipart/alternative, or as plain text if it has no HTML. Rejects invalid addresses and header
/// injection.
pub(super) fn build(mail: &OutgoingMail) -> Result<Message, MailError> {
    build_for(mail, &[])
}

/// The same with more recipients.
pub(super) fn build_for(mail: &OutgoingMail, others: &[String]) -> Result<Message, MailError> {
    let from: Mailbox = mail.from.parse().map_err(|_| invalid("the sender's address"))?;
    let address = mail.to.trim().parse().map_err(|_| invalid("the receiver's address"))?;
    let name = mail.to_name.as_deref().map(one_line).filter(|name| !name.is_empty());
    let message_id = message_id(&mail.message_id, from.email.domain())?;
    let mut builder = Message::builder()
        .from(from)
        .to(Mailbox::new(name, address))
        .subject(one_line(&mail.subject))
        .message_id(Some(message_id));
    for other in others {
        let address = other.trim().parse().map_err(|_| invalid("a receiver's address"))?;
        builder = builder.to(Mailbox::new(None, address));
    }
    if let Some(reply_to) = &mail.reply_to {
        builder = builder.reply_to(reply_to.parse().map_err(|_| invalid("the address for replies"))?);
    }
    for (name, value) in &mail.headers {
        builder = builder.raw_header(header(name, value)?);
    }
    let built = if mail.html.is_empty() {
        builder.singlepart(SinglePart::plain(mail.text.clone()))
    } else {
        builder.multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
    };
    built.map_err(|_| invalid("the mail"))
}

fn header(name: &str, value: &str) -> Result<HeaderValue, MailError> {
    let is_token = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !is_token || value.chars().any(char::is_control) {
        return Err(invalid("a header"));
    }
    let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|_| invalid("a header's name"))?;
    Ok(HeaderValue::new(name, value.to_owned()))
}

fn message_id(id: &str, domain: &str) -> Result<String, MailError> {
    let bare = id.trim_start_matches('<').trim_end_matches('>');
    let is_valid =
        !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_graphic() && !b"<>()[]\\,;:\"".contains(&b));
    match (is_valid, bare.matches('@').count()) {
        (true, 0) => Ok(format!("<{bare}@{domain}>")),
        (true, 1) => Ok(format!("<{bare}>")),
        _ => Err(invalid("the Message-ID")),
    }
}

fn one_line(text: &str) -> String {
    let without_breaks: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    without_breaks.trim().to_owned()
}

fn invalid(part: &str) -> MailError {
    MailError::InvalidAddress { message: format!("{part} is not valid") }
}

#[cfg(test)]
mod tests {
    use super::super::fake::sample_mail;
    use super::*;

    #[test]
    fn writes_both_versions_with_their_headers() {
        let mut mail = sample_mail();
        mail.headers.push(("Auto-Submitted".into(), "auto-generated".into()));
        mail.reply_to = Some("Help <help@example.org>".into());
        let text = String::from_utf8(build(&mail).expect("a message").formatted()).expect("ASCII");
        for expected in [
            "From: Atelier <no-reply@example.org>",
            "To: Ada <ada@example.org>",
            "Message-ID: <0190-sample@example.org>",
            "Reply-To: Help <help@example.org>",
            "Date: ",
            "Auto-Submitted: auto-generated",
            "multipart/alternative",
            "text/plain",
            "text/html",
        ] {
            assert!(text.contains(expected), "{expected} is missing in {text}");
        }
    }

    #[test]
    fn keeps_line_breaks_out_of_headers() {
        let mut mail = sample_mail();
        mail.subject = "Hello\r\nBcc: victim@example.org".into();
        mail.to_name = Some("Ada\r\nBcc: victim@example.org".into());
        let text = String::from_utf8(build(&mail).expect("a message").formatted()).expect("ASCII");
        assert!(!text.contains("\nBcc:"), "{text}");
    }

    #[test]
    fn long_names_and_links_stay_whole() {
        let mut mail = sample_mail();
        let name = "Jean-Gaëtan “JG” d'Ünïversité-\\de\"Montréal 🎉 ".repeat(3);
        mail.to_name = Some(name.trim().chars().take(120).collect());
        mail.subject = "« Ma liste de lecture très longue » est prête ".repeat(6);
        let link = format!("<https://atelier.example/unsubscribe/{}>", "x".repeat(120));
        mail.headers.push(("List-Unsubscribe".into(), link.clone()));
        let text = String::from_utf8(build(&mail).expect("a message").formatted()).expect("ASCII");
        let (head, _) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains(&format!("List-Unsubscribe: {link}\r\n")), "{head}");
        assert!(head.lines().all(|line| line.len() < 998), "{head}");
        assert!(text.is_ascii());
    }

    #[test]
    fn rejects_invalid_mails() {
        let changes: [fn(&mut OutgoingMail); 9] = [
            |mail| mail.to = "nobody".into(),
            |mail| mail.to = "a@b.org, c@d.org".into(),
            |mail| mail.from = "nobody".into(),
            |mail| mail.reply_to = Some("nobody".into()),
            |mail| mail.reply_to = Some("help@example.org\r\nBcc: b@c.org".into()),
            |mail| mail.message_id = "a b".into(),
            |mail| mail.message_id = "a@b@c".into(),
            |mail| mail.headers = vec![("X-A".into(), "a\r\nBcc: b@c.org".into())],
            |mail| mail.headers = vec![("X A".into(), "a".into())],
        ];
        for change in changes {
            let mut mail = sample_mail();
            change(&mut mail);
            let error = build(&mail).expect_err("not valid");
            assert!(matches!(error, MailError::InvalidAddress { .. }), "{mail:?}: {error:?}");
        }
    }

    #[test]
    fn makes_whole_message_ids() {
        for id in ["m1@mail.example.org", "<m1@mail.example.org>"] {
            assert_eq!(message_id(id, "x.org").as_deref(), Ok("<m1@mail.example.org>"));
        }
        assert_eq!(message_id("m1", "x.org").as_deref(), Ok("<m1@x.org>"));
    }
}
