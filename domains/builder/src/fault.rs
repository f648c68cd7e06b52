//! What can be wrong with an answer or an application, in a form that a model and a person can act on.

use std::fmt;

/// Most characters of a fault's message.
const MAX_MESSAGE_CHARS: usize = 240;

macro_rules! fault_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// The sort of a fault; its name is stable and may be shown, stored and matched.
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
    /// The answer holds no file at all.
    NoFiles = "NO_FILES",
    /// The model stopped before the answer was complete.
    Truncated = "TRUNCATED",
    /// A file's block was never closed; its content reaches to the next file or the end. A note.
    UnclosedFile = "UNCLOSED_FILE",
    /// The answer gives a file more than once; the last one was kept. A note.
    RepeatedFile = "REPEATED_FILE",
    /// A block of code without a file name was left out. A note.
    UnnamedBlock = "UNNAMED_BLOCK",
    /// A file is a diff, or stands in for code with a comment such as "rest of the code".
    PartialFile = "PARTIAL_FILE",
    /// A path that is absolute, climbs out, or cannot exist on every system.
    BadPath = "BAD_PATH",
    /// A path that holds secrets or belongs to a tool.
    ReservedPath = "RESERVED_PATH",
    /// Two paths that cannot exist beside each other.
    PathConflict = "PATH_CONFLICT",
    /// More files than an application may have.
    TooManyFiles = "TOO_MANY_FILES",
    /// A file larger than a file may be.
    FileTooLarge = "FILE_TOO_LARGE",
    /// All files together are larger than an application may be.
    AppTooLarge = "APP_TOO_LARGE",
    /// Nothing to start the application from.
    NoEntry = "NO_ENTRY",
    /// A page names a script or style sheet that is not among the files.
    MissingFile = "MISSING_FILE",
    /// A file that holds NUL, so it is not text.
    NulByte = "NUL_BYTE",
    /// A file that does not parse as its language.
    SyntaxError = "SYNTAX_ERROR",
}

impl FaultCode {
    /// Whether it only tells of something that was put right: the answer can still be used.
    #[must_use]
    pub const fn is_note(self) -> bool {
        matches!(self, Self::UnclosedFile | Self::RepeatedFile | Self::UnnamedBlock)
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that is wrong, and where. Displays as `index.html:12: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file it is about; none where it is about the whole answer.
    pub path: Option<String>,
    /// The line in that file, counted from 1.
    pub line: Option<u32>,
    /// The sort of fault.
    pub code: FaultCode,
    /// One sentence on one line, at most 240 characters, without control characters.
    pub message: String,
}

impl Fault {
    /// A fault of the whole answer.
    #[must_use]
    pub fn new(code: FaultCode, message: &str) -> Self {
        Self { path: None, line: None, code, message: one_line(message, MAX_MESSAGE_CHARS) }
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
