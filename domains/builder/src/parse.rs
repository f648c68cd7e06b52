//! Parses a completion: the prose, the files and the changes, in any of the styles that models use.
//!
//! Nothing is closed that the model did not close: a file without its end, a mark of a change inside a file and a
//! stub are faults, never content.

mod collect;
mod diff;
mod edit;
mod fence;
mod json;
mod label;
mod naming;
mod nesting;
mod page;
mod plain;
mod tag;
mod thought;
mod whole;

use crate::{fault::Fault, file::GeneratedFile};
use collect::Collected;
pub use edit::{Change, Edit};

/// Maximum length of a summary, in characters.
const MAX_SUMMARY_CHARS: usize = 2_000;
/// Maximum number of problems of one completion.
const MAX_PROBLEMS: usize = 20;

/// The content of a completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedCompletion {
    /// The prose before the first file, trimmed, at most 2,000 characters.
    pub summary: String,
    /// The whole files, each path once, in the order of their first appearance. Their paths are not checked.
    pub files: Vec<GeneratedFile>,
    /// The changes of files of the version before, in the order of the completion.
    pub edits: Vec<Edit>,
    /// The problems of the completion's form, at most 20. Some are notes: see
    /// [`FaultCode::is_note`](crate::fault::FaultCode::is_note).
    pub problems: Vec<Fault>,
}

impl ParsedCompletion {
    /// The problems that make the completion unusable.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.problems.iter().filter(|problem| !problem.code.is_note()).cloned().collect()
    }
}

/// Parses a completion in linear time. `truncated` says that the model stopped at its token limit, which
/// is a fault. Never fails: text that cannot be parsed is prose, and a completion without
/// files and changes has the fault `NO_FILES`.
#[must_use]
pub fn parse(answer: &str, truncated: bool) -> ParsedCompletion {
    let text = answer.replace("\r\n", "\n").replace('\r', "\n");
    let text = thought::without_thoughts(text.trim_start_matches('\u{FEFF}'));
    let text = tag::on_lines(&text);
    let mut found = Collected::default();
    if !(text.trim_start().starts_with(['{', '[']) && found.read_json(&text)) {
        found.read_pieces(&text);
    }
    if found.is_empty() {
        found.read_inside(&text);
    }
    if found.is_empty() && !found.has_unnamed() {
        found.read_plain(&text);
    }
    found.name_by_language();
    found.finish(truncated)
}

fn bounded(text: &str) -> String {
    let clean = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t'));
    let mut summary: String = clean.take(MAX_SUMMARY_CHARS + 1).collect();
    if let Some((end, _)) = summary.char_indices().nth(MAX_SUMMARY_CHARS) {
        summary.truncate(end);
        summary.pop();
        summary.push('…');
    }
    summary
}

#[cfg(test)]
mod tests;
