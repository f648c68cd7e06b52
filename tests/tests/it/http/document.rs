//! The OpenAPI document, and its operations for other tests.

mod sets;

use serde_json::Value;

/// A UUID that belongs to nothing.
pub(super) const NOBODYS: &str = "0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a";

/// An operation of the document.
pub(super) struct Operation {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) is_public: bool,
    /// Whether it has a request body.
    pub(super) has_body: bool,
    /// Whether it is in an administrators' group.
    pub(super) is_administration: bool,
    /// The scopes that an API token needs; empty if it is public.
    pub(super) token_scopes: Vec<String>,
    /// The documented statuses.
    pub(super) statuses: Vec<String>,
    parameters: Vec<Value>,
}

impl Operation {
    /// Whether only administrators may call it.
    pub(super) fn is_admin_only(&self) -> bool {
        self.token_scopes.iter().any(|scope| scope == "admin")
    }

    /// Method and path, as in tables.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The names of its query parameters.
    pub(super) fn queries(&self) -> Vec<String> {
        let in_query = self.parameters.iter().filter(|parameter| parameter["in"] == "query");
        in_query.map(|parameter| parameter["name"].as_str().expect("a name").to_owned()).collect()
    }

    /// The path with `id` for every UUID, and valid values for other parameters.
    pub(super) fn path_with(&self, id: &str) -> String {
        let in_path = self.parameters.iter().filter(|parameter| parameter["in"] == "path");
        in_path.fold(self.path.clone(), |path, parameter| {
            let schema = &parameter["schema"];
            let value = match (schema["format"].as_str(), schema["type"].as_str()) {
                (Some("uuid"), _) => id,
                (_, Some("integer")) => "1",
                _ => "email",
            };
            path.replace(&format!("{{{}}}", parameter["name"].as_str().expect("a name")), value)
        })
    }
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|text| text.as_str().expect("a text").to_owned()).collect()
}

/// Every operation of the document.
pub(super) fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(atelier_api::openapi_json()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let of_path = |(path, item): (&String, &Value)| -> Vec<Operation> {
        let item = item.as_object().expect("operations");
        item.iter()
            .map(|(method, operation)| Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                is_public: operation["security"].as_array().is_some_and(Vec::is_empty),
                has_body: operation["requestBody"].is_object(),
                is_administration: operation["tags"][0] == "Administration",
                token_scopes: texts(&operation["x-atelier"]["token_scopes"]),
                statuses: operation["responses"].as_object().expect("answers").keys().cloned().collect(),
                parameters: operation["parameters"].as_array().cloned().unwrap_or_default(),
            })
            .collect()
    };
    paths.iter().flat_map(of_path).collect()
}
