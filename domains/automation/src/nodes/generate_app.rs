//! Generates an app.

use serde::Deserialize;
use serde_json::json;

use super::{
    definition::Definition,
    description::{Category, Description, Effects, Field, Widget, both, text},
};
use crate::graph::node_type::Config;

/// What a `generate_app` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerateApp {
    /// The project. A new one where it is absent.
    #[serde(default)]
    pub project: Option<String>,
    /// What the app is to do.
    pub prompt: String,
}

impl Config for GenerateApp {}

/// The type.
pub const DEFINITION: Definition = Definition::of_unavailable::<GenerateApp>("generate_app", describe);

fn describe() -> Description {
    let project = json!({"type": ["string", "null"]});
    let fields = vec![
        Field::required(
            "prompt",
            both("What the app does", "Ce que fait l'application"),
            Widget::Textarea,
            text(),
        ),
        Field::optional("project", both("Project", "Projet"), Widget::Text, project),
    ];
    Description::new(
        Category::Action,
        both("Generate an app", "Générer une application"),
        both(
            "Has the builder write or change an app, and waits for its end.",
            "Fait écrire ou modifier une application par le générateur, et attend la fin.",
        ),
        "M4 5h16v12h-16zM8 21h8M12 17v4M9 9l-2 2l2 2M15 9l2 2l-2 2",
    )
    .with_config(fields, json!({"prompt": "A list of chores"}))
    .with_effects(Effects::Idempotent)
}
