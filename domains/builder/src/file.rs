//! The files of an application.

pub(crate) mod language;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use atelier_entities::project_files;
use serde::{Deserialize, Serialize};

pub(crate) use rows::{insert_files, next_number};

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

/// The paths by which one set of files differs from an earlier one, each list in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChanges {
    /// Files that were not there.
    pub added: Vec<String>,
    /// Files with another content.
    pub changed: Vec<String>,
    /// Files that are no longer there.
    pub removed: Vec<String>,
}

impl FileChanges {
    /// The changes from `before` to `after`.
    #[must_use]
    pub fn between(before: &[GeneratedFile], after: &[GeneratedFile]) -> Self {
        let (before, after) = (by_path(before), by_path(after));
        let paths: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
        let mut changes = Self::default();
        for path in paths {
            let list = match (before.get(path), after.get(path)) {
                (None, _) => &mut changes.added,
                (_, None) => &mut changes.removed,
                (Some(one), Some(other)) if one != other => &mut changes.changed,
                (Some(_), Some(_)) => continue,
            };
            list.push(path.to_owned());
        }
        changes
    }
}

fn by_path(files: &[GeneratedFile]) -> BTreeMap<&str, &str> {
    files.iter().map(|file| (file.path.as_str(), file.content.as_str())).collect()
}

/// The name of a file's language by its path; `text` if the path does not tell.
#[must_use]
pub fn language_of(path: &str) -> &'static str {
    language::find_by_path(path).unwrap_or("text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_by_path() {
        let file = GeneratedFile::new;
        let before = [file("a.js", "a"), file("b.js", "b"), file("c.js", "c")];
        let after = [file("c.js", "C"), file("d.js", "d"), file("a.js", "a")];
        let changes = FileChanges::between(&before, &after);
        assert_eq!((changes.added, changes.changed), (vec!["d.js".to_owned()], vec!["c.js".to_owned()]));
        assert_eq!(changes.removed, ["b.js"]);
    }
}
