//! Writes the rows of a version's files.

use atelier_entities::{ProjectId, VersionId, project_files, project_versions};
use atelier_queue::Transaction;
use sea_orm::{ActiveValue::Set, DbErr, EntityTrait, QueryOrder, QuerySelect};

use super::GeneratedFile;

/// Maximum number of rows in one statement: SQLite allows 32,766 values.
const ROWS: usize = 500;

/// Inserts the files of a version.
pub(crate) async fn insert_files(
    tx: &Transaction,
    version: VersionId,
    files: Vec<GeneratedFile>,
) -> Result<(), DbErr> {
    let mut rows = files.into_iter().map(|file| project_files::ActiveModel {
        version_id: Set(version),
        path: Set(file.path),
        language: Set(file.language),
        content: Set(file.content),
    });
    loop {
        let some: Vec<_> = rows.by_ref().take(ROWS).collect();
        if some.is_empty() {
            return Ok(());
        }
        project_files::Entity::insert_many(some).exec_without_returning(&**tx).await?;
    }
}

/// The number of the next version of a project, which is locked.
pub(crate) async fn next_number(tx: &Transaction, project: ProjectId) -> Result<i32, DbErr> {
    let last: Option<i32> = project_versions::Entity::find_of(project)
        .select_only()
        .column(project_versions::Column::Number)
        .order_by_desc(project_versions::Column::Number)
        .into_tuple()
        .one(&**tx)
        .await?;
    Ok(last.unwrap_or(0) + 1)
}
