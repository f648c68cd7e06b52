//! Listens to one request: passes its text on, measures it, and writes its account.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::super::{Attempt, StreamEvent, StreamSink, Usage};
use super::accounts::{Price, bytes_of, estimate};
use super::continuation::{MAX_OVERLAP, Written};
use crate::circuits::{Circuits, Report};

/// What is known of a request before it is made.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The provider.
    pub(super) provider: String,
    /// The model.
    pub(super) model: String,
    /// The price of its tokens.
    pub(super) price: Price,
    /// An estimate of the tokens that it reads.
    pub(super) input_tokens: u64,
    /// The number of tokens that it may write.
    pub(super) most_tokens: Option<u64>,
}

/// What has been heard.
#[derive(Debug, Default)]
struct Heard {
    text: String,
    /// The beginning of a continuation, until it is known how it is joined.
    head: Option<String>,
    first_content: Option<Duration>,
    request_id: Option<String>,
    usage: Option<Usage>,
}

/// Listens to one request.
pub(super) struct Recorder<'a> {
    sink: StreamSink<'a>,
    written: &'a Written,
    asked: Asked,
    started: Instant,
    heard: Mutex<Heard>,
    /// Notified once the text is longer than allowed.
    pub(super) over_budget: Notify,
}

impl<'a> Recorder<'a> {
    /// Begins to listen. `written` is what the request continues.
    pub(super) fn new(sink: StreamSink<'a>, written: &'a Written, asked: Asked) -> Self {
        let head = written.is_inside().then(String::new);
        Self {
            sink,
            written,
            asked,
            started: Instant::now(),
            heard: Mutex::new(Heard { head, ..Heard::default() }),
            over_budget: Notify::new(),
        }
    }

    /// Takes an event of the model.
    pub(super) fn hear(&self, event: StreamEvent) {
        match event {
            StreamEvent::Delta { text } => self.hear_text(&text),
            StreamEvent::Accepted { request_id } => self.heard().request_id = Some(request_id),
            StreamEvent::Counted(usage) => self.heard().usage = Some(usage),
            other => (self.sink)(other),
        }
    }

    fn hear_text(&self, text: &str) {
        let mut heard = self.heard();
        heard.first_content.get_or_insert_with(|| self.started.elapsed());
        heard.text.push_str(text);
        if self.asked.most_tokens.is_some_and(|most| heard.text.len() > bytes_of(most)) {
            self.over_budget.notify_one();
        }
        let Some(head) = &mut heard.head else {
            drop(heard);
            self.pass_on(text);
            return;
        };
        head.push_str(text);
        if head.len() >= MAX_OVERLAP {
            drop(heard);
            self.pass_head_on();
        }
    }

    /// Passes on the beginning of a continuation, without what it repeats.
    fn pass_head_on(&self) {
        let Some(head) = self.heard().head.take() else { return };
        let joint = self.written.joint(&head);
        if joint.keep < self.written.text().len() {
            self.restart(joint.keep);
        }
        self.pass_on(&head[joint.skip..]);
    }

    fn pass_on(&self, text: &str) {
        if !text.is_empty() {
            (self.sink)(StreamEvent::Delta { text: text.to_owned() });
        }
    }

    /// Tells the listener that this request goes on after the first bytes of the text.
    pub(super) fn restart(&self, kept_bytes: usize) {
        let (provider, model) = (self.asked.provider.clone(), self.asked.model.clone());
        (self.sink)(StreamEvent::Restarted { provider, model, kept_bytes });
    }

    /// The text of the request so far.
    pub(super) fn text(&self) -> String {
        self.heard().text.clone()
    }

    /// Writes the account of the request, whose end is of this class. `counted` is the usage of
    /// a whole completion. Without it, what the server counted before the end may be too small.
    pub(super) fn end(&self, class: &'static str, counted: Option<Usage>) -> Attempt {
        self.pass_head_on();
        let heard = self.heard();
        let estimated = Usage {
            input_tokens: self.asked.input_tokens,
            output_tokens: estimate(heard.text.len()),
            ..Usage::default()
        };
        let partial = heard
            .usage
            .map(|usage| Usage { output_tokens: usage.output_tokens.max(estimated.output_tokens), ..usage });
        let usage = counted.or(partial).unwrap_or(estimated);
        let attempt = Attempt {
            provider: self.asked.provider.clone(),
            model: self.asked.model.clone(),
            class,
            usage,
            is_estimated: counted.is_none(),
            cost_micros: self.asked.price.of(usage),
            first_content: heard.first_content,
            total: self.started.elapsed(),
            request_id: heard.request_id.clone(),
        };
        drop(heard);
        (self.sink)(StreamEvent::AttemptEnded(attempt.clone()));
        attempt
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Circuits that were asked and expect a report.
#[derive(Clone)]
pub(super) struct Permission {
    /// Their names.
    pub(super) names: Vec<String>,
    /// When they were asked.
    pub(super) asked: DateTime<Utc>,
    /// The circuits.
    pub(super) circuits: Arc<dyn Circuits>,
}

impl Permission {
    /// Reports that the request was not made, or that its end says nothing of the provider.
    pub(super) async fn abandon(self) {
        let report = Report::Abandoned { asked: self.asked };
        for name in &self.names {
            self.circuits.report(name, report, self.asked).await;
        }
    }
}

/// Writes the account of a request that is cancelled, and settles its trial.
pub(super) struct CancelGuard<'r, 'a> {
    recorder: &'r Recorder<'a>,
    permission: Option<Permission>,
}

impl<'r, 'a> CancelGuard<'r, 'a> {
    /// Watches over this request.
    pub(super) fn new(recorder: &'r Recorder<'a>, permission: Permission) -> Self {
        Self { recorder, permission: Some(permission) }
    }

    /// The request has ended by itself.
    pub(super) fn release(mut self) {
        self.permission = None;
    }
}

impl Drop for CancelGuard<'_, '_> {
    fn drop(&mut self) {
        let Some(permission) = self.permission.take() else { return };
        self.recorder.end("cancelled", None);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(permission.abandon());
        }
    }
}
