//! Finds the name of a block: in its opening line, on a line before it, or in its first comment.

use super::{
    diff,
    fence::Block,
    naming::{self, Action},
};
use crate::file::{language, language_of};

/// A block and the name found for it.
pub(super) struct Named {
    /// The path, as it is written.
    pub(super) path: Option<String>,
    /// The language of the block's tag.
    pub(super) language: Option<&'static str>,
    /// What the block is.
    pub(super) action: Action,
    /// The text inside.
    pub(super) content: String,
    /// Whether the block is closed.
    pub(super) closed: bool,
    /// The line of the text, counted from 1, at which the content begins.
    pub(super) line: u32,
    /// The index of the line before the block that named it.
    pub(super) label: Option<usize>,
    /// Whether that line was a sentence or further up: then the block may be an excerpt of
    /// an earlier file.
    pub(super) is_hint: bool,
}

/// Finds the block's file name: in its opening line, on a line before it, or in its first
/// comment.
pub(super) fn named_file(block: Block, gap: &[&str]) -> Named {
    let Block { info, mut content, closed, line } = block;
    let fits = |path: &str| {
        let own = language::find_by_path(path).unwrap_or("text");
        info.language.is_none_or(|tag| tag == "diff" || language::is_compatible(tag, own))
    };
    let mut label = None;
    let mut path = info.path.clone();
    if path.is_none() {
        let (at, named) = find_label(gap, info.language.is_some()).filter(|(_, path)| fits(path)).unzip();
        (label, path) = (at, named);
    }
    let is_whole = info.action == Action::Whole && info.language != Some("diff") && !diff::is_patch(&content);
    let comment = if is_whole { find_comment(&content) } else { None };
    if let Some((comment_at, named)) = comment.filter(|(_, named)| fits(named)) {
        let is_json =
            path.as_deref().is_some_and(|p| language_of(p) == "json" && p.ends_with(named.as_str()));
        if path.is_none() || is_json {
            if info.language != Some("markdown") && language_of(&named) != "markdown" {
                content = content
                    .split_inclusive('\n')
                    .enumerate()
                    .filter(|(at, _)| *at != comment_at)
                    .map(|(_, l)| l)
                    .collect();
            }
            path.get_or_insert(named);
        }
    }
    let last = gap.iter().rposition(|line| !line.trim().is_empty());
    let is_hint = label.is_some_and(|at| Some(at) != last || naming::label_path(gap[at], false).is_none());
    Named { path, language: info.language, action: info.action, content, closed, line, label, is_hint }
}

/// The last non-empty line before a block if it names a file, else the last line that is
/// only a name.
fn find_label(gap: &[&str], tagged: bool) -> Option<(usize, String)> {
    let last = gap.iter().rposition(|line| !line.trim().is_empty())?;
    if let Some(path) = naming::label_path(gap[last], tagged) {
        return Some((last, path));
    }
    let strong = gap.iter().rposition(|line| naming::is_strong_label(line))?;
    naming::label_path(gap[strong], tagged).map(|path| (strong, path))
}

/// The file name in a comment on the first line, or on the second one after `#!` or a
/// doctype.
fn find_comment(content: &str) -> Option<(usize, String)> {
    let mut lines = content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (at, first) = lines.next()?;
    if let Some(path) = naming::comment_path(first) {
        return Some((at, path));
    }
    let skipped = first.starts_with("#!") || first.to_lowercase().starts_with("<!doctype");
    let (at, second) = lines.next().filter(|_| skipped)?;
    naming::comment_path(second).map(|path| (at, path))
}
