//! Reads search/replace blocks: the changes of files that an answer describes instead of whole files.

use crate::fault::{Fault, FaultCode};

/// One change of a file of the version before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Path of the file it changes, normalized.
    pub path: String,
    /// What it does.
    pub change: Change,
    /// The line of the answer, with `\n` as line end and without thoughts, at which it begins, counted from 1.
    /// 1 for a change in JSON.
    pub line: u32,
}

/// What a change does to its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Replace the one place that reads `search` by `replace`. Both are whole lines, each with its `\n`, except
    /// in JSON; `replace` is empty where the lines are taken out.
    Replace {
        /// The text to find; never empty.
        search: String,
        /// The text that takes its place.
        replace: String,
    },
    /// Delete the file.
    Delete,
    /// Give the file another path.
    Rename {
        /// The new path, normalized.
        to: String,
    },
}

/// The content of blocks of search and replace.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Blocks {
    /// Changes of a file, in their order.
    Edits(Vec<Edit>),
    /// A new file: one block without a text to find.
    Whole(String),
}

/// Whether the line begins a block, as `<<<<<<< SEARCH` with 5 to 9 marks.
pub(super) fn is_start(line: &str) -> bool {
    mark(line, '<').is_some_and(|(_, label)| matches!(label, "SEARCH" | "ORIGINAL" | "OLD" | "FIND"))
}

/// Whether the line ends a block, as `>>>>>>> REPLACE`.
pub(super) fn is_end(line: &str) -> bool {
    mark(line, '>').is_some_and(|(_, label)| matches!(label, "REPLACE" | "UPDATED" | "NEW" | ""))
}

/// Whether the line is a mark of a conflict or of a block, of any form.
pub(super) fn is_mark(line: &str) -> bool {
    is_start(line)
        || mark(line, '<').is_some_and(|(length, _)| length == 7)
        || mark(line, '>').is_some_and(|(length, label)| length == 7 || label == "REPLACE")
}

/// The number of marks, 5 to 9, that begin a line, and the label behind them.
fn mark(line: &str, c: char) -> Option<(usize, &str)> {
    let line = line.trim_end();
    let rest = line.trim_start_matches(c);
    let length = line.len() - rest.len();
    let label = rest.strip_prefix(' ').or_else(|| rest.is_empty().then_some(rest))?;
    (5..=9).contains(&length).then(|| (length, label.trim().trim_end_matches(':')))
}

/// The part of a block that is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Outside,
    Search,
    Replace,
}

/// A block of search and replace that is being read.
struct Reader<'a> {
    path: &'a str,
    part: Part,
    marks: usize,
    line: u32,
    search: String,
    replace: String,
    edits: Vec<Edit>,
    /// The contents of blocks without a text to find.
    whole: Vec<String>,
}

/// Reads the blocks of a text for the file at `path`, which is normalized. `line` is the line of the answer at
/// which the text begins.
///
/// # Errors
/// A fault of the file: a block without its end, text between the blocks, a conflict of Git, or a block
/// without a text to find beside others.
pub(super) fn read_blocks(path: &str, content: &str, line: u32) -> Result<Blocks, Fault> {
    let mut reader = Reader {
        path,
        part: Part::Outside,
        marks: 0,
        line,
        search: String::new(),
        replace: String::new(),
        edits: Vec::new(),
        whole: Vec::new(),
    };
    for (text, at) in content.lines().zip(line..) {
        reader.push(text, at)?;
    }
    if reader.part != Part::Outside {
        let message = "a search/replace block has no end";
        return Err(Fault::in_file(path, FaultCode::Truncated, message));
    }
    match (reader.edits.is_empty(), reader.whole.len()) {
        (true, 1) => Ok(Blocks::Whole(reader.whole.remove(0))),
        (_, 0) => Ok(Blocks::Edits(reader.edits)),
        _ => Err(partial(path, "a search/replace block has no text to find")),
    }
}

impl Reader<'_> {
    fn push(&mut self, text: &str, line: u32) -> Result<(), Fault> {
        match self.part {
            Part::Outside if is_start(text) => {
                self.part = Part::Search;
                self.marks = mark(text, '<').map_or(0, |(marks, _)| marks);
                self.line = line;
            }
            Part::Outside if text.trim().is_empty() => {}
            Part::Outside => {
                return Err(partial(self.path, "there is text beside the search/replace blocks"));
            }
            Part::Search if self.is_middle(text) => self.part = Part::Replace,
            Part::Search | Part::Replace if is_start(text) => {
                return Err(partial(self.path, "a search/replace block begins inside another one"));
            }
            Part::Search if is_end(text) => {
                return Err(partial(self.path, "a search/replace block has no ======= in the middle"));
            }
            Part::Search => push_line(&mut self.search, text),
            Part::Replace if is_end(text) => self.end(),
            Part::Replace => push_line(&mut self.replace, text),
        }
        Ok(())
    }

    fn is_middle(&self, line: &str) -> bool {
        let line = line.trim_end();
        line.len() == self.marks && line.chars().all(|c| c == '=')
    }

    fn end(&mut self) {
        self.part = Part::Outside;
        let search = std::mem::take(&mut self.search);
        let replace = std::mem::take(&mut self.replace);
        if search.trim().is_empty() {
            self.whole.push(replace);
            return;
        }
        let change = Change::Replace { search, replace };
        self.edits.push(Edit { path: self.path.to_owned(), change, line: self.line });
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn partial(path: &str, message: &str) -> Fault {
    Fault::in_file(path, FaultCode::PartialFile, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(search: &str, replace: &str, line: u32) -> Edit {
        let change = Change::Replace { search: search.to_owned(), replace: replace.to_owned() };
        Edit { path: "a.js".to_owned(), change, line }
    }

    #[test]
    fn reads_blocks_with_their_lines() {
        let text = "<<<<<<< SEARCH\na\n  b\n=======\nc\n>>>>>>> REPLACE\n\n<<<<<<< SEARCH\nd\n=======\n>>>>>>> REPLACE\n";
        let expected = vec![replace("a\n  b\n", "c\n", 10), replace("d\n", "", 17)];
        assert_eq!(read_blocks("a.js", text, 10), Ok(Blocks::Edits(expected)));
    }

    #[test]
    fn reads_five_to_nine_marks_and_other_labels() {
        for count in 5..=9 {
            let [open, middle, end] = ["<", "=", ">"].map(|mark| mark.repeat(count));
            for (old, new) in [(" SEARCH", " REPLACE"), (" ORIGINAL", " UPDATED"), (" SEARCH", "")] {
                let text = format!("{open}{old}\na\n{middle}\nb\n{end}{new}\n");
                assert_eq!(
                    read_blocks("a.js", &text, 1),
                    Ok(Blocks::Edits(vec![replace("a\n", "b\n", 1)])),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn an_underline_of_another_length_is_text() {
        let text = "<<<<<<< SEARCH\nTitle\n=====\n=======\nName\n=======\n>>>>>>> REPLACE\n";
        let expected = vec![replace("Title\n=====\n", "Name\n=======\n", 1)];
        assert_eq!(read_blocks("a.js", text, 1), Ok(Blocks::Edits(expected)));
    }

    #[test]
    fn a_block_without_a_text_to_find_is_a_new_file() {
        let text = "<<<<<<< SEARCH\n=======\nlet a;\n>>>>>>> REPLACE\n";
        assert_eq!(read_blocks("a.js", text, 1), Ok(Blocks::Whole("let a;\n".to_owned())));
    }

    #[test]
    fn refuses_what_is_not_whole() {
        for (text, code) in [
            ("<<<<<<< SEARCH\na\n=======\nb\n", FaultCode::Truncated),
            ("<<<<<<< SEARCH\na\n", FaultCode::Truncated),
            ("<<<<<<< SEARCH\na\n>>>>>>> REPLACE\n", FaultCode::PartialFile),
            ("<<<<<<< SEARCH\na\n<<<<<<< SEARCH\n", FaultCode::PartialFile),
            ("<<<<<<< HEAD\na\n=======\nb\n>>>>>>> main\n", FaultCode::PartialFile),
            ("let a;\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n", FaultCode::PartialFile),
            (
                "<<<<<<< SEARCH\n=======\nb\n>>>>>>> REPLACE\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n",
                FaultCode::PartialFile,
            ),
        ] {
            let fault = read_blocks("a.js", text, 1).expect_err(text);
            assert_eq!((fault.code, fault.path.as_deref()), (code, Some("a.js")), "{text}");
        }
    }
}
