//! A mailer that follows the script of a test.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use super::{Delivery, MailError, Mailer, OutgoingMail};

/// Returns scripted results in order, accepts everything after them, and records the mails.
pub struct ScriptedMailer {
    script: Mutex<VecDeque<Result<Delivery, MailError>>>,
    mails: Mutex<Vec<OutgoingMail>>,
    asked: watch::Sender<usize>,
}

impl ScriptedMailer {
    /// Returns these results, in order.
    pub fn new(script: impl IntoIterator<Item = Result<Delivery, MailError>>) -> Self {
        Self {
            script: Mutex::new(script.into_iter().collect()),
            mails: Mutex::new(Vec::new()),
            asked: watch::Sender::new(0),
        }
    }

    /// Every mail so far, in order.
    pub fn mails(&self) -> Vec<OutgoingMail> {
        locked(&self.mails).clone()
    }

    /// Returns after `count` mails.
    pub async fn wait_for_mails(&self, count: usize) {
        let mut asked = self.asked.subscribe();
        if asked.wait_for(|seen| *seen >= count).await.is_err() {
            tracing::trace!("the mailer was dropped");
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A small valid mail for tests that do not care which.
pub fn sample_mail() -> OutgoingMail {
    OutgoingMail {
        message_id: "0190-sample".into(),
        to: "ada@example.org".into(),
        to_name: Some("Ada".into()),
        from: "Atelier <no-reply@example.org>".into(),
        reply_to: None,
        subject: "Welcome".into(),
        text: "Welcome to Atelier.".into(),
        html: "<p>Welcome to Atelier.</p>".into(),
        headers: Vec::new(),
    }
}

#[async_trait]
impl Mailer for ScriptedMailer {
    async fn send(&self, mail: &OutgoingMail) -> Result<Delivery, MailError> {
        locked(&self.mails).push(mail.clone());
        self.asked.send_modify(|seen| *seen += 1);
        locked(&self.script).pop_front().unwrap_or(Ok(Delivery::Accepted { response: "250 scripted".into() }))
    }

    fn captures(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn follows_its_script_and_accepts_after_it() {
        let busy = MailError::Transient { message: "busy".into() };
        let mailer = ScriptedMailer::new([Err(busy.clone())]);
        assert_eq!(mailer.send(&sample_mail()).await, Err(busy));
        assert!(mailer.send(&sample_mail()).await.is_ok());
        mailer.wait_for_mails(2).await;
        assert_eq!(mailer.mails().len(), 2);
    }
}
