//! A model that follows the script of a test.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::{Notify, watch};

use super::{
    AppKind, ChatModel, Completion, Effort, GenerationRequest, LlmError, Message, Role, StreamEvent,
    StreamSink, Usage,
};

/// One scripted reaction.
#[derive(Debug, Clone)]
pub enum ScriptedCompletion {
    /// Answers in one chunk.
    Text(String),
    /// Answers in these chunks.
    Pieces(Vec<String>),
    /// Answers in one chunk that ends at the token limit.
    Truncated(String),
    /// Fails.
    Fails(LlmError),
    /// Sends these chunks, then fails.
    FailsAfter(Vec<String>, LlmError),
    /// Waits until the test notifies, then reacts.
    Waits(Arc<Notify>, Box<ScriptedCompletion>),
}

/// Answers from a queue of scripted reactions and records its requests. When the queue is
/// empty, it uses its default, and fails without one.
pub struct ScriptedModel {
    provider: String,
    plans: bool,
    context_tokens: Option<u64>,
    script: Mutex<VecDeque<ScriptedCompletion>>,
    default: Option<ScriptedCompletion>,
    requests: Mutex<Vec<GenerationRequest>>,
    asked: watch::Sender<usize>,
}

impl ScriptedModel {
    /// Reacts with these, in order.
    pub fn new(script: impl IntoIterator<Item = ScriptedCompletion>) -> Self {
        Self {
            provider: "scripted".to_owned(),
            plans: false,
            context_tokens: None,
            script: Mutex::new(script.into_iter().collect()),
            default: None,
            requests: Mutex::new(Vec::new()),
            asked: watch::Sender::new(0),
        }
    }

    /// Answers every request with `text`.
    pub fn always(text: impl Into<String>) -> Self {
        Self { default: Some(ScriptedCompletion::Text(text.into())), ..Self::new([]) }
    }

    /// The same under that name.
    #[must_use]
    pub fn named(self, provider: &str) -> Self {
        Self { provider: provider.to_owned(), ..self }
    }

    /// The same, asked for a plan before an advanced application.
    #[must_use]
    pub fn planning(self) -> Self {
        Self { plans: true, ..self }
    }

    /// The same with a context of this size.
    #[must_use]
    pub fn with_context(self, tokens: u64) -> Self {
        Self { context_tokens: Some(tokens), ..self }
    }

    /// Puts a reaction at the end of the queue.
    pub fn push(&self, answer: ScriptedCompletion) {
        locked(&self.script).push_back(answer);
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<GenerationRequest> {
        locked(&self.requests).clone()
    }

    /// Returns once `count` requests have come.
    pub async fn wait_for_requests(&self, count: usize) {
        let mut asked = self.asked.subscribe();
        if asked.wait_for(|seen| *seen >= count).await.is_err() {
            tracing::trace!("the model was dropped");
        }
    }

    fn take(&self) -> Option<ScriptedCompletion> {
        locked(&self.script).pop_front().or_else(|| self.default.clone())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A small valid request for tests that do not care which.
pub fn sample_request() -> GenerationRequest {
    GenerationRequest {
        title: "Reading list".into(),
        kind: AppKind::WebApp,
        description: "A reading list with authors and ratings".into(),
        effort: Effort::Quick,
        messages: vec![
            Message { role: Role::System, content: "You write applications.".into() },
            Message { role: Role::User, content: "A reading list with authors and ratings".into() },
        ],
        previous_files: Vec::new(),
    }
}

#[async_trait]
impl ChatModel for ScriptedModel {
    fn provider(&self) -> &str {
        &self.provider
    }

    fn model(&self, effort: Effort) -> &str {
        match effort {
            Effort::Quick => "scripted-quick",
            Effort::Advanced => "scripted-advanced",
        }
    }

    fn context_tokens(&self) -> Option<u64> {
        self.context_tokens
    }

    fn can_plan(&self) -> bool {
        self.plans
    }

    async fn generate(
        &self,
        request: &GenerationRequest,
        sink: StreamSink<'_>,
    ) -> Result<Completion, LlmError> {
        let next = self.take();
        locked(&self.requests).push(request.clone());
        self.asked.send_modify(|seen| *seen += 1);
        let mut next = next.ok_or(LlmError::BadRequest { message: "the script is at its end".into() })?;
        while let ScriptedCompletion::Waits(signal, then) = next {
            signal.notified().await;
            next = *then;
        }
        let (pieces, truncated, failure) = match next {
            ScriptedCompletion::Text(text) => (vec![text], false, None),
            ScriptedCompletion::Pieces(pieces) => (pieces, false, None),
            ScriptedCompletion::Truncated(text) => (vec![text], true, None),
            ScriptedCompletion::FailsAfter(pieces, error) => (pieces, false, Some(error)),
            ScriptedCompletion::Fails(error) => return Err(error),
            ScriptedCompletion::Waits(..) => {
                return Err(LlmError::BadRequest { message: "nothing follows".into() });
            }
        };
        for text in pieces.iter().filter(|text| !text.is_empty()) {
            sink(StreamEvent::Delta { text: text.clone() });
        }
        if let Some(error) = failure {
            return Err(error);
        }
        let text = pieces.concat();
        let output_tokens = text.split_whitespace().count() as u64;
        let usage = Some(Usage { input_tokens: 10, output_tokens, ..Usage::default() });
        let (provider, model) = (self.provider().to_owned(), self.model(request.effort).to_owned());
        Ok(Completion { provider, model, text, usage, truncated })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_for_the_signal_and_sends_the_chunks() {
        let signal = Arc::new(Notify::new());
        let pieces = ScriptedCompletion::Pieces(vec!["one ".into(), "two".into()]);
        let model =
            Arc::new(ScriptedModel::new([ScriptedCompletion::Waits(signal.clone(), Box::new(pieces))]));
        let events = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn({
            let (model, events) = (model.clone(), events.clone());
            async move { model.generate(&sample_request(), &|event| locked(&events).push(event)).await }
        });
        model.wait_for_requests(1).await;
        assert!(locked(&events).is_empty());
        signal.notify_one();
        let answer = task.await.expect("no panic").expect("an answer");
        assert_eq!(answer.text, "one two");
        assert_eq!(locked(&events).len(), 2);
        assert_eq!(model.requests(), [sample_request()]);
        model.generate(&sample_request(), &|_| ()).await.expect_err("the script is at its end");
    }
}
