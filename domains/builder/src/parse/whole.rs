//! Checks that what was read as a file is one: nothing of the answer's form is inside of it, and it is not cut.

use super::{edit, fence::is_fence, page};
use crate::{
    fault::{Fault, FaultCode},
    file::GeneratedFile,
};

/// Lines that belong to the form of an answer or of a request, in lower case.
const DELIMITERS: [&str; 14] = [
    "</file>",
    "</boltaction>",
    "</boltartifact>",
    "</dyad-write>",
    "</lov-write>",
    "</write_to_file>",
    "</write_file>",
    "</create_file>",
    "</antartifact>",
    "</tool_call>",
    "</function_calls>",
    "*** end patch",
    "*** begin patch",
    "]]></content>",
];
/// Tags of the request to the model.
const REQUEST_TAGS: [&str; 4] =
    ["<request_file", "</request_", "<request_description>", "<request_instructions>"];
/// Maximum number of empty files that are looked for in the pages.
const MAX_EMPTY: usize = 20;

/// The faults of files that are not whole.
pub(super) fn list_faults(files: &[GeneratedFile]) -> Vec<Fault> {
    let mut faults: Vec<Fault> = files.iter().filter_map(find_leak).collect();
    for file in files.iter().filter(|file| file.language == "html") {
        if let Some(message) = page::find_fault(&file.content) {
            faults.push(Fault::in_file(&file.path, FaultCode::SyntaxError, message));
        } else if page::is_cut(&file.content) {
            let message = "the page has no end: </body> or </html> is missing";
            faults.push(Fault::in_file(&file.path, FaultCode::Truncated, message));
        }
    }
    faults.extend(list_empty(files));
    faults
}

/// The faults of empty scripts and style sheets that a page names.
fn list_empty(files: &[GeneratedFile]) -> impl Iterator<Item = Fault> {
    let code = ["javascript", "jsx", "typescript", "tsx", "css"];
    let empty = files
        .iter()
        .filter(move |file| code.contains(&file.language.as_str()) && file.content.trim().is_empty())
        .take(MAX_EMPTY);
    empty
        .filter(move |file| {
            let name = file.path.rsplit('/').next().unwrap_or_default();
            files.iter().any(|other| other.language == "html" && other.content.contains(name))
        })
        .map(|file| {
            Fault::in_file(&file.path, FaultCode::Truncated, "a page names this file, and it is empty")
        })
}

/// The fault of the first line that belongs to the form of an answer and not to a file.
fn find_leak(file: &GeneratedFile) -> Option<Fault> {
    let at = find_outside(&file.content, file.language == "markdown", is_delimiter)?;
    let message = "a mark of the answer's format is inside the file";
    let line = u32::try_from(at + 1).unwrap_or(u32::MAX);
    Some(Fault::in_file(&file.path, FaultCode::PartialFile, message).at_line(line))
}

/// Whether the content has marks of search and replace. In Markdown an inner fence may show them.
pub(super) fn has_marks(content: &str, is_markdown: bool) -> bool {
    find_outside(content, is_markdown, edit::is_mark).is_some()
}

/// The index of the first line that fits, outside of the fences of Markdown.
fn find_outside(content: &str, is_markdown: bool, fits: impl Fn(&str) -> bool) -> Option<usize> {
    let mut in_fence = false;
    content.lines().position(|line| {
        if is_markdown && is_fence(line) {
            in_fence = !in_fence;
        }
        !in_fence && fits(line)
    })
}

fn is_delimiter(line: &str) -> bool {
    if edit::is_mark(line) {
        return true;
    }
    let line = line.trim();
    if !line.starts_with(['<', '*', ']']) || line.len() > 200 {
        return false;
    }
    let lower = line.to_ascii_lowercase();
    DELIMITERS.contains(&lower.as_str()) || REQUEST_TAGS.iter().any(|tag| lower.starts_with(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(files: &[(&str, &str)]) -> Vec<(FaultCode, Option<u32>)> {
        let files: Vec<_> = files.iter().map(|(path, content)| GeneratedFile::new(path, content)).collect();
        list_faults(&files).into_iter().map(|fault| (fault.code, fault.line)).collect()
    }

    #[test]
    fn a_mark_of_the_format_inside_a_file_is_a_fault() {
        for line in [
            "</dyad-write>",
            "</file>",
            "  </boltAction>",
            "<<<<<<< HEAD",
            ">>>>>>> REPLACE",
            "*** End Patch",
            "</request_file>",
            "<request_file path=\"a.js\">",
        ] {
            for path in ["a.js", "a.md", "a.css"] {
                let found = faults(&[(path, &format!("a\n{line}\n"))]);
                assert_eq!(found, [(FaultCode::PartialFile, Some(2))], "{line}");
            }
        }
    }

    #[test]
    fn markdown_may_show_marks_in_a_fence() {
        let readme = "# Conflicts\n\n```\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> main\n```\n";
        assert!(faults(&[("README.md", readme)]).is_empty());
        assert!(!has_marks(readme, true) && has_marks(readme, false));
    }

    #[test]
    fn a_file_that_is_cut_is_a_fault() {
        assert_eq!(faults(&[("a.html", "<html><body><p>")]), [(FaultCode::Truncated, None)]);
        let page = "<script src=js/app.js></script><p>";
        assert_eq!(faults(&[("a.html", page), ("js/app.js", "\n")]), [(FaultCode::Truncated, None)]);
        assert!(faults(&[("a.html", "<p>"), ("pkg/__init__.py", ""), ("b.js", "")]).is_empty());
    }
}
