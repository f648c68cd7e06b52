//! Finds comments in place of code that the model left out, such as `// ... existing code ...`.

mod words;

use crate::fault::{Fault, FaultCode};
use crate::file::{GeneratedFile, language_of};

/// How comments begin; longer marks before their beginnings.
const OPENINGS: [&str; 14] =
    ["{{!--", "<!--", "<%--", "{/*", "/**", "\"\"\"", "/*", "//", "{#", "@*", "--", "#", ";", "*"];
/// How comments end.
const ENDS: [&str; 8] = ["--}}", "-->", "--%>", "*/}", "*/", "\"\"\"", "#}", "*@"];
/// Maximum length of a placeholder, in bytes.
const MAX_COMMENT: usize = 200;

/// The fault of the first comment that stands in for code, or of a script that has only comments on what is to
/// be done. Texts and data are not checked.
pub(crate) fn find_omission(file: &GeneratedFile) -> Option<Fault> {
    if !has_code(&file.language) {
        return None;
    }
    if let Some(line) = find_placeholder(&file.content) {
        let message = "a comment stands in for code that was left out; write the whole file";
        return Some(Fault::in_file(&file.path, FaultCode::PartialFile, message).at_line(line));
    }
    let is_script = matches!(file.language.as_str(), "javascript" | "jsx" | "typescript" | "tsx" | "python");
    let message = "the script has no code, only comments on what is to be done";
    (is_script && has_only_plans(&file.content))
        .then(|| Fault::in_file(&file.path, FaultCode::PartialFile, message).at_line(1))
}

/// The fault of a change that puts a comment in the place of code.
pub(crate) fn find_in_change(path: &str, search: &str, replace: &str) -> Option<Fault> {
    let is_checked = has_code(language_of(path)) && find_placeholder(search).is_none();
    find_placeholder(replace).filter(|_| is_checked).map(|_| {
        let message = "a change puts a comment in the place of code; write the code";
        Fault::in_file(path, FaultCode::PartialFile, message)
    })
}

/// Whether files in the language are code and not texts or data.
fn has_code(language: &str) -> bool {
    !matches!(language, "markdown" | "text" | "json" | "csv" | "diff")
}

/// The line, counted from 1, of the first comment that stands in for code.
pub(crate) fn find_placeholder(content: &str) -> Option<u32> {
    let mut inside: Option<&str> = None;
    let mut after_comment = false;
    for (at, line) in content.lines().enumerate() {
        let line = line.trim();
        let body = comment_body(line);
        let found = match body {
            Some(body) => words::is_placeholder(body) || (!after_comment && words::is_ellipsis(body)),
            None if inside.is_some() => line.len() <= MAX_COMMENT && words::is_placeholder(without_end(line)),
            None => is_bare_placeholder(line),
        };
        if found {
            return Some(u32::try_from(at + 1).unwrap_or(u32::MAX));
        }
        after_comment = body.is_some() || inside.is_some();
        inside = block_after(inside, line);
    }
    None
}

/// The end of the comment of several lines that is open after the line.
fn block_after(inside: Option<&'static str>, line: &str) -> Option<&'static str> {
    if let Some(end) = inside {
        return (!line.contains(end)).then_some(end);
    }
    [("<!--", "-->"), ("/*", "*/"), ("{/*", "*/")]
        .into_iter()
        .find(|(open, end)| line.starts_with(open) && !line.contains(end))
        .map(|(_, end)| end)
}

/// The text of a line that is only a comment.
fn comment_body(line: &str) -> Option<&str> {
    if line.len() > MAX_COMMENT {
        return None;
    }
    let mark = OPENINGS.into_iter().find(|mark| line.starts_with(mark))?;
    Some(without_end(line[mark.len()..].trim()).trim_matches(['/', '*', '#', '-', '=', ' ', '\t']))
}

fn without_end(line: &str) -> &str {
    ENDS.iter().find_map(|end| line.strip_suffix(end)).unwrap_or(line).trim()
}

/// Whether a line without a comment's mark stands in for code, such as `... rest of the code ...`.
fn is_bare_placeholder(line: &str) -> bool {
    let is_dotted = line.starts_with("... ") || line.starts_with("… ");
    is_dotted
        && line.len() <= MAX_COMMENT
        && !line.ends_with([',', ';', ')', '}'])
        && words::is_placeholder(line)
}

/// Whether every line is blank or a comment, and one of them says what is to be done.
fn has_only_plans(content: &str) -> bool {
    let mut inside: Option<&str> = None;
    let mut planned = false;
    for line in content.lines().map(str::trim) {
        let is_comment = inside.is_some() || comment_body(line).is_some();
        if !line.is_empty() && !is_comment {
            return false;
        }
        planned = planned || words::is_plan(line);
        inside = block_after(inside, line);
    }
    planned
}

#[cfg(test)]
mod tests;
