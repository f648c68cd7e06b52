use std::fmt;

use atelier_entities::ProjectId;
use atelier_queue::Transaction;
use futures::future::BoxFuture;
use sea_orm::DbErr;

type List = for<'a> fn(&'a Transaction, &'a [ProjectId]) -> BoxFuture<'a, Result<Vec<String>, DbErr>>;

/// A domain's folders for objects of projects in the object store. They are removed with
/// the projects.
#[derive(Clone, Copy)]
pub struct ProjectFolders(List);

impl ProjectFolders {
    /// `list` returns the folders of the given projects.
    #[must_use]
    pub const fn new(list: List) -> Self {
        Self(list)
    }
}

impl fmt::Debug for ProjectFolders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProjectFolders")
    }
}

/// All folders of these projects.
pub(crate) async fn folders_of(
    of_domains: &[ProjectFolders],
    tx: &Transaction,
    projects: &[ProjectId],
) -> Result<Vec<String>, DbErr> {
    let mut folders = Vec::new();
    for ProjectFolders(list) in of_domains {
        folders.extend(list(tx, projects).await?);
    }
    Ok(folders)
}
