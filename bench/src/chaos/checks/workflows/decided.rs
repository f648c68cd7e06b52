//! Checks that nothing in an ended run is open.

use super::{Scopes, place};
use crate::chaos::{checks::evidence::Check, workflows::Rows};

pub(super) fn check(scopes: &Scopes<'_>, rows: &Rows) -> Check {
    let (mut cases, mut breaches) = (0, rows.changed_edges.clone());
    for scope in scopes.ended() {
        let (run, path) = (scope.run, scope.path);
        cases += scope.graph.nodes.len() + scope.graph.edges.len();
        for node in &scope.graph.nodes {
            match scope.nodes.get(node.key.as_str()) {
                Some(row) if row.state.is_final() => {}
                Some(row) => breaches.push(format!("{} is {}", place(run.id, path, &node.key), row.state)),
                None => breaches.push(format!("{} is undecided", place(run.id, path, &node.key))),
            }
        }
        let open = scope.graph.edges.iter().filter(|(_, name)| !scope.edges.contains_key(name.as_str()));
        breaches.extend(open.map(|(_, name)| format!("edge {} is undecided", place(run.id, path, name))));
    }
    Check::new("every node and edge of an ended run is decided, each edge once", cases, breaches)
}
