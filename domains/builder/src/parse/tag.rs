//! Reads files in tags: `<file path="…">`, tags with the path in a child, and the tool calls that some models
//! write as text.

use super::{
    fence::{Block, unwrapped},
    naming::{Info, attribute_path},
};
use crate::file::language;

/// Tags that hold a file and have its path as an attribute.
const FILE_TAGS: [&str; 10] = [
    "file",
    "boltAction",
    "dyad-write",
    "lov-write",
    "artifact-file",
    "write_to_file",
    "write_file",
    "create_file",
    "antArtifact",
    "artifact",
];
/// Tags that hold a file whose path is in a child.
const CALL_TAGS: [&str; 7] =
    ["file", "write_to_file", "write_file", "create_file", "artifact", "invoke", "function"];
/// Children that hold the path.
const PATH_CHILDREN: [&str; 6] = ["path", "file_path", "filepath", "filename", "name", "filePath"];
/// Children that hold the content.
const CONTENT_CHILDREN: [&str; 7] =
    ["content", "contents", "file_content", "code", "source", "file_text", "text"];
/// Tags around files.
const WRAPPERS: [&str; 6] = ["<boltArtifact", "<artifact", "<files", "<dyad", "<lov", "<answer"];

/// The text with every tag of a file on a line of its own where a line has several of them.
pub(super) fn on_lines(text: &str) -> String {
    let mut split = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let body = line.trim_start();
        let is_tag = WRAPPERS.iter().any(|wrapper| body.starts_with(wrapper)) || open_tag(body).is_some();
        if !is_tag {
            split.push_str(line);
            continue;
        }
        let mut line = line.to_owned();
        for name in FILE_TAGS {
            let (open, close) = (format!("><{name} "), format!("</{name}><"));
            if line.contains(&open) {
                line = line.replace(&open, &format!(">\n<{name} "));
            }
            if line.contains(&close) {
                line = line.replace(&close, &format!("</{name}>\n<"));
            }
        }
        split.push_str(&line);
    }
    split
}

/// The block of a file's tag that begins at the line `start`, and the line after it. A tag without its end
/// reaches to the next tag of a file or to the end.
pub(super) fn read(lines: &[&str], start: usize) -> Option<(Block, usize)> {
    read_attribute_tag(lines, start).or_else(|| read_call(lines, start))
}

/// Whether a tag of a file begins at the line.
pub(super) fn opens(line: &str) -> bool {
    open_tag(line).is_some()
}

fn read_attribute_tag(lines: &[&str], start: usize) -> Option<(Block, usize)> {
    let (name, path, rest) = open_tag(lines[start])?;
    let end = format!("</{name}>");
    let mut inside: Vec<&str> = Vec::new();
    let mut next = lines.len();
    let mut closed = false;
    for (at, line) in lines.iter().enumerate().skip(start) {
        let line = if at == start { rest } else { line };
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
    let info = Info { language: language::find_by_path(&path), path: Some(path), ..Info::default() };
    Some((Block { info, content: unwrapped(&inside), closed, line: line_number(start) }, next))
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
    let is_page = name == "antArtifact" && attributes.contains("text/html");
    let path = attribute_path(attributes).or_else(|| is_page.then(|| "index.html".to_owned()))?;
    (!attributes.ends_with('/')).then_some((name, path, &body[end + 1..]))
}

/// Reads a tag whose path and content are in children: `<path>…</path>`, `<parameter name="path">…</parameter>`
/// or `<parameter=path>…</parameter>`.
fn read_call(lines: &[&str], start: usize) -> Option<(Block, usize)> {
    let name = call_name(lines[start])?;
    let end = format!("</{name}>");
    let found = (start..lines.len())
        .take_while(|at| *at == start || call_name(lines[*at]).is_none())
        .find(|at| lines[*at].trim_end().ends_with(end.as_str()));
    let next = found.map_or_else(
        || (start + 1..lines.len()).find(|at| call_name(lines[*at]).is_some()).unwrap_or(lines.len()),
        |at| at + 1,
    );
    let text = lines[start..next].join("\n");
    let (path, _) = PATH_CHILDREN.iter().find_map(|child| child_of(&text, child))?;
    let path = path.trim();
    let (content, whole) = CONTENT_CHILDREN.iter().find_map(|child| child_of(&text, child))?;
    let inside: Vec<&str> = content.split('\n').collect();
    let info =
        Info { language: language::find_by_path(path), path: Some(path.to_owned()), ..Info::default() };
    let closed = whole && found.is_some();
    Some((Block { info, content: unwrapped(&inside), closed, line: line_number(start) }, next))
}

/// The name of the tag with children that begins at the line.
fn call_name(line: &str) -> Option<&'static str> {
    let body = line.trim_start().strip_prefix('<')?;
    CALL_TAGS
        .into_iter()
        .find(|name| body.strip_prefix(name).is_some_and(|rest| rest.starts_with(['>', ' ', '='])))
}

/// The text of a child, and whether the child has its end. The end of a content is the last one.
fn child_of<'a>(text: &'a str, name: &str) -> Option<(&'a str, bool)> {
    let forms = [
        (format!("<{name}>"), format!("</{name}>")),
        (format!("<parameter name=\"{name}\">"), "</parameter>".to_owned()),
        (format!("<parameter={name}>"), "</parameter>".to_owned()),
    ];
    forms.iter().find_map(|(open, close)| {
        let from = text.find(open.as_str())? + open.len();
        let inside = &text[from..];
        let is_path = PATH_CHILDREN.contains(&name);
        let end = if is_path { inside.find(close.as_str()) } else { inside.rfind(close.as_str()) };
        Some((&inside[..end.unwrap_or(inside.len())], end.is_some()))
    })
}

/// The number of a line, counted from 1, by its index.
pub(super) fn line_number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::fence::{Piece, cut};
    use super::*;

    fn files(text: &str) -> Vec<(String, String, bool)> {
        cut(&on_lines(text))
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Block(block) => Some((block.info.path?, block.content, block.closed)),
                Piece::Prose(_) => None,
            })
            .collect()
    }

    fn file(path: &str, content: &str, closed: bool) -> (String, String, bool) {
        (path.to_owned(), content.to_owned(), closed)
    }

    #[test]
    fn reads_tags_with_and_without_an_end() {
        let text = "<files>\n<file path=\"a.js\">\nlet a;\n</file>\n<file path='b.css'>b{}</file>\n\
                    <file name=\"c.html\">\n```html\n<p>\n```\n<file path=\"d.txt\">\n<![CDATA[\nd\n]]>";
        let expected = [
            file("a.js", "let a;\n", true),
            file("b.css", "b{}\n", true),
            file("c.html", "<p>\n", false),
            file("d.txt", "d\n", false),
        ];
        assert_eq!(files(text), expected);
    }

    #[test]
    fn reads_paths_and_contents_in_children() {
        for text in [
            "<file>\n<path>a.js</path>\n<content>\nlet a;\n</content>\n</file>",
            "<file><path>a.js</path><content>let a;</content></file>",
            "<write_to_file>\n<path>a.js</path>\n<content>\nlet a;\n</content>\n</write_to_file>",
            "<invoke name=\"write_file\">\n<parameter name=\"path\">a.js</parameter>\n\
             <parameter name=\"content\">let a;\n</parameter>\n</invoke>",
            "<function=write_file>\n<parameter=path>\na.js\n</parameter>\n<parameter=content>\nlet a;\n</parameter>\n</function>",
        ] {
            assert_eq!(files(text), [file("a.js", "let a;\n", true)], "{text}");
        }
    }

    #[test]
    fn reads_an_artifact_on_one_line() {
        let text = "<boltArtifact id=\"x\"><boltAction type=\"file\" filePath=\"a.js\">let a;</boltAction>\
                    <boltAction type=\"file\" filePath=\"b.js\">let b;</boltAction></boltArtifact>";
        assert_eq!(files(text), [file("a.js", "let a;\n", true), file("b.js", "let b;\n", true)]);
    }

    #[test]
    fn a_call_without_its_end_is_open() {
        let text = "<write_to_file>\n<path>a.js</path>\n<content>\nlet a;\n\
                    <write_to_file>\n<path>b.js</path>\n<content>\nlet b;\n</content>\n</write_to_file>";
        assert_eq!(files(text), [file("a.js", "let a;\n", false), file("b.js", "let b;\n", true)]);
    }
}
