//! What differs between two versions, and single files of one.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use atelier_entities::{ProjectId, project_files, project_versions};
use atelier_foundation::Actor;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use similar::{DiffOp, TextDiff};

use super::{VersionError, Versions, files_of};
use crate::file::{FileChanges, GeneratedFile};

/// What becomes of a file between two versions.
pub const FILE_CHANGES: [&str; 3] = ["added", "changed", "removed"];

/// Maximum size of the lines of one file's difference, in bytes.
const MAX_DIFF: usize = 256 * 1024;
/// Maximum size of the lines of all files, in bytes.
const MAX_DIFFS: usize = 2 * 1024 * 1024;
/// Time after which the differences become coarser.
const DIFF_TIME: Duration = Duration::from_secs(1);

/// The difference of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDiff {
    /// The path.
    pub path: String,
    /// One of [`FILE_CHANGES`].
    pub change: &'static str,
    /// Lines that are only in the later version.
    pub added_lines: usize,
    /// Lines that are only in the earlier version.
    pub removed_lines: usize,
    /// The difference in the unified format; none if it is too large.
    pub diff: Option<String>,
}

impl Versions {
    /// The files by which version `to` of the actor's project differs from version `from`, by
    /// path.
    ///
    /// # Errors
    /// If the project or one of the versions does not exist, or the database fails.
    pub async fn diff(
        &self,
        actor: &Actor,
        id: ProjectId,
        from: i32,
        to: i32,
    ) -> Result<Vec<FileDiff>, VersionError> {
        let project = self.projects.get(actor, id).await?;
        let (one, other) =
            (self.get_version(&project, Some(from)).await?, self.get_version(&project, Some(to)).await?);
        let db = self.queue.db();
        let (before, after) = (files_of(db, one.id).await?, files_of(db, other.id).await?);
        let compared = tokio::task::spawn_blocking(move || compare(&before, &after)).await;
        compared.map_err(|error| VersionError::Archive(error.to_string()))
    }

    /// One file of a version of the actor's project.
    ///
    /// # Errors
    /// If the project, the version or the file does not exist, or the database fails.
    pub async fn file(
        &self,
        actor: &Actor,
        id: ProjectId,
        number: i32,
        path: &str,
    ) -> Result<project_files::Model, VersionError> {
        let project = self.projects.get(actor, id).await?;
        let version = self.get_version(&project, Some(number)).await?;
        let found = project_files::Entity::find()
            .filter(project_files::Column::VersionId.eq(version.id))
            .filter(project_files::Column::Path.eq(path));
        found.one(self.queue.db()).await?.ok_or(VersionError::NoFile)
    }

    /// One version of the actor's project.
    ///
    /// # Errors
    /// If the project or the version does not exist, or the database fails.
    pub async fn get(
        &self,
        actor: &Actor,
        id: ProjectId,
        number: i32,
    ) -> Result<project_versions::Model, VersionError> {
        let project = self.projects.get(actor, id).await?;
        self.get_version(&project, Some(number)).await
    }
}

fn compare(before: &[GeneratedFile], after: &[GeneratedFile]) -> Vec<FileDiff> {
    let FileChanges { added, changed, removed } = FileChanges::between(before, after);
    let by_path = |files: &[GeneratedFile]| -> HashMap<String, String> {
        files.iter().map(|file| (file.path.clone(), file.content.clone())).collect()
    };
    let (before, after) = (by_path(before), by_path(after));
    let mut all: Vec<(String, &'static str)> = Vec::new();
    for (paths, change) in [added, changed, removed].into_iter().zip(FILE_CHANGES) {
        all.extend(paths.into_iter().map(|path| (path, change)));
    }
    all.sort_unstable();
    let (mut left, deadline) = (MAX_DIFFS, Instant::now() + DIFF_TIME);
    let diffs = all.into_iter().map(|(path, change)| {
        let text = |files: &HashMap<String, String>| files.get(&path).cloned().unwrap_or_default();
        let mut diff = difference(&path, change, (&text(&before), &text(&after)), deadline);
        match diff.diff.as_ref().map(String::len) {
            Some(size) if size <= left => left -= size,
            _ => diff.diff = None,
        }
        diff
    });
    diffs.collect()
}

fn difference(
    path: &str,
    change: &'static str,
    (before, after): (&str, &str),
    deadline: Instant,
) -> FileDiff {
    let diff = TextDiff::configure().deadline(deadline).diff_lines(before, after);
    let (mut added_lines, mut removed_lines) = (0, 0);
    for op in diff.ops() {
        match *op {
            DiffOp::Equal { .. } => {}
            DiffOp::Delete { old_len, .. } => removed_lines += old_len,
            DiffOp::Insert { new_len, .. } => added_lines += new_len,
            DiffOp::Replace { old_len, new_len, .. } => {
                removed_lines += old_len;
                added_lines += new_len;
            }
        }
    }
    let (from, to) = (format!("a/{path}"), format!("b/{path}"));
    let from = if change == "added" { "/dev/null" } else { from.as_str() };
    let to = if change == "removed" { "/dev/null" } else { to.as_str() };
    let text = diff.unified_diff().header(from, to).to_string();
    let diff = Some(text).filter(|text| text.len() <= MAX_DIFF);
    FileDiff { path: path.to_owned(), change, added_lines, removed_lines, diff }
}

#[cfg(test)]
mod tests {
    use atelier_entities::ProjectKind;
    use atelier_foundation::testing::acting;

    use super::*;
    use crate::testing::Fixture;

    #[test]
    fn a_difference_is_unified_and_counted() {
        let file = GeneratedFile::new;
        let before = [file("a.js", "one\ntwo\n"), file("b.js", "b\n"), file("same.js", "s\n")];
        let after = [file("a.js", "one\n2\n3\n"), file("c.js", "c\n"), file("same.js", "s\n")];
        let diffs = compare(&before, &after);
        let seen: Vec<_> = diffs
            .iter()
            .map(|diff| (diff.path.as_str(), diff.change, diff.added_lines, diff.removed_lines))
            .collect();
        assert_eq!(seen, [("a.js", "changed", 2, 1), ("b.js", "removed", 0, 1), ("c.js", "added", 1, 0)]);
        let text = diffs[0].diff.as_deref().expect("small");
        assert_eq!(text, "--- a/a.js\n+++ b/a.js\n@@ -1,2 +1,3 @@\n one\n-two\n+2\n+3\n");
        assert!(diffs[1].diff.as_deref().is_some_and(|text| text.contains("+++ /dev/null")));
    }

    #[test]
    fn a_difference_that_is_too_large_is_left_out_with_its_counts() {
        let lines: String = (0..60_000).map(|n| format!("line {n}\n")).collect();
        let diffs = compare(&[], &[GeneratedFile::new("a.js", &lines)]);
        assert_eq!((diffs[0].added_lines, &diffs[0].diff), (60_000, &None));
    }

    #[tokio::test]
    async fn versions_and_files_of_other_people_are_not_found() {
        let fixture = Fixture::new().await;
        let (ada, eve) =
            (fixture.register("ada@example.org").await, fixture.register("eve@example.org").await);
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        fixture.store_version(&project, 1, &[("src/a.js", "a")]).await;
        let versions = &fixture.services.builder.versions;
        let (ada, eve) = (acting(ada.id), acting(eve.id));

        let file = versions.file(&ada, project.id, 1, "src/a.js").await.expect("a file");
        assert_eq!((file.content.as_str(), file.language.as_str()), ("a", "javascript"));
        let missing = versions.file(&ada, project.id, 1, "a.js").await;
        assert!(matches!(missing, Err(VersionError::NoFile)), "{missing:?}");
        assert!(versions.file(&eve, project.id, 1, "src/a.js").await.is_err());
        assert!(versions.diff(&eve, project.id, 1, 1).await.is_err());
        assert!(versions.get(&eve, project.id, 1).await.is_err());
        assert_eq!(versions.diff(&ada, project.id, 1, 1).await.expect("nothing differs"), []);
        let no_version = versions.diff(&ada, project.id, 1, 2).await;
        assert!(matches!(no_version, Err(VersionError::NotFound)), "{no_version:?}");
    }
}
