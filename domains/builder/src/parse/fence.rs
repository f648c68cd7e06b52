//! Splits a completion into prose and blocks: Markdown fences, and tags such as `<file
//! path="…">`.

use super::naming::{Info, attribute_path, read_info};

/// Tags that hold a file.
const FILE_TAGS: [&str; 4] = ["file", "boltAction", "dyad-write", "artifact-file"];

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
}

struct FenceLine<'a> {
    mark: char,
    len: usize,
    indent: usize,
    info: &'a str,
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
    (len >= 3 && !inline_code && !odd_ticks).then_some(FenceLine { mark, len, indent, info })
}

/// Splits the text, whose lines end with `\n` or `\r\n`. Every line is in one piece, except
/// the lines that open and close blocks.
pub(super) fn cut(text: &str) -> Vec<Piece<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let fences: Vec<Option<FenceLine<'_>>> = lines.iter().map(|line| fence_line(line)).collect();
    let scanner = Scanner { surplus: surplus_of_bare_fences(&fences), lines, fences };
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < scanner.lines.len() {
        let found = scanner.read_fence(at).or_else(|| scanner.read_tag(at));
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

/// For every line, how many more bare fences than fences with an info string follow it, up to the next
/// fence that names a file.
fn surplus_of_bare_fences(fences: &[Option<FenceLine<'_>>]) -> Vec<i64> {
    let mut surplus = vec![0; fences.len() + 1];
    for (at, fence) in fences.iter().enumerate().rev() {
        surplus[at] = match fence {
            None => surplus[at + 1],
            Some(fence) if fence.info.is_empty() => surplus[at + 1] + 1,
            Some(fence) if read_info(fence.info).path.is_some() => 0,
            Some(_) => surplus[at + 1] - 1,
        };
    }
    surplus
}

struct Scanner<'a> {
    lines: Vec<&'a str>,
    fences: Vec<Option<FenceLine<'a>>>,
    surplus: Vec<i64>,
}

impl Scanner<'_> {
    /// The block that a fence at this line opens, and the line after it.
    fn read_fence(&self, start: usize) -> Option<(Block, usize)> {
        let open = self.fences[start].as_ref()?;
        let info = read_info(open.info);
        let is_markdown = info.language == Some("markdown");
        let mut nested = 0_usize;
        for at in start + 1..self.lines.len() {
            if let Some(fence) = &self.fences[at] {
                if fence.mark != open.mark || fence.len < open.len || fence.indent > open.indent + 3 {
                    continue;
                }
                if fence.info.is_empty() {
                    if nested > 0 {
                        nested -= 1;
                    } else if is_markdown && self.opens_nested(at) {
                        nested += 1;
                    } else {
                        let content = self.content(start + 1, at, open.indent);
                        return Some((Block { info, content, closed: true }, at + 1));
                    }
                } else if read_info(fence.info).path.is_some() {
                    let content = self.content(start + 1, at, open.indent);
                    return Some((Block { info, content, closed: false }, at));
                } else if is_markdown {
                    nested += 1;
                }
            } else if !is_markdown && let Some(last) = self.end_on_code_line(at, open) {
                let content = self.content(start + 1, at, open.indent) + last + "\n";
                return Some((Block { info, content, closed: true }, at + 1));
            }
        }
        let content = self.content(start + 1, self.lines.len(), open.indent);
        Some((Block { info, content, closed: false }, self.lines.len()))
    }

    /// Whether a bare fence inside a Markdown file opens an example instead of closing the
    /// file: text follows at once, and enough bare fences follow to close both.
    fn opens_nested(&self, at: usize) -> bool {
        let followed = self.lines.get(at + 1).is_some_and(|next| !next.trim().is_empty());
        followed && self.surplus[at + 1] >= 2
    }

    /// The code before a closing fence on the last line of code, such as `</html>` and a
    /// fence.
    fn end_on_code_line(&self, at: usize, open: &FenceLine<'_>) -> Option<&str> {
        let line = self.lines[at].trim_end();
        let before = line.trim_end_matches(open.mark);
        let last = self.lines.get(at + 1).is_none_or(|next| next.trim().is_empty());
        let fits = line.len() - before.len() == open.len
            && before.ends_with(['>', '}', ';', ')'])
            && !before.contains(open.mark);
        (last && fits).then_some(before)
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

    /// The block that a file's tag at this line opens, and the line after it.
    fn read_tag(&self, start: usize) -> Option<(Block, usize)> {
        let (name, path, rest) = open_tag(self.lines[start])?;
        let end = format!("</{name}>");
        let mut inside: Vec<&str> = Vec::new();
        let mut next = self.lines.len();
        let mut closed = false;
        for at in start..self.lines.len() {
            let line = if at == start { rest } else { self.lines[at] };
            if let Some(before) = line.trim_end().strip_suffix(end.as_str()) {
                inside.push(before);
                (next, closed) = (at + 1, true);
                break;
            }
            if at > start && open_tag(line).is_some() {
                next = at;
                break;
            }
            inside.push(line);
        }
        let info = Info { language: crate::file::language::find_by_path(&path), path: Some(path) };
        Some((Block { info, content: unwrapped(&inside), closed }, next))
    }
}

/// The name, the path and the rest of the line of a file's opening tag.
fn open_tag(line: &str) -> Option<(&'static str, String, &str)> {
    let body = line.trim_start().strip_prefix('<')?;
    let name = FILE_TAGS
        .into_iter()
        .find(|name| body.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '\t'])))?;
    let mut quote = None;
    let end = body.char_indices().find_map(|(at, c)| {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if c == '>' => return Some(at),
            _ => {}
        }
        None
    })?;
    let attributes = &body[name.len()..end];
    let path = attribute_path(attributes)?;
    (!attributes.ends_with('/')).then_some((name, path, &body[end + 1..]))
}

/// The lines without blank ones at both ends, and without a fence or CDATA around them all.
fn unwrapped(lines: &[&str]) -> String {
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
mod tests {
    use super::*;

    fn blocks(text: &str) -> Vec<(Option<String>, String, bool)> {
        cut(text)
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Block(block) => Some((block.info.path, block.content, block.closed)),
                Piece::Prose(_) => None,
            })
            .collect()
    }

    #[test]
    fn keeps_shorter_and_other_fences_inside_a_longer_one() {
        let text = "````md path=README.md\n# A\n```bash\nnpm start\n```\n~~~\nx\n~~~\n````\nbye";
        let inside = "# A\n```bash\nnpm start\n```\n~~~\nx\n~~~\n".to_owned();
        assert_eq!(blocks(text), [(Some("README.md".into()), inside, true)]);
    }

    #[test]
    fn keeps_examples_of_the_same_length_inside_markdown() {
        for text in [
            "```markdown path=README.md\n# A\n```bash\nnpm start\n```\nend\n```\n\n```css path=a.css\na{}\n```",
            "```markdown path=README.md\n# A\n```\nnpm start\n```\nend\n```\n\n```css path=a.css\na{}\n```",
        ] {
            let found = blocks(text);
            assert_eq!(found.len(), 2, "{found:?}");
            assert!(found[0].1.ends_with("npm start\n```\nend\n"), "{found:?}");
        }
    }

    #[test]
    fn ends_a_block_that_was_never_closed_where_the_next_file_opens() {
        let text = "```html path=index.html\n<p>\n```css path=styles.css\np{}\n";
        let found = blocks(text);
        assert_eq!(found[0], (Some("index.html".into()), "<p>\n".into(), false));
        assert_eq!(found[1], (Some("styles.css".into()), "p{}\n".into(), false));
    }

    #[test]
    fn takes_indented_and_tilde_fences_and_a_glued_end() {
        let text = "1. x\n   ~~~~js path=a.js\n   if (a) {\n     b\n   }\n   ~~~~\n```html path=i.html\n<p>\n</p>```\n";
        let found = blocks(text);
        assert_eq!(found[0].1, "if (a) {\n  b\n}\n");
        assert_eq!(found[1], (Some("i.html".into()), "<p>\n</p>\n".into(), true));
    }

    #[test]
    fn reads_tags_with_and_without_an_end() {
        let text = "<files>\n<file path=\"a.js\">\nlet a;\n</file>\n<file path='b.css'>b{}</file>\n\
                    <file name=\"c.html\">\n```html\n<p>\n```\n<file path=\"d.txt\">\n<![CDATA[\nd\n]]>";
        let found: Vec<_> = blocks(text).into_iter().map(|(p, c, closed)| (p.unwrap(), c, closed)).collect();
        let expected = [
            ("a.js", "let a;\n", true),
            ("b.css", "b{}\n", true),
            ("c.html", "<p>\n", false),
            ("d.txt", "d\n", false),
        ];
        let expected = expected.map(|(p, c, closed)| (p.to_owned(), c.to_owned(), closed));
        assert_eq!(found, expected);
    }

    #[test]
    fn leaves_code_on_a_line_of_prose_alone() {
        assert!(blocks("```npm start``` runs it\nand `code` too").is_empty());
    }
}
