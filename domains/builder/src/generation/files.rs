//! Watches an answer while it is written: which file it is in, and what of it is to be told.

use std::collections::VecDeque;

use serde::Serialize;

/// How far a file is: it is being written, it is whole, or what was told of it does not count.
pub const FILE_STATES: [&str; 3] = [WRITING, DONE, DROPPED];

const WRITING: &str = "writing";
const DONE: &str = "done";
const DROPPED: &str = "dropped";

/// Most bytes of text in one event.
const MAX_PIECE: usize = 16 * 1024;
/// Maximum length of a line that may begin or end a block.
const MAX_LINE: usize = 300;

/// What those who follow the job are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// A piece of a file.
    File(FileEvent),
    /// Another model goes on.
    Restarted(Restarted),
}

/// A piece of a file. `text` follows after the first `offset` bytes of the file; 0 begins it
/// anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct FileEvent {
    pub(super) path: String,
    pub(super) state: &'static str,
    pub(super) offset: usize,
    pub(super) bytes: usize,
    pub(super) text: String,
}

/// Another model goes on. Only the files that are named stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Restarted {
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) kept_files: Vec<String>,
}

/// What of a block is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    /// Its text is the file.
    Text,
    /// Its text changes the file; only the state is told.
    State,
    /// It deletes or renames a file.
    Nothing,
}

/// The block that is being written.
#[derive(Debug)]
struct Open {
    path: String,
    telling: Telling,
    mark: char,
    length: usize,
    depth: usize,
    /// Where its content begins in the answer.
    begin: usize,
    /// Bytes that were told.
    told: usize,
    pending: String,
}

/// The state of an answer. Keeps no text but what has not been told.
#[derive(Debug, Default)]
pub(super) struct FileWatch {
    /// Bytes of the answer.
    bytes: usize,
    line: String,
    /// Whether the line is too long to be a fence; its beginning was passed on.
    is_long: bool,
    open: Option<Open>,
    /// The whole files, with the end of their block in the answer.
    done: Vec<(String, usize)>,
    queue: VecDeque<Told>,
}

impl FileWatch {
    /// Takes the next text of the answer, which may end anywhere.
    pub(super) fn push(&mut self, text: &str) {
        for piece in text.split_inclusive('\n') {
            self.bytes += piece.len();
            if self.is_long {
                self.pass_on(piece);
                self.is_long = !piece.ends_with('\n');
                continue;
            }
            self.line.push_str(piece);
            let is_whole = self.line.ends_with('\n');
            if is_whole || self.line.len() > MAX_LINE {
                let line = std::mem::take(&mut self.line);
                if is_whole && line.len() <= MAX_LINE {
                    self.take_line(&line);
                } else {
                    self.pass_on(&line);
                    self.is_long = !is_whole;
                }
            }
        }
    }

    /// Another model goes on after the first `kept` bytes of the answer, at the start of a line.
    pub(super) fn restart(&mut self, provider: String, model: String, kept: usize) {
        self.line.clear();
        self.is_long = false;
        self.bytes = kept;
        let (stay, dropped) = std::mem::take(&mut self.done).into_iter().partition(|(_, end)| *end <= kept);
        self.done = stay;
        let dropped: Vec<(String, usize)> = dropped;
        for (path, _) in dropped {
            self.tell(path, DROPPED);
        }
        if let Some(open) = self.open.take() {
            self.reopen(open, kept);
        }
        let kept_files = self.done.iter().map(|(path, _)| path.clone());
        let kept_files = kept_files.chain(self.open.iter().map(|open| open.path.clone())).collect();
        self.queue.push_back(Told::Restarted(Restarted { provider, model, kept_files }));
    }

    /// The open block after the answer was cut to `kept` bytes.
    fn reopen(&mut self, mut open: Open, kept: usize) {
        if kept <= open.begin {
            if open.telling != Telling::Nothing {
                self.tell(open.path, DROPPED);
            }
            return;
        }
        let length = kept - open.begin;
        let pending = length.saturating_sub(open.told);
        if pending < open.pending.len() && open.pending.is_char_boundary(pending) {
            open.pending.truncate(pending);
        }
        open.told = open.told.min(length);
        self.open = Some(open);
    }

    /// What is to be told. The text of the open file is included if `with_text`.
    pub(super) fn take(&mut self, with_text: bool) -> Vec<Told> {
        if with_text && let Some(open) = &mut self.open {
            flush(open, &mut self.queue);
        }
        self.queue.drain(..).collect()
    }

    /// Whether there is anything but text of the open file to tell, or much of that.
    pub(super) fn is_urgent(&self) -> bool {
        !self.queue.is_empty() || self.open.as_ref().is_some_and(|open| open.pending.len() >= MAX_PIECE)
    }

    /// Whether there is anything to tell.
    pub(super) fn has_news(&self) -> bool {
        !self.queue.is_empty() || self.open.as_ref().is_some_and(|open| !open.pending.is_empty())
    }

    /// Bytes of the answer.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The file that is being written, or the last one.
    pub(super) fn current(&self) -> Option<&str> {
        let open = self.open.as_ref().map(|open| open.path.as_str());
        open.or_else(|| self.done.last().map(|(path, _)| path.as_str()))
    }

    fn tell(&mut self, path: String, state: &'static str) {
        self.queue.push_back(Told::File(FileEvent { path, state, offset: 0, bytes: 0, text: String::new() }));
    }

    fn pass_on(&mut self, text: &str) {
        if let Some(open) = self.open.as_mut().filter(|open| open.telling == Telling::Text) {
            open.pending.push_str(text);
        }
    }

    /// Takes a whole line. A fence inside a block, such as an example in a README, belongs to
    /// the block.
    fn take_line(&mut self, line: &str) {
        let Some(fence) = Fence::of(line) else { return self.pass_on(line) };
        let name = file_name(fence.info);
        let Some(open) = &mut self.open else {
            if let Some(path) = name {
                self.begin(path, fence);
            }
            return;
        };
        if fence.mark != open.mark || fence.length < open.length {
            return self.pass_on(line);
        }
        if let Some(path) = name {
            if let Some(open) = self.open.take() {
                self.tell(open.path, DROPPED);
            }
            return self.begin(path, fence);
        }
        if !fence.info.is_empty() {
            open.depth += 1;
            return self.pass_on(line);
        }
        open.depth -= 1;
        if open.depth > 0 {
            return self.pass_on(line);
        }
        self.end();
    }

    fn begin(&mut self, path: String, fence: Fence<'_>) {
        let telling = match fence.info.split_whitespace().next() {
            Some("search/replace") => Telling::State,
            Some("delete" | "rename") => Telling::Nothing,
            _ => Telling::Text,
        };
        if telling != Telling::Nothing {
            self.tell(path.clone(), WRITING);
        }
        let Fence { mark, length, .. } = fence;
        let (begin, pending) = (self.bytes, String::new());
        self.open = Some(Open { path, telling, mark, length, depth: 1, begin, told: 0, pending });
    }

    /// The open block is whole.
    fn end(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        flush(&mut open, &mut self.queue);
        let Open { path, telling, told, .. } = open;
        if telling == Telling::Nothing {
            return;
        }
        self.done.retain(|(known, _)| *known != path);
        self.done.push((path.clone(), self.bytes));
        let event = FileEvent { path, state: DONE, offset: told, bytes: told, text: String::new() };
        self.queue.push_back(Told::File(event));
    }
}

/// Moves the text of a block to the queue, in pieces.
fn flush(open: &mut Open, queue: &mut VecDeque<Told>) {
    while !open.pending.is_empty() {
        let mut end = open.pending.len().min(MAX_PIECE);
        while !open.pending.is_char_boundary(end) {
            end -= 1;
        }
        let text: String = open.pending.drain(..end).collect();
        let (path, offset) = (open.path.clone(), open.told);
        open.told += text.len();
        queue.push_back(Told::File(FileEvent { path, state: WRITING, offset, bytes: open.told, text }));
    }
}

/// A line that begins or ends a block.
#[derive(Clone, Copy)]
struct Fence<'a> {
    mark: char,
    length: usize,
    info: &'a str,
}

impl<'a> Fence<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let line = line.trim();
        let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let info = line.trim_start_matches(mark);
        let length = line.len() - info.len();
        (length >= 3 && !info.contains(mark)).then_some(Self { mark, length, info: info.trim() })
    }
}

/// The file that the opening line of a block names, such as `html path=index.html`.
fn file_name(info: &str) -> Option<String> {
    let mut words = info.split([' ', ':', '=']).map(|word| word.trim_matches(['"', '\'']));
    let is_file = |word: &&str| {
        let extension = word.rsplit_once('.').map_or("", |(_, extension)| extension);
        (1..=8).contains(&extension.len())
            && word.len() <= 120
            && word.chars().all(|c| c.is_alphanumeric() || "/._-[]@+".contains(c))
    };
    words.rfind(is_file).map(str::to_owned)
}

#[cfg(test)]
mod tests;
