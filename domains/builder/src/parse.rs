//! Parses a completion: the prose and the files, in any of the styles that models use.

mod edit;
mod fence;
mod json;
mod naming;

use crate::{
    fault::{Fault, FaultCode},
    file::{GeneratedFile, language, language_of},
    path::normalize_path,
};
pub use edit::{Change, Edit};
use fence::{Block, Piece};

/// Maximum length of a summary, in characters.
const MAX_SUMMARY_CHARS: usize = 2_000;
/// Maximum number of problems of one completion.
const MAX_PROBLEMS: usize = 20;

/// The content of a completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedCompletion {
    /// The prose before the first file, trimmed, at most 2,000 characters.
    pub summary: String,
    /// The files, each path once, in the order of their first appearance. Their paths are not checked.
    pub files: Vec<GeneratedFile>,
    /// Changes of files, in the order of the answer.
    pub edits: Vec<Edit>,
    /// The problems of the completion's form, at most 20. Some are notes: see
    /// [`FaultCode::is_note`].
    pub problems: Vec<Fault>,
}

impl ParsedCompletion {
    /// The problems that make the completion unusable.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.problems.iter().filter(|problem| !problem.code.is_note()).cloned().collect()
    }
}

/// Parses a completion. `truncated` says that the model stopped at its token limit, which
/// is a fault. Never fails: text that cannot be parsed is prose, and a completion without
/// files has the fault `NO_FILES`.
#[must_use]
pub fn parse(answer: &str, truncated: bool) -> ParsedCompletion {
    let text = answer.replace("\r\n", "\n").replace('\r', "\n");
    let text = without_reasoning(text.trim_start_matches('\u{FEFF}'));
    let mut found = Collected::default();
    if !(text.trim_start().starts_with('{') && found.read_json(text)) {
        found.read_pieces(text);
    }
    if found.files.is_empty() {
        let unnamed = std::mem::take(&mut found.unnamed);
        let blocks = unnamed.iter().filter(|(language, _)| matches!(*language, None | Some("json")));
        let read = blocks.into_iter().any(|(_, content)| found.read_json(content)) || found.read_json(text);
        if !read {
            for (_, content) in
                unnamed.iter().filter(|(language, _)| matches!(language, None | Some("markdown")))
            {
                found.read_pieces(content);
            }
            found.unnamed.extend(unnamed);
        }
    }
    found.name_by_language();
    found.finish(truncated)
}

/// The text without the reasoning that some models write first.
fn without_reasoning(text: &str) -> &str {
    let rest = text.trim_start().strip_prefix("<think>");
    rest.and_then(|rest| rest.split_once("</think>")).map_or(text, |(_, answer)| answer)
}

#[derive(Default)]
struct Collected {
    summary: String,
    files: Vec<GeneratedFile>,
    problems: Vec<Fault>,
    /// Blocks without a name, by language.
    unnamed: Vec<(Option<&'static str>, String)>,
    /// Set if the last block is not closed, with its path if it has one.
    open_end: Option<Option<String>>,
}

impl Collected {
    fn read_json(&mut self, text: &str) -> bool {
        let Some(answer) = json::read(text) else { return false };
        for (path, content) in answer.files {
            self.add(&path, content);
        }
        if !answer.summary.is_empty() {
            self.summary = answer.summary;
        }
        true
    }

    fn read_pieces(&mut self, text: &str) {
        let mut gap: Vec<&str> = Vec::new();
        let mut prose: Vec<&str> = Vec::new();
        for piece in fence::cut(text) {
            let block = match piece {
                Piece::Prose(line) => {
                    gap.push(line);
                    continue;
                }
                Piece::Block(block) => block,
            };
            let named = named_file(block, &gap);
            if let Some(label) = named.label {
                gap.remove(label);
            }
            if self.files.is_empty() {
                prose.append(&mut gap);
            }
            gap.clear();
            self.take(named);
        }
        if self.files.is_empty() {
            prose.append(&mut gap);
        }
        if self.summary.is_empty() {
            let shown = prose.iter().filter(|line| !is_wrapper(line)).copied().collect::<Vec<_>>();
            self.summary = shown.join("\n").trim().to_owned();
        }
    }

    fn take(&mut self, named: Named) {
        let Named { path, language, content, closed, is_hint, .. } = named;
        self.open_end = (!closed).then(|| path.clone());
        let is_excerpt = |path: &String| is_hint && self.has(path);
        let Some(path) = path.filter(|path| !is_excerpt(path)) else {
            self.unnamed.push((language, content));
            return;
        };
        let path = normalize_path(&path);
        if !closed {
            let message = "the block was not closed; its content reaches to the next file or the end";
            self.problems.push(Fault::in_file(&path, FaultCode::UnclosedFile, message));
        }
        if language == Some("diff") && language_of(&path) != "diff" {
            let message = "this is a diff; write the whole file instead";
            self.problems.push(Fault::in_file(&path, FaultCode::PartialFile, message));
        }
        self.add(&path, content);
    }

    fn has(&self, path: &str) -> bool {
        let path = normalize_path(path);
        self.files.iter().any(|file| file.path == path)
    }

    fn add(&mut self, path: &str, content: String) {
        let path = normalize_path(path);
        let Some(known) = self.files.iter_mut().find(|file| file.path == path) else {
            let language = language_of(&path).to_owned();
            self.files.push(GeneratedFile { path, language, content });
            return;
        };
        let message = if known.content == content {
            "the file is given twice with the same content"
        } else {
            "the file is given twice; the last one was kept"
        };
        known.content = content;
        self.problems.push(Fault::in_file(&path, FaultCode::RepeatedFile, message));
    }

    /// Names the unnamed blocks whose language allows only one name.
    fn name_by_language(&mut self) {
        let unnamed = std::mem::take(&mut self.unnamed);
        for language in ["html", "css", "javascript", "python"] {
            let mut blocks: Vec<&String> = unnamed
                .iter()
                .filter(|(own, _)| *own == Some(language))
                .map(|(_, content)| content)
                .collect();
            if language == "html" && blocks.len() > 1 {
                blocks.retain(|content| is_whole_page(content));
            }
            let taken = self.files.iter().any(|file| file.language == language);
            let path = language::default_path(language).filter(|_| !taken);
            match (blocks.as_slice(), path) {
                ([], _) => {}
                ([content], Some(path)) => self.add(path, (*content).clone()),
                _ => {
                    let message =
                        format!("{} block(s) of {language} without a file name were left out", blocks.len());
                    self.problems.push(Fault::new(FaultCode::UnnamedBlock, &message));
                }
            }
        }
    }

    fn finish(mut self, truncated: bool) -> ParsedCompletion {
        let mut faults = Vec::new();
        if truncated {
            let fault = match self.open_end.flatten() {
                Some(path) => {
                    let message = "the answer was cut off inside this file";
                    Fault::in_file(&normalize_path(&path), FaultCode::Truncated, message)
                }
                None => Fault::new(FaultCode::Truncated, "the answer was cut off before it was complete"),
            };
            faults.push(fault);
        }
        if self.files.is_empty() {
            faults.push(Fault::new(FaultCode::NoFiles, "the answer holds no file with a name"));
        }
        self.problems.sort_by_key(|problem| problem.code.is_note());
        faults.append(&mut self.problems);
        faults.truncate(MAX_PROBLEMS);
        ParsedCompletion {
            summary: bounded(&self.summary),
            files: self.files,
            edits: Vec::new(),
            problems: faults,
        }
    }
}

struct Named {
    path: Option<String>,
    language: Option<&'static str>,
    content: String,
    closed: bool,
    /// The index of the line before the block that named it.
    label: Option<usize>,
    /// Whether that line was a sentence or further up: then the block may be an excerpt of
    /// an earlier file.
    is_hint: bool,
}

/// Finds the block's file name: in its opening line, on a line before it, or in its first
/// comment.
fn named_file(block: Block, gap: &[&str]) -> Named {
    let Block { info, mut content, closed } = block;
    let fits = |path: &str| {
        let own = language::find_by_path(path).unwrap_or("text");
        info.language.is_none_or(|tag| language::is_compatible(tag, own))
    };
    let mut label = None;
    let mut path = info.path.clone();
    if path.is_none() {
        let (at, named) = find_label(gap, info.language.is_some()).filter(|(_, path)| fits(path)).unzip();
        (label, path) = (at, named);
    }
    let comment = find_comment(&content);
    if let Some((line, named)) = comment.filter(|(_, named)| fits(named)) {
        let is_json =
            path.as_deref().is_some_and(|p| language_of(p) == "json" && p.ends_with(named.as_str()));
        if path.is_none() || is_json {
            if info.language != Some("markdown") && language_of(&named) != "markdown" {
                content = content
                    .split_inclusive('\n')
                    .enumerate()
                    .filter(|(at, _)| *at != line)
                    .map(|(_, l)| l)
                    .collect();
            }
            path.get_or_insert(named);
        }
    }
    let last = gap.iter().rposition(|line| !line.trim().is_empty());
    let is_hint = label.is_some_and(|at| Some(at) != last || naming::label_path(gap[at], false).is_none());
    Named { path, language: info.language, content, closed, label, is_hint }
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

fn is_whole_page(content: &str) -> bool {
    let lower = content.to_lowercase();
    lower.contains("<!doctype") || lower.contains("<html")
}

/// Whether the line is only a tag around files, such as `<files>`.
fn is_wrapper(line: &str) -> bool {
    let line = line.trim();
    line.starts_with('<') && line.ends_with('>') && line.matches('<').count() == 1
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
