//! The files of an application.

pub(crate) mod language;

use atelier_entities::project_files;

/// A file of a generated application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile {
    /// Path inside the project, with `/` between segments.
    pub path: String,
    /// The name of the language, such as `html`, `javascript` or `text`.
    pub language: String,
    /// The text, with `\n` as line end.
    pub content: String,
}

impl GeneratedFile {
    /// A file whose language follows from its path.
    #[must_use]
    pub fn new(path: &str, content: &str) -> Self {
        Self { path: path.to_owned(), language: language_of(path).to_owned(), content: content.to_owned() }
    }
}

impl From<project_files::Model> for GeneratedFile {
    fn from(row: project_files::Model) -> Self {
        Self { path: row.path, language: row.language, content: row.content }
    }
}

/// The name of a file's language by its path; `text` if the path does not tell.
#[must_use]
pub fn language_of(path: &str) -> &'static str {
    language::find_by_path(path).unwrap_or("text")
}
