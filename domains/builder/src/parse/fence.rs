//! Splits a completion into prose and blocks: Markdown fences, tags such as `<file path="…">`, and changes without
//! a fence.

use super::{
    diff, edit,
    naming::{Action, Info, label_path, read_info},
    nesting::Nesting,
    tag::{self, line_number},
};
use crate::file::language;

/// Lines that are read ahead, for each line of the text, to tell an inner fence from the end of a file. With it
/// reading takes linear time.
const LOOKAHEAD: usize = 8;

/// A part of a completion.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A line outside of every block.
    Prose(&'a str),
    /// A fence or a file's tag with its content.
    Block(Block),
}

/// The content of a fence or a file's tag.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The info string of its opening.
    pub(super) info: Info,
    /// The text inside, with `\n` as line end.
    pub(super) content: String,
    /// Whether it is closed.
    pub(super) closed: bool,
    /// The line of the text, counted from 1, at which its content begins.
    pub(super) line: u32,
}

struct FenceLine<'a> {
    mark: char,
    len: usize,
    indent: usize,
    info: &'a str,
    /// Whether the info string names a file.
    named: bool,
}

fn fence_line(line: &str) -> Option<FenceLine<'_>> {
    let body = line.trim_start_matches([' ', '\t']);
    let indent = line.len() - body.len();
    let mark = body.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = body.trim_start_matches(mark);
    let len = body.len() - rest.len();
    let info = rest.trim();
    let inline_code = mark == '`' && info.contains("``");
    let odd_ticks = mark == '`' && info.matches('`').count() % 2 == 1;
    let named = len >= 3 && !info.is_empty() && read_info(info).path.is_some();
    (len >= 3 && !inline_code && !odd_ticks).then_some(FenceLine { mark, len, indent, info, named })
}

/// Whether the line is a fence of any kind.
pub(super) fn is_fence(line: &str) -> bool {
    fence_line(line).is_some()
}

/// Splits the text, whose lines end with `\n` or `\r\n`. Every line is in one piece, except
/// the lines that open and close blocks.
pub(super) fn cut(text: &str) -> Vec<Piece<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let fences: Vec<Option<FenceLine<'_>>> = lines.iter().map(|line| fence_line(line)).collect();
    let mut scanner = Scanner {
        surplus: count_surplus(&fences, true),
        balance: count_surplus(&fences, false),
        ahead: lines.len() * LOOKAHEAD,
        lines,
        fences,
    };
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < scanner.lines.len() {
        let found = scanner
            .read_fence(at)
            .or_else(|| tag::read(&scanner.lines, at))
            .or_else(|| scanner.read_marks(at))
            .or_else(|| scanner.read_patch(at));
        if let Some((block, next)) = found {
            pieces.push(Piece::Block(block));
            at = next;
        } else {
            pieces.push(Piece::Prose(scanner.lines[at]));
            at += 1;
        }
    }
    pieces
}

/// For every line, how many more bare fences than fences with an info string are at and after it: up to the
/// next fence that names a file, or to the end.
fn count_surplus(fences: &[Option<FenceLine<'_>>], to_next_file: bool) -> Vec<i64> {
    let mut surplus = vec![0; fences.len() + 1];
    for (at, fence) in fences.iter().enumerate().rev() {
        surplus[at] = match fence {
            None => surplus[at + 1],
            Some(fence) if fence.info.is_empty() => surplus[at + 1] + 1,
            Some(fence) if to_next_file && fence.named => 0,
            Some(_) => surplus[at + 1] - 1,
        };
    }
    surplus
}

struct Scanner<'a> {
    lines: Vec<&'a str>,
    fences: Vec<Option<FenceLine<'a>>>,
    surplus: Vec<i64>,
    balance: Vec<i64>,
    /// Lines that may still be read ahead.
    ahead: usize,
}

/// Where the content of a block ends.
struct End {
    /// The line after the content.
    at: usize,
    /// The line at which reading goes on.
    next: usize,
    closed: bool,
    /// The code before a fence on the last line of code.
    last: String,
}

impl Scanner<'_> {
    /// The block that a fence at this line opens, and the line after it.
    fn read_fence(&mut self, start: usize) -> Option<(Block, usize)> {
        let open = self.fences[start].as_ref()?;
        let (info, indent) = (read_info(open.info), open.indent);
        let language = info.language.or_else(|| self.label_language(start));
        let language = language.filter(|own| info.action != Action::Edit || *own == "markdown");
        let end = match language {
            Some(own @ ("markdown" | "text")) => self.end_of_text(start, own == "markdown"),
            _ => self.end_of_code(start, language),
        };
        let content = self.content(start + 1, end.at, indent) + &end.last;
        Some((Block { info, content, closed: end.closed, line: line_number(start + 1) }, end.next))
    }

    /// The language of the file that the line before a fence names.
    fn label_language(&self, start: usize) -> Option<&'static str> {
        let label = self.lines[..start].iter().rev().take(3).find(|line| !line.trim().is_empty())?;
        label_path(label, true).as_deref().and_then(language::find_by_path)
    }

    /// The fence at the line, if it has the mark of the one at `start` and is as long.
    fn fence_within(&self, start: usize, at: usize) -> Option<&FenceLine<'_>> {
        let open = self.fences[start].as_ref()?;
        let fence = self.fences[at].as_ref()?;
        let fits = fence.mark == open.mark && fence.len >= open.len && fence.indent <= open.indent + 3;
        fits.then_some(fence)
    }

    /// The end of Markdown and of text, which hold examples in fences. An example that names a file belongs to
    /// the text if enough bare fences follow to end both. Only in Markdown a bare fence may open one.
    fn end_of_text(&self, start: usize, is_markdown: bool) -> End {
        let mut nested = 0_usize;
        let mut in_edit = false;
        for at in start + 1..self.lines.len() {
            let Some(fence) = self.fence_within(start, at) else {
                in_edit = (in_edit || edit::is_start(self.lines[at])) && !edit::is_end(self.lines[at]);
                continue;
            };
            if fence.named && self.balance[at] < 1 {
                return End::open(at);
            }
            if in_edit {
                continue;
            }
            if !fence.info.is_empty() {
                nested += 1;
            } else if nested > 0 {
                nested -= 1;
            } else if is_markdown && self.opens_nested(at) {
                nested += 1;
            } else {
                return End::closed(at);
            }
        }
        End::open(self.lines.len())
    }

    /// The end of a file of code: the first bare fence at which nothing of the file is open. If there is none
    /// before the next file, the first bare fence.
    fn end_of_code(&mut self, start: usize, language: Option<&str>) -> End {
        let mut nesting = Nesting::new(language);
        let mut first: Option<usize> = None;
        for at in start + 1..self.lines.len() {
            if let Some(first) = first {
                self.ahead = self.ahead.saturating_sub(1);
                if self.ahead == 0 {
                    return End::closed(first);
                }
            }
            if let Some(fence) = self.fence_within(start, at) {
                let opens = fence.named || (first.is_some() && self.opens_file(at));
                if opens {
                    return first.map_or_else(|| End::open(at), End::closed);
                }
                if fence.info.is_empty() && !nesting.is_open() {
                    return End::closed(at);
                }
                if fence.info.is_empty() {
                    first.get_or_insert(at);
                }
            } else if let Some(last) = self.end_on_code_line(start, at) {
                return End { at, next: at + 1, closed: true, last: format!("{last}\n") };
            } else {
                nesting.push(self.lines[at]);
            }
        }
        first.map_or_else(|| End::open(self.lines.len()), End::closed)
    }

    /// Whether a fence with an info string is the beginning of a file that the line before it names.
    fn opens_file(&self, at: usize) -> bool {
        let has_info = self.fences[at].as_ref().is_some_and(|fence| !fence.info.is_empty());
        has_info && self.label_language(at).is_some()
    }

    /// Whether a bare fence inside a text opens an example instead of closing the
    /// file: text follows at once, and enough bare fences follow to close both.
    fn opens_nested(&self, at: usize) -> bool {
        let followed = self.lines.get(at + 1).is_some_and(|next| !next.trim().is_empty());
        followed && self.surplus[at + 1] >= 2
    }

    /// The code before a closing fence on the last line of code, such as `</html>` and a
    /// fence.
    fn end_on_code_line(&self, start: usize, at: usize) -> Option<&str> {
        let open = self.fences[start].as_ref()?;
        let line = self.lines[at].trim_end();
        let before = line.trim_end_matches(open.mark);
        let last = self.lines.get(at + 1).is_none_or(|next| next.trim().is_empty());
        let fits = line.len() - before.len() == open.len
            && before.ends_with(['>', '}', ';', ')'])
            && !before.contains(open.mark);
        (last && fits).then_some(before)
    }

    /// The block of search and replace without a fence that begins at this line, with those that follow it.
    fn read_marks(&self, start: usize) -> Option<(Block, usize)> {
        if !edit::is_start(self.lines[start]) {
            return None;
        }
        let end = (start..self.lines.len()).find(|at| edit::is_end(self.lines[*at]) || self.opens_at(*at));
        let closed = end.is_some_and(|at| edit::is_end(self.lines[at]));
        let next = end.map_or(self.lines.len(), |at| if closed { at + 1 } else { at });
        Some((self.change(Action::Edit, start, next), next))
    }

    /// The patch without a fence that begins at this line.
    fn read_patch(&self, start: usize) -> Option<(Block, usize)> {
        if !diff::is_start(self.lines[start], self.lines.get(start + 1).copied()) {
            return None;
        }
        let more = &self.lines[start..];
        let length =
            more.iter().position(|line| is_fence(line) || !diff::is_part(line)).unwrap_or(more.len());
        let end = more[..length].iter().position(|line| line.starts_with("*** End Patch"));
        let next = start + end.map_or(length, |end| end + 1);
        Some((self.change(Action::Patch, start, next), next))
    }

    fn change(&self, action: Action, start: usize, next: usize) -> Block {
        let info = Info { action, ..Info::default() };
        let content = self.content(start, next, 0);
        Block { info, content, closed: true, line: line_number(start) }
    }

    /// Whether a file opens at this line.
    fn opens_at(&self, at: usize) -> bool {
        self.fences[at].as_ref().is_some_and(|fence| fence.named) || tag::opens(self.lines[at])
    }

    fn content(&self, from: usize, to: usize, indent: usize) -> String {
        let mut content = String::new();
        for line in &self.lines[from..to] {
            let own = line.len() - line.trim_start_matches([' ', '\t']).len();
            content.push_str(&line[own.min(indent)..]);
            content.push('\n');
        }
        content
    }
}

impl End {
    /// A bare fence at this line ends the block.
    fn closed(at: usize) -> Self {
        Self { at, next: at + 1, closed: true, last: String::new() }
    }

    /// The block has no end before this line.
    fn open(at: usize) -> Self {
        Self { at, next: at, closed: false, last: String::new() }
    }
}

/// The lines without blank ones at both ends, and without a fence or CDATA around them all.
pub(super) fn unwrapped(lines: &[&str]) -> String {
    let mut lines = trimmed(lines);
    if let [first, .., last] = lines
        && let (Some(open), Some(close)) = (fence_line(first), fence_line(last))
        && close.info.is_empty()
        && close.mark == open.mark
        && close.len >= open.len
    {
        lines = &lines[1..lines.len() - 1];
    }
    let mut text = lines.join("\n");
    if let Some(inner) = text.trim().strip_prefix("<![CDATA[").and_then(|t| t.strip_suffix("]]>")) {
        text = inner.trim_matches('\n').to_owned();
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn trimmed<'a, 'b>(mut lines: &'a [&'b str]) -> &'a [&'b str] {
    while let [first, rest @ ..] = lines
        && first.trim().is_empty()
    {
        lines = rest;
    }
    while let [rest @ .., last] = lines
        && last.trim().is_empty()
    {
        lines = rest;
    }
    lines
}

#[cfg(test)]
mod tests;
