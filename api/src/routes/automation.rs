//! Workflows: what they are made of, and how they are published.

mod documents;
mod edges;
mod graphs;
mod nodes;
mod versions;
mod workflows;

use crate::route::Routes;

const TAG: &str = "Workflows";

/// The routes of this context.
pub(super) fn routes() -> Routes {
    Routes::new()
        .merge(workflows::routes())
        .merge(documents::routes())
        .merge(graphs::routes())
        .merge(nodes::routes())
        .merge(edges::routes())
        .merge(versions::routes())
}

#[cfg(test)]
mod tests;
