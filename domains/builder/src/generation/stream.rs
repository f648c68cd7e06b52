//! Follows a completion while the model streams it.

use std::time::Duration;

use atelier_entities::{GenerationMode, Timestamp, to_micros};
use atelier_providers::llm::{ChatModel, Completion, GenerationRequest, LlmError, StreamEvent};
use atelier_queue::{JobContext, JobError};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use tokio::sync::watch;

use super::ledger::Ledger;

/// The progress at the start and the end of the stream, in percent.
const FIRST_PERCENT: u8 = 5;
const LAST_PERCENT: u8 = 70;

/// Maximum length of a line start that is kept to find a file name.
const MAX_LINE: usize = 300;

/// The state of a streamed completion.
#[derive(Clone, Debug, Default, PartialEq)]
struct StreamState {
    bytes: usize,
    line: String,
    file: Option<String>,
}

impl StreamState {
    fn push(&mut self, text: &str) {
        self.bytes += text.len();
        for piece in text.split_inclusive('\n') {
            if self.line.len() + piece.len() <= MAX_LINE {
                self.line.push_str(piece);
            }
            if piece.ends_with('\n') {
                if let Some(file) = announced_file(&self.line) {
                    self.file = Some(file);
                }
                self.line.clear();
            }
        }
    }

    /// Another model goes on after the first `kept` bytes, at the start of a line.
    fn restart(&mut self, kept: usize) {
        self.bytes = kept;
        self.line.clear();
        if kept == 0 {
            self.file = None;
        }
    }

    fn percent(&self, expected: usize) -> u8 {
        let span = usize::from(LAST_PERCENT - FIRST_PERCENT);
        let done = (self.bytes * span / expected.max(1)).min(span);
        FIRST_PERCENT + u8::try_from(done).unwrap_or(0)
    }

    fn message(&self) -> String {
        match &self.file {
            Some(file) => format!("Writing {file}"),
            None => "Thinking about the application".to_owned(),
        }
    }
}

/// The file that the opening line of a code block names, such as "```html path=index.html".
fn announced_file(line: &str) -> Option<String> {
    let info = line.trim().trim_start_matches(['`', '~']);
    if info.len() + 3 > line.trim().len() {
        return None;
    }
    let mut words = info.split([' ', ':', '=']).map(|word| word.trim_matches(['"', '\'']));
    let is_file = |word: &&str| {
        let extension = word.rsplit_once('.').map_or("", |(_, extension)| extension);
        (1..=8).contains(&extension.len())
            && word.len() <= 120
            && word.chars().all(|c| c.is_alphanumeric() || "/._-[]@+".contains(c))
    };
    words.rfind(is_file).map(str::to_owned)
}

/// Usual size of a completion, in bytes.
fn expected_bytes(mode: GenerationMode, previous: &[(String, String)]) -> usize {
    let usual = match mode {
        GenerationMode::Quick => 14_000,
        GenerationMode::Advanced => 32_000,
    };
    previous.iter().map(|(_, content)| content.len()).sum::<usize>().max(usual)
}

/// Runs the request and reports progress. It stops when the job is asked to stop. The requests
/// to model servers are added to `ledger`, however it ends.
pub(super) async fn follow(
    ctx: &JobContext,
    model: &dyn ChatModel,
    request: &GenerationRequest,
    mode: GenerationMode,
    ledger: &Ledger,
) -> Result<Completion, JobError> {
    let (state, mut seen) = watch::channel(StreamState::default());
    let sink = move |event: StreamEvent| match event {
        StreamEvent::Delta { text } => state.send_modify(|state| state.push(&text)),
        StreamEvent::Restarted { kept_bytes, .. } => {
            state.send_modify(|state| state.restart(kept_bytes));
        }
        StreamEvent::AttemptEnded(attempt) => ledger.add(attempt),
        StreamEvent::Accepted { .. } | StreamEvent::Counted(_) => {}
    };
    let expected = expected_bytes(mode, &request.previous_files);
    let mut completion = model.generate(request, &sink);
    loop {
        tokio::select! {
            biased;
            () = ctx.stop().cancelled() => return Err(stopped()),
            completed = &mut completion => return completed.map_err(|error| job_error(error, ctx.queue().now())),
            Ok(()) = seen.changed() => {
                let now = seen.borrow_and_update().clone();
                ctx.progress(now.percent(expected), "writing", now.message()).await;
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
        LlmError::ContentFilter { .. } => ("LLM_CONTENT_FILTER", "the content filter stopped the answer"),
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

/// No request was sent: the job waits until the open circuit may be tried again.
fn circuit_open(provider: &str, until: DateTime<Utc>, now: Timestamp) -> JobError {
    let until = to_micros(until);
    let wait = (until - now).to_std().unwrap_or_default().clamp(MIN_CIRCUIT_WAIT, MAX_WAIT);
    let shown = until.to_rfc3339_opts(SecondsFormat::Secs, true);
    let message = format!("the circuit of the model server {provider} is open until {shown}");
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

    #[test]
    fn finds_the_file_that_a_block_announces() {
        let table = [
            ("```html path=index.html\n", Some("index.html")),
            ("```jsx title=\"src/App.jsx\"\n", Some("src/App.jsx")),
            ("~~~~css:styles.css\n", Some("styles.css")),
            ("```server.js\n", Some("server.js")),
            ("```html\n", None),
            ("```\n", None),
            ("const a = b.c;\n", None),
            ("`styles.css` is small\n", None),
        ];
        for (line, file) in table {
            assert_eq!(announced_file(line).as_deref(), file, "{line}");
        }
    }

    #[test]
    fn pieces_may_split_lines_anywhere() {
        let mut state = StreamState::default();
        for piece in ["Here it is.\n``", "`html pa", "th=index.html\n<p>", "é</p>"] {
            state.push(piece);
        }

        assert_eq!(state.message(), "Writing index.html");
        assert_eq!((state.percent(1_000_000), state.percent(10)), (5, 70));
    }

    #[test]
    fn a_model_that_goes_on_begins_at_what_was_kept() {
        let mut state = StreamState::default();
        state.push("```html path=index.html\n<p>");
        state.restart(0);
        assert_eq!(state, StreamState::default());
    }

    #[test]
    fn long_lines_use_bounded_memory() {
        let mut state = StreamState::default();
        (0..10_000).for_each(|_| state.push("xxxxxxxxxx"));

        assert!(state.line.len() <= MAX_LINE);
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
            (LlmError::Quota { message: message() }, "LLM_QUOTA", Disposition::Fail),
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
        }
    }
}
