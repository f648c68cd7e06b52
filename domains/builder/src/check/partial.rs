//! Finds comments in place of code that the model left out.

use crate::fault::{Fault, FaultCode};
use crate::file::GeneratedFile;

/// Words of such comments, which also have an ellipsis.
const OMISSIONS: [&str; 13] = [
    "existing code",
    "rest of the",
    "rest of your",
    "rest of code",
    "remaining code",
    "remains unchanged",
    "remain unchanged",
    "unchanged code",
    "same as before",
    "previous code",
    "code goes here",
    "reste du code",
    "code existant",
];
const COMMENTS: [&str; 6] = ["//", "/*", "<!--", "#", "{/*", "*"];

/// The fault of the first comment such as `// ... rest of the code ...`, if the file is code.
pub(super) fn find_omission(file: &GeneratedFile) -> Option<Fault> {
    if matches!(file.language.as_str(), "markdown" | "text" | "json" | "csv") {
        return None;
    }
    let at = file.content.lines().position(|line| {
        let line = line.trim();
        COMMENTS.iter().any(|mark| line.starts_with(mark))
            && (line.contains("...") || line.contains('…'))
            && OMISSIONS.iter().any(|words| line.to_lowercase().contains(words))
    })?;
    let line = u32::try_from(at + 1).unwrap_or(u32::MAX);
    let message = "a comment stands in for code that was left out; write the whole file";
    Some(Fault::in_file(&file.path, FaultCode::PartialFile, message).at_line(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_omitted_code_from_ordinary_comments() {
        for (path, content, line) in [
            ("a.js", "let a;\n// ... existing code ...\n", Some(2)),
            ("a.css", "/* ... rest of the styles ... */", Some(1)),
            ("a.html", "<p>\n  <!-- … same as before -->", Some(2)),
            ("a.py", "# ... (rest of the code remains unchanged)", Some(1)),
            ("a.js", "// spread the rest: f(...args)", None),
            ("a.js", "// Loading the rest of the books\nf(...args)", None),
            ("README.md", "# ... rest of the story", None),
        ] {
            let found = find_omission(&GeneratedFile::new(path, content)).and_then(|fault| fault.line);
            assert_eq!(found, line, "{path} {content}");
        }
    }
}
