//! Faults of completions and applications, in a form that a model and a person can act on.

use std::fmt;

/// Maximum length of a fault's message, in characters.
const MAX_MESSAGE_CHARS: usize = 240;
/// Maximum length of a line that a hint quotes, in characters.
const MAX_LINE_CHARS: usize = 160;
/// Maximum length of what a hint says to do, in characters.
const MAX_HINT_CHARS: usize = 480;

macro_rules! fault_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// The code of a fault. Its name is stable: it is shown and stored.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FaultCode { $($(#[$doc])* $variant),+ }

        impl FaultCode {
            /// Every code, in the order of its declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

fault_codes! {
    /// The completion has no files.
    NoFiles = "NO_FILES",
    /// The model stopped before the completion or a file was finished.
    Truncated = "TRUNCATED",
    /// The block of a page is not closed, but the page in it has its end. A note.
    UnclosedFile = "UNCLOSED_FILE",
    /// The completion has a file more than once; the last whole one is kept. A note.
    RepeatedFile = "REPEATED_FILE",
    /// A code block without a file name was ignored. A note.
    UnnamedBlock = "UNNAMED_BLOCK",
    /// A file is a change that cannot be placed, has marks of the answer's format, or has a comment such as "rest of
    /// the code" in place of code.
    PartialFile = "PARTIAL_FILE",
    /// The text that an edit replaces is not in the file, or there is no such file.
    EditNotFound = "EDIT_NOT_FOUND",
    /// The text that an edit replaces is in the file more than once.
    EditAmbiguous = "EDIT_AMBIGUOUS",
    /// An edit replaces a text by itself, or deletes what is not there. A note.
    EditNoChange = "EDIT_NO_CHANGE",
    /// A path that is absolute, climbs out, or cannot exist on every system.
    BadPath = "BAD_PATH",
    /// A path that holds secrets or belongs to a tool.
    ReservedPath = "RESERVED_PATH",
    /// Two paths that exclude each other.
    PathConflict = "PATH_CONFLICT",
    /// Too many files.
    TooManyFiles = "TOO_MANY_FILES",
    /// A file is too large.
    FileTooLarge = "FILE_TOO_LARGE",
    /// All files together are too large.
    AppTooLarge = "APP_TOO_LARGE",
    /// There is no entry file.
    NoEntry = "NO_ENTRY",
    /// A page, style sheet or script refers to a file that does not exist.
    MissingFile = "MISSING_FILE",
    /// A file contains NUL.
    NulByte = "NUL_BYTE",
    /// A file does not parse as its language.
    SyntaxError = "SYNTAX_ERROR",
    /// A page has a part twice that it can have once, or a label for a field that is not there.
    BadMarkup = "BAD_MARKUP",
    /// A module imports a name that the other module does not export.
    MissingExport = "MISSING_EXPORT",
    /// A module uses a component or a hook that it neither declares nor imports.
    UndefinedName = "UNDEFINED_NAME",
    /// A package is imported and not listed among the dependencies.
    MissingDependency = "MISSING_DEPENDENCY",
    /// `package.json` or `requirements.txt` does not install or start the application.
    BadManifest = "BAD_MANIFEST",
    /// The strict policy under which sites are served refuses a script: the page is dead.
    BlockedByPolicy = "BLOCKED_BY_POLICY",
    /// The application needs a framework's own server to be shown.
    NotPreviewable = "NOT_PREVIEWABLE",
    /// A server that a platform cannot reach or start.
    BadServer = "BAD_SERVER",
    /// A file holds a key or a password.
    SecretInCode = "SECRET_IN_CODE",
    /// A style sheet, font or address on another host that the preview does not load. A note.
    NotLoaded = "NOT_LOADED",
    /// An icon or a data file that does not exist; the application runs without it. A note.
    MissingAsset = "MISSING_ASSET",
    /// A dependency that no file imports. A note.
    UnusedDependency = "UNUSED_DEPENDENCY",
    /// A dependency whose name is not among the known packages. A note.
    UnknownPackage = "UNKNOWN_PACKAGE",
    /// A script or style sheet that the preview cannot compile.
    NotCompiled = "NOT_COMPILED",
    /// A script imports a library that the preview does not have.
    UnknownLibrary = "UNKNOWN_LIBRARY",
    /// A part that the preview shows differently than a build of the project. A note.
    NotPreviewed = "NOT_PREVIEWED",
}

impl FaultCode {
    /// Whether it is a note: the completion can still be used.
    #[must_use]
    pub const fn is_note(self) -> bool {
        matches!(
            self,
            Self::UnclosedFile
                | Self::RepeatedFile
                | Self::UnnamedBlock
                | Self::NotLoaded
                | Self::MissingAsset
                | Self::UnusedDependency
                | Self::UnknownPackage
                | Self::EditNoChange
                | Self::NotPreviewed
        )
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A fault and its place. Displays as `index.html:12: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file; none for a fault of the whole completion.
    pub path: Option<String>,
    /// The line in that file, counted from 1.
    pub line: Option<u32>,
    /// The code.
    pub code: FaultCode,
    /// One sentence on one line, at most 240 characters, without control characters.
    pub message: String,
    /// What to do instead, at most 480 characters on one line, and up to three lines around, each
    /// at most 160 characters long.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault of the whole completion.
    #[must_use]
    pub fn new(code: FaultCode, message: &str) -> Self {
        Self { path: None, line: None, code, message: one_line(message, MAX_MESSAGE_CHARS), hint: None }
    }

    /// A fault of one file.
    #[must_use]
    pub fn in_file(path: &str, code: FaultCode, message: &str) -> Self {
        Self { path: Some(one_line(path, MAX_MESSAGE_CHARS)), ..Self::new(code, message) }
    }

    /// The same fault at a line, counted from 1.
    #[must_use]
    pub fn at_line(mut self, line: u32) -> Self {
        self.line = Some(line);
        self
    }

    /// The same fault with what to do instead.
    #[must_use]
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.hint = Some(one_line(hint, MAX_HINT_CHARS));
        self
    }

    /// The same fault with the lines around it in the file's text added to its hint.
    #[must_use]
    pub(crate) fn with_lines_of(mut self, content: &str) -> Self {
        let Some(line) = self.line.and_then(|line| usize::try_from(line).ok()) else { return self };
        let first = line.saturating_sub(2);
        let around = content.lines().enumerate().skip(first).take(line + 1 - first);
        let numbered = around.map(|(at, text)| format!("{} | {}", at + 1, one_line(text, MAX_LINE_CHARS)));
        let lines: Vec<String> = self.hint.take().into_iter().chain(numbered).collect();
        self.hint = (!lines.is_empty()).then(|| lines.join("\n"));
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.path, self.line) {
            (Some(path), Some(line)) => write!(f, "{path}:{line}: {}", self.message),
            (Some(path), None) => write!(f, "{path}: {}", self.message),
            (None, _) => f.write_str(&self.message),
        }
    }
}

/// The text on one line, without control characters, cut to `max_chars`.
pub(crate) fn one_line(text: &str, max_chars: usize) -> String {
    let mut line: String =
        text.chars().take(max_chars + 1).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() > max_chars {
        line = line.chars().take(max_chars - 1).collect();
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_file_and_line_where_they_are_known() {
        let whole = Fault::new(FaultCode::NoFiles, "no files");
        let file = Fault::in_file("index.html", FaultCode::SyntaxError, "missing `}`");
        assert_eq!(whole.to_string(), "no files");
        assert_eq!(file.to_string(), "index.html: missing `}`");
        assert_eq!(file.at_line(12).to_string(), "index.html:12: missing `}`");
    }

    #[test]
    fn a_hint_says_what_to_do_and_quotes_the_lines_around() {
        let fault = Fault::in_file("a.js", FaultCode::SyntaxError, "x").at_line(2).with_hint("Close it.");
        assert_eq!(fault.with_lines_of("a\nb\nc\nd").hint.as_deref(), Some("Close it.\n1 | a\n2 | b\n3 | c"));
        let first = Fault::in_file("a.js", FaultCode::SyntaxError, "x").at_line(1);
        assert_eq!(first.with_lines_of("a\nb\nc").hint.as_deref(), Some("1 | a\n2 | b"));
    }

    #[test]
    fn a_hint_is_bounded_however_long_the_names_and_lines_are() {
        let long = "é".repeat(5000);
        let fault = Fault::in_file("a.js", FaultCode::SyntaxError, "x").at_line(2).with_hint(&long);
        let hint = fault.with_lines_of(&format!("{long}\n{long}\n{long}\n{long}")).hint.expect("a hint");
        let lengths: Vec<usize> = hint.lines().map(|line| line.chars().count()).collect();
        assert_eq!(lengths, [MAX_HINT_CHARS, MAX_LINE_CHARS + 4, MAX_LINE_CHARS + 4, MAX_LINE_CHARS + 4]);
    }

    #[test]
    fn keeps_messages_on_one_bounded_line() {
        let fault = Fault::new(FaultCode::BadPath, &format!("a\nb{}", "é".repeat(500)));
        assert!(fault.message.starts_with("a b"));
        assert_eq!(fault.message.chars().count(), MAX_MESSAGE_CHARS);
        assert!(fault.message.ends_with('…'));
    }

    #[test]
    fn names_every_code_once_in_upper_snake() {
        let names: std::collections::HashSet<_> = FaultCode::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(names.len(), FaultCode::ALL.len());
        assert!(names.iter().all(|n| n.chars().all(|c| c.is_ascii_uppercase() || c == '_')));
    }
}
