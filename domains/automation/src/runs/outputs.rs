//! What runs, loops and nodes give, made from the rows of their nodes.
//!
//! The output of a loop is `{"results", "errors", "total", "succeeded", "failed"}`; the result of an item, and
//! of a run, is the output of the nodes that no edge leaves: that of the only one, or an object by key of those
//! that ran. None of these is stored. A [`Piece`] says where the values are; only [`Reader`] asks the object
//! store for them.

mod compose;
mod read;

use std::{collections::HashMap, sync::Arc};

use atelier_entities::RunId;
use sea_orm::{ConnectionTrait, DbErr};
use serde_json::{Map, Value};

use super::Stored;
use crate::{
    engine::{NodeId, Plan, ScopePath},
    graph::Behaviour,
    workflows::versions::LoadedVersion,
};
use compose::Rows;

pub use read::{OutputError, Reader};

/// Most bytes of an output that stays in its row: 64 KiB.
pub(crate) const INLINE_BYTES: usize = 64 * 1024;

/// A value, or where its parts are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    /// The value.
    Value(Value),
    /// An object of the store.
    Object {
        /// Its key.
        key: String,
        /// Its bytes.
        bytes: u64,
    },
    /// The input of a run.
    Input(RunId),
    /// What the child run of an attempt gave.
    Child {
        /// The parent.
        parent: RunId,
        /// The attempt of the parent's node.
        attempt: String,
    },
    /// Several values in order.
    List(Vec<Self>),
    /// Several values by name.
    Map(Vec<(String, Self)>),
}

impl Piece {
    /// The value, if all of it is in rows that were read.
    fn into_value(self) -> Option<Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::List(parts) => {
                parts.into_iter().map(Self::into_value).collect::<Option<Vec<_>>>().map(Value::Array)
            }
            Self::Map(parts) => {
                let fields = parts.into_iter().map(|(name, part)| Some((name, part.into_value()?)));
                fields.collect::<Option<Map<_, _>>>().map(Value::Object)
            }
            Self::Object { .. } | Self::Input(_) | Self::Child { .. } => None,
        }
    }

    /// The value as it can be stored with another row, if that takes no object and no more rows.
    fn into_stored(self) -> Option<Stored> {
        if let Self::Object { key, bytes } = self {
            return Some(Stored { value: None, object: Some(key), bytes });
        }
        let stored = Stored::inline(self.into_value()?);
        (stored.bytes <= INLINE_BYTES as u64).then_some(stored)
    }
}

/// What these runs gave, as far as it can be stored with another row. The rest is made when it is read.
pub(crate) async fn of_ended_runs(
    db: &impl ConnectionTrait,
    runs: &[(RunId, Arc<LoadedVersion>)],
) -> Result<HashMap<RunId, Stored>, DbErr> {
    let mut found = HashMap::new();
    if runs.is_empty() {
        return Ok(found);
    }
    let root = ScopePath::root();
    let wanted: Vec<_> = runs
        .iter()
        .map(|(run, version)| (*run, &version.plan, ends_of(&version.plan, version.plan.nodes_of(&root))))
        .collect();
    let rows = Rows::load(db, &wanted).await?;
    for (run, plan, _) in &wanted {
        let piece = rows.of_scope(*run, plan, &root);
        found.extend(piece.and_then(Piece::into_stored).map(|stored| (*run, stored)));
    }
    Ok(found)
}

/// The nodes of a scope that no edge leaves.
fn ends_of(plan: &Plan, nodes: &[NodeId]) -> Vec<NodeId> {
    nodes.iter().copied().filter(|node| plan.outbound(*node).is_empty()).collect()
}

/// The nodes of the body of a loop.
fn body_of(plan: &Plan, node: NodeId) -> &[NodeId] {
    plan.nodes_of(&ScopePath::root().item(plan.key(node), 0))
}

/// Whether the output of a node may be its input.
fn may_pass(plan: &Plan, node: NodeId) -> bool {
    plan.is_disabled(node) || plan.behaviour(node) == Behaviour::Pass
}
