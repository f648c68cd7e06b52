//! Which rows a statement selects.

use std::collections::BTreeSet;

use atelier_entities::RunId;
use atelier_queue::Sql;

use crate::engine::ScopePath;

/// Scopes of one statement: two parameters each, of the 32,766 that SQLite allows.
const SCOPES: usize = 5_000;

/// Rows of scopes, or of whole runs.
#[derive(Clone, Debug)]
pub(super) enum Which {
    /// Those of the root of these runs.
    Roots(Vec<RunId>),
    /// Those of these scopes.
    Scopes(Vec<(RunId, String)>),
    /// All of these runs.
    Runs(Vec<RunId>),
    /// Those of these items of a run, and of the items in them.
    Below(RunId, Vec<ScopePath>),
}

impl Which {
    /// The scopes, in as few statements as possible.
    pub(super) fn scopes(scopes: &BTreeSet<(RunId, ScopePath)>) -> Vec<Self> {
        if scopes.iter().all(|(_, scope)| scope.is_root()) {
            let runs: Vec<RunId> = scopes.iter().map(|(run, _)| *run).collect();
            return runs.chunks(SCOPES).map(|some| Self::Roots(some.to_vec())).collect();
        }
        let named: Vec<_> = scopes.iter().map(|(run, scope)| (*run, scope.to_string())).collect();
        named.chunks(SCOPES).map(|some| Self::Scopes(some.to_vec())).collect()
    }

    /// Whether only the root of runs is selected, which has no row of an item.
    pub(super) fn is_of_roots(&self) -> bool {
        matches!(self, Self::Roots(_))
    }

    /// Appends the condition.
    pub(super) fn push_to(&self, sql: &mut Sql) {
        match self {
            Self::Roots(runs) => {
                sql.push("scope = '' AND run_id ").among(runs);
            }
            Self::Runs(runs) => {
                sql.push("run_id ").among(runs);
            }
            Self::Scopes(scopes) => {
                sql.push("(run_id, scope) IN (VALUES ");
                for (index, (run, scope)) in scopes.iter().enumerate() {
                    sql.push(if index == 0 { "(" } else { ", (" });
                    sql.bind(*run).push(", ").bind(scope.as_str()).push(")");
                }
                sql.push(")");
            }
            Self::Below(run, items) => {
                sql.push("run_id = ").bind(*run).push(" AND (");
                for (index, item) in items.iter().enumerate() {
                    let (item, inner) = (item.to_string(), format!("{item}."));
                    sql.push(if index == 0 { "scope = " } else { " OR scope = " }).bind(item);
                    sql.push(" OR substr(scope, 1, ").push(&inner.chars().count().to_string());
                    sql.push(") = ").bind(inner);
                }
                sql.push(")");
            }
        }
    }
}
