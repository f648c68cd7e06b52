//! A completion while it is assembled, and what its end means.

use serde_json::Value;

use super::{Completion, LlmError, Usage, timers::Stage};

/// Largest completion; the rest is cut off.
const MAX_TEXT_BYTES: usize = 16 * 1024 * 1024;

/// Why a model stopped, in the words of any provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// It had written all.
    Whole,
    /// It reached its token limit.
    Truncated,
    /// A filter stopped it, or it refused; with the provider's category.
    Filtered(String),
    /// It did something that it was not asked for, such as calling a tool.
    Misbehaved(String),
    /// The server stopped it by an error.
    Failed,
    /// Unknown here.
    Other(String),
}

/// The parts of a completion that have arrived.
#[derive(Debug)]
pub(super) struct Draft {
    /// The text so far.
    pub(super) text: String,
    /// The provider.
    provider: String,
    /// The model, as the server names it.
    pub(super) model: String,
    /// The tokens, as far as the server has counted them.
    pub(super) usage: Option<Usage>,
    /// Why the model stopped.
    pub(super) end: Option<End>,
    /// Whether the model has written thoughts.
    pub(super) has_thoughts: bool,
}

impl Draft {
    /// `model` is the name that is used if the server sends none.
    pub(super) fn new(provider: &str, model: &str) -> Self {
        Self {
            text: String::new(),
            provider: provider.to_owned(),
            model: model.to_owned(),
            usage: None,
            end: None,
            has_thoughts: false,
        }
    }

    /// Takes the name of the model, if there is one.
    pub(super) fn name_model(&mut self, name: Option<&Value>) {
        if let Some(name) = name.and_then(Value::as_str).filter(|name| !name.is_empty()) {
            name.clone_into(&mut self.model);
        }
    }

    /// How far it is.
    pub(super) fn stage(&self) -> Stage {
        match (&self.end, self.text.is_empty()) {
            (Some(_), _) => Stage::Ended,
            (None, true) => Stage::Waiting,
            (None, false) => Stage::Writing,
        }
    }

    /// Whether it has reached the size limit.
    pub(super) fn is_full(&self) -> bool {
        self.text.len() >= MAX_TEXT_BYTES
    }

    /// The completion. `is_over` tells whether the server has sent its end.
    pub(super) fn finish(self, is_over: bool) -> Result<Completion, LlmError> {
        let is_empty = self.text.trim().is_empty();
        let is_cut = self.is_full();
        let truncated = match &self.end {
            _ if is_cut => true,
            _ if !is_over => {
                let message = "the stream ended before the completion did".into();
                return Err(LlmError::Transient { message });
            }
            Some(End::Failed) => {
                return Err(LlmError::Transient { message: "the server stopped the completion".into() });
            }
            Some(End::Filtered(category)) => {
                let message = format!("the server stopped the completion ({category})");
                return Err(LlmError::ContentFilter { message });
            }
            Some(End::Misbehaved(reason)) => {
                return Err(LlmError::Unusable { message: format!("the model stopped with {reason}") });
            }
            Some(End::Truncated) => true,
            Some(End::Other(reason)) => {
                tracing::info!(provider = self.provider, reason, "the model stopped for an unknown reason");
                false
            }
            Some(End::Whole) | None => false,
        };
        if is_empty && !truncated {
            let what = if self.has_thoughts { "holds only thoughts" } else { "is empty" };
            return Err(LlmError::Unusable { message: format!("the completion {what}") });
        }
        let Self { text, provider, model, usage, .. } = self;
        Ok(Completion { text, provider, model, usage, truncated })
    }
}

/// A number that may be written as a text or with a fraction.
pub(super) fn number(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    let of_text = || value.as_str()?.trim().parse::<f64>().ok();
    value.as_u64().or_else(|| {
        let number = value.as_f64().or_else(of_text)?;
        // Written without a fraction, every whole number that a server counts to is exact.
        (0.0..1e15).contains(&number).then(|| format!("{number:.0}").parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn finished(text: &str, end: Option<End>, is_over: bool) -> Result<Completion, LlmError> {
        let mut draft = Draft::new("one", "asked");
        text.clone_into(&mut draft.text);
        draft.end = end;
        draft.finish(is_over)
    }

    #[test]
    fn numbers_are_read_in_any_form() {
        let table = [
            (json!(7), Some(7)),
            (json!(7.0), Some(7)),
            (json!("12"), Some(12)),
            (json!("12.6"), Some(13)),
            (json!(-1), None),
            (json!("many"), None),
            (json!(null), None),
        ];
        for (value, expected) in table {
            assert_eq!(number(Some(&value)), expected, "{value}");
        }
    }

    #[test]
    fn a_completion_is_whole_only_after_the_end_of_the_server() {
        assert!(matches!(finished("a", Some(End::Whole), true), Ok(done) if !done.truncated));
        assert!(matches!(finished("a", Some(End::Whole), false), Err(LlmError::Transient { .. })));
        assert!(matches!(finished("a", None, false), Err(LlmError::Transient { .. })));
        assert!(matches!(finished("a", Some(End::Failed), true), Err(LlmError::Transient { .. })));
        assert!(matches!(finished("a", Some(End::Other("new".into())), true), Ok(done) if !done.truncated));
        assert!(matches!(finished("", Some(End::Truncated), true), Ok(done) if done.truncated));
    }

    #[test]
    fn a_fault_of_the_completion_is_none_of_the_server() {
        for end in [End::Whole, End::Other("new".into()), End::Misbehaved("tool_use".into())] {
            let error = finished(" ", Some(end), true).expect_err("nothing usable");
            assert!(matches!(error, LlmError::Unusable { .. }), "{error:?}");
        }
        let filtered = finished("half", Some(End::Filtered("safety".into())), true).expect_err("filtered");
        assert!(filtered.to_string().contains("safety"), "{filtered}");
    }
}
