//! A mailer that sends nothing: mails are read in the outbox.

use async_trait::async_trait;

use super::{Delivery, MailError, Mailer, OutgoingMail, message};

/// Validates mails without sending them.
#[derive(Debug, Clone, Copy, Default)]
pub struct CapturedMailer;

#[async_trait]
impl Mailer for CapturedMailer {
    async fn send(&self, mail: &OutgoingMail) -> Result<Delivery, MailError> {
        message::build(mail).map(|_| Delivery::Captured)
    }

    fn captures(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::sample_mail;
    use super::*;

    #[tokio::test]
    async fn keeps_valid_mails_and_refuses_others() {
        assert_eq!(CapturedMailer.send(&sample_mail()).await, Ok(Delivery::Captured));
        let broken = OutgoingMail { to: "nobody".into(), ..sample_mail() };
        CapturedMailer.send(&broken).await.expect_err("no address");
        assert!(CapturedMailer.captures());
    }
}
