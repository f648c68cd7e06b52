//! What runs, loops and nodes were given, and what they gave, made of the rows of their nodes.
//!
//! An output stays in the row of its node, or is in the object store where it is large. What is made of other
//! outputs is not stored: the input of a node, the output of a loop and of a node that passes its input on, the
//! result of an item and of a run. [`Needs`] says by the plan alone which rows this takes, [`Rows`] reads them
//! in a statement for each table, a [`Composer`] makes a [`Piece`] of them, which says where the values are, and
//! only a [`Reader`] asks the object store.
//!
//! The output of a loop is `{"results", "errors", "total", "succeeded", "failed"}`. The result of an item, and
//! of a run, is the output of the nodes that no edge leaves: that of the only one, or an object by key of those
//! that gave one. An edge of a failed node carries `{"error", "input", "index"}`.

mod compose;
mod gather;
mod items;
mod needs;
mod piece;
mod read;
mod rows;
mod source;
mod stored;

use std::{collections::HashMap, sync::Arc};

use atelier_entities::RunId;
use sea_orm::{ConnectionTrait, DbErr};

use super::Stored;
use crate::{engine::ScopePath, workflows::versions::LoadedVersion};

pub(crate) use compose::Composer;
pub(crate) use needs::Needs;
pub(crate) use piece::{Budget, Piece};
pub use read::{OutputError, Reader};
pub(crate) use rows::Rows;
pub(crate) use source::SharedReads;
pub use stored::{MAX_INLINE_BYTES, MAX_INLINE_LIST_BYTES, MAX_OUTPUT_BYTES, MAX_RUN_BYTES, StoredValues};

/// What these runs gave, as far as it can be stored with another row: it is small, or one object. The rest is
/// made when it is read.
///
/// # Errors
/// If the database fails.
pub(crate) async fn list_results(
    db: &impl ConnectionTrait,
    runs: &[(RunId, Arc<LoadedVersion>)],
) -> Result<HashMap<RunId, Stored>, DbErr> {
    let root = ScopePath::root();
    let mut wanted = Vec::with_capacity(runs.len());
    for (run, version) in runs {
        let mut needs = Needs::default();
        needs.add_result(&version.plan, &root);
        wanted.push((*run, &version.plan, needs));
    }
    let mut rows = Rows::read_all(db, &wanted).await?;
    let mut found = HashMap::new();
    for (run, version) in runs {
        let rows = rows.remove(run).unwrap_or_default();
        let result = Composer::new(*run, version.clone(), rows).result_of(&root);
        found.extend(result.and_then(|piece| piece.to_stored(MAX_INLINE_BYTES)).map(|stored| (*run, stored)));
    }
    Ok(found)
}
