//! The types of nodes.

use std::sync::LazyLock;

use atelier_automation::nodes;
use axum::{http::HeaderMap, response::Response};

use super::TAG;
use crate::{
    dto::automation::node_type::{NodeTypePage, NodeTypeView},
    error::ApiError,
    extract::{ApiPath, Authenticated},
    responses::Numbered,
    route::{Routes, operation, routes},
    static_file::StaticFile,
};

pub(super) fn routes() -> Routes {
    Routes::new().add(routes!(list_node_types)).add(routes!(get_node_type))
}

/// All types. They are the same as long as the process runs.
static ALL: LazyLock<StaticFile> = LazyLock::new(|| {
    let results: Vec<NodeTypeView> = nodes::descriptions().into_iter().map(NodeTypeView::from).collect();
    let count = results.len() as u64;
    json(&NodeTypePage::from(Numbered { count, next: None, previous: None, results }))
});

/// Each type by its name.
static EACH: LazyLock<Vec<(&'static str, StaticFile)>> = LazyLock::new(|| {
    let each = nodes::descriptions().into_iter();
    each.map(|description| (description.kind, json(&NodeTypeView::from(description)))).collect()
});

fn json(view: &impl serde::Serialize) -> StaticFile {
    StaticFile::new("application/json", serde_json::to_vec(view).unwrap_or_default())
}

/// All types of nodes, in the order of a palette, with their names and documentation in English and French.
#[operation(
    get, path = "/api/v1/automation/node-types/", tag = TAG,
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the last answer.")),
    responses(
        (status = 200, description = "The types, on one page.", body = NodeTypePage, headers(("ETag" = String))),
        (status = 304, description = "Nothing has changed.", headers(("ETag" = String))),
    )
)]
async fn list_node_types(_: Authenticated, headers: HeaderMap) -> Response {
    ALL.answer(&headers, None, &[])
}

/// A type of nodes: the JSON Schema of its config, its ports, its icon and its documentation.
#[operation(
    get, path = "/api/v1/automation/node-types/{name}/", tag = TAG,
    params(
        ("name" = String, Path, description = "Its name, such as condition"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the last answer.")
    ),
    responses(
        (status = 200, description = "The type.", body = NodeTypeView, headers(("ETag" = String))),
        (status = 304, description = "Nothing has changed.", headers(("ETag" = String))),
    )
)]
async fn get_node_type(
    _: Authenticated,
    ApiPath(name): ApiPath<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let found = EACH.iter().find(|(known, _)| *known == name);
    let (_, file) = found.ok_or_else(|| ApiError::not_found("type of nodes"))?;
    Ok(file.answer(&headers, None, &[]))
}
