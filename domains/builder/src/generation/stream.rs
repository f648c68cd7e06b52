//! Follows a completion while the model streams it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use atelier_entities::{GenerationMode, Timestamp, to_micros};
use atelier_providers::llm::{ChatModel, Completion, GenerationRequest, LlmError, StreamEvent};
use atelier_queue::{JobContext, JobError};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::{sync::Notify, time::Instant};

use super::{
    files::{FileWatch, Told},
    ledger::Ledger,
};

/// The progress at the start and the end of the stream, in percent.
const FIRST_PERCENT: u8 = 5;
const LAST_PERCENT: u8 = 70;

/// Shortest time between two pieces of the text of a file.
const PIECE_INTERVAL: Duration = Duration::from_millis(250);
/// Pieces after which that time grows by itself: the log of a job is bounded.
const PIECES_OF_ONE_PACE: u32 = 50;

/// What is heard of an answer.
#[derive(Debug, Default)]
struct Heard {
    watch: Mutex<FileWatch>,
    changed: Notify,
}

impl Heard {
    fn watch(&self) -> MutexGuard<'_, FileWatch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, event: StreamEvent, ledger: &Ledger) {
        match event {
            StreamEvent::Delta { text } => self.watch().push(&text),
            StreamEvent::Restarted { provider, model, kept_bytes } => {
                self.watch().restart(provider, model, kept_bytes);
            }
            StreamEvent::AttemptEnded(attempt) => return ledger.add(attempt),
            StreamEvent::Accepted { .. } | StreamEvent::Allowed(_) | StreamEvent::Counted(_) => return,
        }
        self.changed.notify_one();
    }

    fn percent(&self, expected: usize) -> u8 {
        let span = usize::from(LAST_PERCENT - FIRST_PERCENT);
        let done = (self.watch().bytes() * span / expected.max(1)).min(span);
        FIRST_PERCENT + u8::try_from(done).unwrap_or(0)
    }

    fn message(&self) -> String {
        match self.watch().current() {
            Some(file) => format!("Writing {file}"),
            None => "Thinking about the application".to_owned(),
        }
    }
}

/// When the next piece of text is told.
struct Pace {
    told: u32,
    next: Instant,
}

impl Pace {
    fn new() -> Self {
        Self { told: 0, next: Instant::now() }
    }

    fn is_due(&self) -> bool {
        Instant::now() >= self.next
    }

    fn told(&mut self) {
        self.told += 1;
        self.next = Instant::now() + PIECE_INTERVAL * (1 + self.told / PIECES_OF_ONE_PACE);
    }
}

/// Usual size of a completion, in bytes.
fn expected_bytes(mode: GenerationMode, previous: &[(String, String)]) -> usize {
    let usual = match mode {
        GenerationMode::Quick => 14_000,
        GenerationMode::Advanced => 32_000,
    };
    previous.iter().map(|(_, content)| content.len()).sum::<usize>().max(usual)
}

/// Runs the request, and tells the progress of this stage and the files. It stops when the job is asked to
/// stop. The requests to model servers are added to `ledger`, however it ends.
pub(super) async fn follow(
    ctx: &JobContext,
    model: &dyn ChatModel,
    request: &GenerationRequest,
    (mode, stage): (GenerationMode, &'static str),
    ledger: &Ledger,
) -> Result<Completion, JobError> {
    let heard = Heard::default();
    let sink = |event: StreamEvent| heard.hear(event, ledger);
    let expected = expected_bytes(mode, &request.previous_files);
    let mut pace = Pace::new();
    let mut completion = model.generate(request, &sink);
    loop {
        let has_news = heard.watch().has_news();
        tokio::select! {
            biased;
            () = ctx.stop().cancelled() => return Err(stopped()),
            completed = &mut completion => {
                tell(ctx, &heard, &mut pace, true).await;
                return completed.map_err(|error| job_error(error, ctx.queue().now()));
            }
            () = heard.changed.notified() => {
                let is_due = pace.is_due();
                tell(ctx, &heard, &mut pace, is_due).await;
                ctx.progress(heard.percent(expected), stage, heard.message()).await;
            }
            () = tokio::time::sleep_until(pace.next), if has_news => {
                tell(ctx, &heard, &mut pace, true).await;
            }
        }
    }
}

/// Tells what is new of the files: states at once, the text of an open file if it is due or
/// long.
async fn tell(ctx: &JobContext, heard: &Heard, pace: &mut Pace, is_due: bool) {
    let told = {
        let mut watch = heard.watch();
        let with_text = is_due || watch.is_urgent();
        watch.take(with_text)
    };
    for event in told {
        match event {
            Told::File(file) => {
                if !file.text.is_empty() {
                    pace.told();
                }
                ctx.event("file", &serde_json::to_value(&file).unwrap_or(Value::Null)).await;
            }
            Told::Restarted(restarted) => {
                ctx.event("restarted", &serde_json::to_value(&restarted).unwrap_or(Value::Null)).await;
            }
        }
    }
}

/// The error of a job that was asked to stop.
pub(super) fn stopped() -> JobError {
    JobError::retry("STOPPED", "the generation was stopped")
}

/// The job error of a model error.
fn job_error(error: LlmError, now: Timestamp) -> JobError {
    let (code, message) = match &error {
        LlmError::CircuitOpen { provider, until } => return circuit_open(provider, *until, now),
        LlmError::Transient { .. } => ("LLM_UNAVAILABLE", "the model server failed"),
        LlmError::RateLimited { .. } => ("LLM_RATE_LIMITED", "the model server asked to slow down"),
        LlmError::Quota { .. } => ("LLM_QUOTA", "the platform's account at the model server is exhausted"),
        LlmError::Auth { .. } => ("LLM_AUTH", "the model server refused the platform's key"),
        LlmError::BadRequest { .. } => ("LLM_BAD_REQUEST", "the model server refused the request"),
        LlmError::ContentFilter { message } => return filtered(message),
        LlmError::ContextTooLong { .. } => ("LLM_CONTEXT_TOO_LONG", "the request is too long for the model"),
        LlmError::Timeout { .. } => ("LLM_TIMEOUT", "the model server took too long"),
        LlmError::Unusable { .. } => ("LLM_UNUSABLE", "the model completed nothing that can be used"),
        LlmError::OverBudget { .. } => ("LLM_OVER_BUDGET", "the generation has used its budget"),
        LlmError::NotUnderstood { message } => return JobError::fail("DESCRIPTION_NOT_UNDERSTOOD", message),
    };
    tracing::warn!(code, %error, "the model gave no completion");
    match error.retry_after() {
        Some(after) => JobError::retry_after(code, message, after.min(MAX_WAIT)),
        None if error.is_retryable() => JobError::retry(code, message),
        None => JobError::fail(code, message),
    }
}

/// The content filter of a provider stopped the answer: no other provider is asked.
fn filtered(category: &str) -> JobError {
    let category: String = category.chars().take(MAX_CATEGORY).collect();
    let message = format!("the content filter stopped the answer: {category}");
    JobError::fail("LLM_CONTENT_FILTER", message).with_details(json!({"category": category}))
}

/// Maximum length of a provider's category, in characters.
const MAX_CATEGORY: usize = 200;

/// No request was sent: the job waits until the open circuit may be tried again.
fn circuit_open(provider: &str, until: DateTime<Utc>, now: Timestamp) -> JobError {
    let until = to_micros(until);
    let wait = (until - now).to_std().unwrap_or_default().clamp(MIN_CIRCUIT_WAIT, MAX_WAIT);
    let shown = until.to_rfc3339_opts(SecondsFormat::Secs, true);
    let message = format!("no model server may be asked now: {provider} rests until {shown}");
    JobError::wait("CIRCUIT_OPEN", message, wait).with_details(json!({"provider": provider, "until": until}))
}

/// Minimum wait for an open circuit.
const MIN_CIRCUIT_WAIT: Duration = Duration::from_secs(1);

/// Maximum wait that a model server may ask for.
const MAX_WAIT: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use atelier_queue::Disposition;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_pieces_of_a_long_answer_come_ever_more_slowly() {
        let mut pace = Pace::new();
        assert!(pace.is_due());
        let begun = Instant::now();
        for _ in 0..400 {
            tokio::time::sleep_until(pace.next).await;
            pace.told();
        }
        assert!(begun.elapsed() > Duration::from_secs(300), "{:?}", begun.elapsed());
    }

    #[test]
    fn the_progress_follows_the_bytes_and_names_the_file() {
        let (heard, ledger) = (Heard::default(), Ledger::default());
        assert_eq!((heard.percent(10), heard.message().as_str()), (5, "Thinking about the application"));
        for piece in ["Here it is.\n``", "`html pa", "th=index.html\n<p>", "é</p>"] {
            heard.hear(StreamEvent::Delta { text: piece.to_owned() }, &ledger);
        }
        assert_eq!(heard.message(), "Writing index.html");
        assert_eq!((heard.percent(1_000_000), heard.percent(10)), (5, 70));
    }

    #[test]
    fn a_filtered_answer_names_the_category_of_the_provider() {
        let error = LlmError::ContentFilter { message: "SAFETY".to_owned() };
        let error = job_error(error, Timestamp::UNIX_EPOCH);
        assert_eq!((error.code.as_str(), error.disposition), ("LLM_CONTENT_FILTER", Disposition::Fail));
        assert_eq!(error.details["category"], "SAFETY");
        assert!(error.message.contains("SAFETY"), "{}", error.message);
    }

    #[test]
    fn each_error_of_the_model_has_its_disposition() {
        let message = String::new;
        let table = [
            (LlmError::Transient { message: message() }, "LLM_UNAVAILABLE", Disposition::Retry),
            (LlmError::Timeout { message: message() }, "LLM_TIMEOUT", Disposition::Retry),
            (LlmError::Unusable { message: message() }, "LLM_UNUSABLE", Disposition::Retry),
            (LlmError::OverBudget { message: message() }, "LLM_OVER_BUDGET", Disposition::Fail),
            (
                LlmError::RateLimited { message: message(), after: None },
                "LLM_RATE_LIMITED",
                Disposition::Retry,
            ),
            (
                LlmError::RateLimited { message: message(), after: Some(Duration::from_secs(7)) },
                "LLM_RATE_LIMITED",
                Disposition::RetryAfter(Duration::from_secs(7)),
            ),
            (LlmError::Auth { message: message() }, "LLM_AUTH", Disposition::Fail),
            (LlmError::Quota { message: message(), until: None }, "LLM_QUOTA", Disposition::Fail),
            (LlmError::ContentFilter { message: message() }, "LLM_CONTENT_FILTER", Disposition::Fail),
            (LlmError::NotUnderstood { message: message() }, "DESCRIPTION_NOT_UNDERSTOOD", Disposition::Fail),
        ];
        for (error, code, disposition) in table {
            let error = job_error(error, Timestamp::UNIX_EPOCH);
            assert_eq!((error.code.as_str(), error.disposition), (code, disposition));
        }
    }

    #[test]
    fn a_person_reads_why_a_description_was_not_understood() {
        let fault = LlmError::NotUnderstood { message: "Name what it keeps.".to_owned() };
        assert_eq!(job_error(fault, Timestamp::UNIX_EPOCH).message, "Name what it keeps.");
    }

    #[test]
    fn a_job_waits_while_the_circuit_is_open() {
        let at = |secs| Timestamp::from_timestamp(secs, 0).expect("a time");
        for (now, wait) in [(70, 30), (100, 1), (200, 1)] {
            let circuit_open = LlmError::CircuitOpen { provider: "openai".into(), until: at(100) };
            let error = job_error(circuit_open, at(now));
            assert_eq!(error.code, "CIRCUIT_OPEN");
            assert_eq!(error.disposition, Disposition::Wait(Duration::from_secs(wait)), "at {now}");
            assert_eq!(error.details["provider"], "openai");
            assert!(error.message.ends_with("openai rests until 1970-01-01T00:01:40Z"), "{}", error.message);
        }
    }
}
