//! Changes of files that an answer gives instead of whole files.

/// One search/replace block, or another change of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Path of the file it changes, normalized.
    pub path: String,
    /// What it does.
    pub change: Change,
    /// The line of the answer at which it begins, counted from 1.
    pub line: u32,
}

/// What an edit does to its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Replace the one place that reads `search` by `replace`.
    Replace {
        /// The text to find.
        search: String,
        /// The text to put in its place.
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
