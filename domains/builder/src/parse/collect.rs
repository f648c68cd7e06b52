//! Collects the files, the changes and the problems of a completion.

use std::collections::{HashMap, HashSet};

use super::{
    MAX_PROBLEMS, ParsedCompletion, bounded, diff,
    edit::{Blocks, Change, Edit, read_blocks},
    fence::{self, Piece},
    json,
    label::{Named, named_file},
    naming::{self, Action},
    page, plain, whole,
};
use crate::{
    fault::{Fault, FaultCode},
    file::{GeneratedFile, language, language_of},
    omission,
    path::project_path,
};

/// Maximum number of pages in which names of files are looked for.
const MAX_PAGES: usize = 20;
/// Maximum number of problems up to which further ones are compared with all.
const MAX_FOUND: usize = 200;

/// A block without a name.
struct Unnamed {
    language: Option<&'static str>,
    content: String,
    closed: bool,
}

/// What was found in a completion so far.
#[derive(Default)]
pub(super) struct Collected {
    summary: String,
    files: Vec<GeneratedFile>,
    /// The place of each path in `files`.
    places: HashMap<String, usize>,
    edits: Vec<Edit>,
    problems: Vec<Fault>,
    unnamed: Vec<Unnamed>,
    /// The file that the last block changed.
    last_edited: Option<String>,
}

impl Collected {
    /// Whether neither a file nor a change nor a fault of one was found.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.edits.is_empty() && self.problems.is_empty()
    }

    pub(super) fn has_unnamed(&self) -> bool {
        !self.unnamed.is_empty()
    }

    pub(super) fn read_json(&mut self, text: &str) -> bool {
        let Some(answer) = json::read(text) else { return false };
        for (path, content) in answer.files {
            self.add(&path, content);
        }
        for json::JsonChange { path, search, replace } in answer.changes {
            let path = project_path(&path);
            if search.is_empty() {
                let message = "a change has no text to find";
                self.problems.push(Fault::in_file(&path, FaultCode::PartialFile, message));
            } else {
                self.push_edits(vec![Edit { path, change: Change::Replace { search, replace }, line: 1 }]);
            }
        }
        if !answer.summary.is_empty() {
            self.summary = answer.summary;
        }
        true
    }

    /// Reads what blocks without a name hold, and JSON between prose.
    pub(super) fn read_inside(&mut self, text: &str) {
        let unnamed = std::mem::take(&mut self.unnamed);
        let in_json = |block: &&Unnamed| matches!(block.language, None | Some("json" | "xml"));
        let read = unnamed.iter().filter(in_json).any(|block| self.read_json(&block.content));
        if read || self.read_json(text) {
            return;
        }
        for block in &unnamed {
            let may_hold = match block.language {
                None | Some("markdown" | "xml") => true,
                Some("html" | "jsx") => block.content.contains("<file") || block.content.contains("<boltA"),
                Some(_) => false,
            };
            if may_hold {
                self.read_pieces(&block.content);
            }
        }
        self.unnamed.extend(unnamed);
    }

    /// Reads files that have no fence.
    pub(super) fn read_plain(&mut self, text: &str) {
        let is_page = text.trim_start().starts_with('<');
        for (path, content) in plain::sections(text).into_iter().filter(|_| !is_page) {
            self.add(&path, content);
        }
        if self.files.is_empty()
            && let Some(page) = page::bare_page(text)
        {
            self.add("index.html", page);
        }
    }

    pub(super) fn read_pieces(&mut self, text: &str) {
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
            if self.files.is_empty() && self.edits.is_empty() {
                prose.append(&mut gap);
            }
            gap.clear();
            self.take(named);
        }
        if self.files.is_empty() && self.edits.is_empty() {
            prose.append(&mut gap);
        }
        if self.summary.is_empty() {
            let shown = prose.iter().filter(|line| !is_wrapper(line)).copied().collect::<Vec<_>>();
            self.summary = shown.join("\n").trim().to_owned();
        }
    }

    fn take(&mut self, named: Named) {
        let is_diff_file = named.path.as_deref().is_some_and(|path| language_of(path) == "diff");
        let is_patch = named.action == Action::Patch
            || (!is_diff_file && (named.language == Some("diff") || diff::is_patch(&named.content)));
        match named.action {
            Action::Delete => self.take_change(named, Change::Delete),
            Action::Rename(ref to) => {
                let to = project_path(to);
                self.take_change(named, Change::Rename { to });
            }
            _ if is_patch => self.take_patch(named),
            Action::Edit => self.take_blocks(named),
            _ if is_marked(&named) => self.take_blocks(named),
            Action::Whole | Action::Patch => self.take_whole(named),
        }
    }

    fn take_change(&mut self, named: Named, change: Change) {
        if let Some(path) = named.path {
            let line = named.line.saturating_sub(1).max(1);
            self.edits.push(Edit { path: project_path(&path), change, line });
        }
    }

    fn take_patch(&mut self, named: Named) {
        let path = named.path.or_else(|| self.last_edited.clone());
        if !named.closed {
            self.push_truncated(path.as_deref());
            return;
        }
        match diff::read(path.as_deref(), &named.content, named.line) {
            Ok(patch) => {
                for (path, content) in patch.created {
                    self.add(&path, content);
                }
                self.push_edits(patch.edits);
            }
            Err(fault) => self.problems.push(fault),
        }
    }

    fn take_blocks(&mut self, named: Named) {
        let Named { mut path, mut content, closed, mut line, .. } = named;
        let first = content.lines().next().unwrap_or_default();
        if let Some(inside) = naming::label_path(first, false) {
            content = content.split_once('\n').map_or_else(String::new, |(_, rest)| rest.to_owned());
            line = line.saturating_add(1);
            path.get_or_insert(inside);
        }
        let Some(path) = path.map(|path| project_path(&path)).or_else(|| self.last_edited.clone()) else {
            let message = "a search/replace block does not name the file it changes";
            self.problems.push(Fault::new(FaultCode::PartialFile, message));
            return;
        };
        if !closed {
            self.push_truncated(Some(&path));
            return;
        }
        match read_blocks(&path, &content, line) {
            Ok(Blocks::Edits(edits)) => self.push_edits(edits),
            Ok(Blocks::Whole(content)) => self.add(&path, content),
            Err(fault) => self.problems.push(fault),
        }
        self.last_edited = Some(path);
    }

    /// Adds changes. One that puts a placeholder in the place of code is a fault.
    fn push_edits(&mut self, edits: Vec<Edit>) {
        for edit in edits {
            if let Change::Replace { search, replace } = &edit.change {
                self.problems.extend(omission::find_in_change(&edit.path, search, replace));
            }
            self.edits.push(edit);
        }
    }

    fn take_whole(&mut self, named: Named) {
        let Named { path, language, content, closed, is_hint, .. } = named;
        let is_excerpt = |path: &String| is_hint && self.places.contains_key(&project_path(path));
        let Some(path) = path.filter(|path| !is_excerpt(path)) else {
            self.unnamed.push(Unnamed { language, content, closed });
            return;
        };
        if !closed {
            self.push_unclosed(&project_path(&path), &content);
        }
        self.add(&path, content);
    }

    /// A file without its end is cut, unless it is a page that says where it ends.
    fn push_unclosed(&mut self, path: &str, content: &str) {
        if language_of(path) == "html" && page::is_ended(content) {
            let message = "the block was not closed; the page in it has its end";
            self.problems.push(Fault::in_file(path, FaultCode::UnclosedFile, message));
        } else {
            self.push_truncated(Some(path));
        }
    }

    fn push_truncated(&mut self, path: Option<&str>) {
        let message = "the answer was cut off inside this file";
        self.problems.push(match path {
            Some(path) => Fault::in_file(path, FaultCode::Truncated, message),
            None => Fault::new(FaultCode::Truncated, "the answer was cut off inside a change"),
        });
    }

    /// Adds a file. Of a file given twice the last one is kept, but never an excerpt or a stub in place of the
    /// whole.
    fn add(&mut self, path: &str, content: String) {
        let path = project_path(path);
        let language = language_of(&path);
        let mut content = content;
        if let Some(rest) = content.strip_prefix('\u{FEFF}') {
            content = rest.to_owned();
        }
        if language == "html" {
            content = page::unwrap(content);
        }
        let Some(place) = self.places.get(&path).copied() else {
            self.places.insert(path.clone(), self.files.len());
            self.files.push(GeneratedFile { path, language: language.to_owned(), content });
            return;
        };
        let known = &mut self.files[place];
        let message = if known.content == content {
            "the file is given twice with the same content"
        } else if self.problems.len() < MAX_PROBLEMS && is_stub_of(&known.content, &content) {
            "the file is given twice; the whole one was kept"
        } else {
            known.content = content;
            "the file is given twice; the last one was kept"
        };
        self.problems.push(Fault::in_file(&path, FaultCode::RepeatedFile, message));
    }

    /// Names the unnamed blocks: by the page that names their files, or by their language if it allows only one name.
    pub(super) fn name_by_language(&mut self) {
        let unnamed = std::mem::take(&mut self.unnamed);
        for language in ["html", "css", "javascript", "python"] {
            let mut blocks: Vec<&Unnamed> =
                unnamed.iter().filter(|block| block.language == Some(language)).collect();
            if language == "html" && blocks.len() > 1 {
                blocks.retain(|block| is_whole_page(&block.content));
            }
            let paths = self.free_paths(language);
            if !blocks.is_empty() && paths.len() == blocks.len() {
                for (block, path) in blocks.into_iter().zip(paths) {
                    if !block.closed {
                        self.push_unclosed(&path, &block.content);
                    }
                    self.add(&path, block.content.clone());
                }
            } else if !blocks.is_empty() {
                let message =
                    format!("{} block(s) of {language} without a file name were left out", blocks.len());
                self.problems.push(Fault::new(FaultCode::UnnamedBlock, &message));
            }
        }
    }

    /// The paths that blocks of a language without a name may have: those that pages name and no file has, else the
    /// usual one.
    fn free_paths(&self, language: &str) -> Vec<String> {
        let ending = match language {
            "css" => ".css",
            "javascript" => ".js",
            _ => "",
        };
        let mut paths: Vec<String> = Vec::new();
        for page in
            self.files.iter().filter(|file| !ending.is_empty() && file.language == "html").take(MAX_PAGES)
        {
            paths.extend(plain::named_by(&page.content, ending));
        }
        let is_named = !paths.is_empty();
        let mut seen = HashSet::new();
        paths.retain(|path| !self.places.contains_key(path) && seen.insert(path.clone()));
        let is_taken = is_named || self.files.iter().any(|file| file.language == language);
        if paths.is_empty() && !is_taken {
            paths.extend(language::default_path(language).map(ToOwned::to_owned));
        }
        paths
    }

    pub(super) fn finish(mut self, truncated: bool) -> ParsedCompletion {
        let mut faults = Vec::new();
        let is_known = self.problems.iter().any(|problem| problem.code == FaultCode::Truncated);
        if truncated && !is_known {
            faults.push(Fault::new(FaultCode::Truncated, "the answer was cut off before it was complete"));
        }
        if self.files.is_empty() && self.edits.is_empty() {
            faults.push(Fault::new(FaultCode::NoFiles, "the answer holds no file with a name"));
        }
        for fault in whole::list_faults(&self.files) {
            let is_known = |known: &Fault| known.code == fault.code && known.path == fault.path;
            if self.problems.len() < MAX_FOUND && !self.problems.iter().any(is_known) {
                self.problems.push(fault);
            }
        }
        self.problems.sort_by_key(|problem| (problem.code.is_note(), problem.code != FaultCode::Truncated));
        faults.append(&mut self.problems);
        faults.truncate(MAX_PROBLEMS);
        let summary = bounded(&self.summary);
        ParsedCompletion { summary, files: self.files, edits: self.edits, problems: faults }
    }
}

/// Whether the block holds marks of search and replace, of which every one counts except in the examples of
/// Markdown.
fn is_marked(named: &Named) -> bool {
    let is_markdown = named.language == Some("markdown")
        || named.path.as_deref().is_some_and(|path| language_of(path) == "markdown");
    whole::has_marks(&named.content, is_markdown)
}

/// Whether the new content stands for the whole one: it is empty, has a placeholder, or is a part of it.
fn is_stub_of(known: &str, new: &str) -> bool {
    let is_stub = |content: &str| content.trim().is_empty() || omission::find_placeholder(content).is_some();
    !is_stub(known) && (is_stub(new) || known.contains(new.trim()))
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
