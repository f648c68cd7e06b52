//! Deploys the current version of a project.

use serde::Deserialize;
use serde_json::json;

use super::{
    definition::Definition,
    description::{Category, Description, Effects, Field, Widget, both, text},
};
use crate::graph::node_type::Config;

/// What a `deploy_app` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployApp {
    /// The project.
    pub project: String,
    /// Where to.
    #[serde(default)]
    pub target: Option<String>,
}

impl Config for DeployApp {}

/// The type.
pub const DEFINITION: Definition = Definition::of_unavailable::<DeployApp>("deploy_app", describe);

fn describe() -> Description {
    let target = json!({"type": ["string", "null"]});
    let fields = vec![
        Field::required("project", both("Project", "Projet"), Widget::Text, text()),
        Field::optional("target", both("Where to", "Où"), Widget::Text, target),
    ];
    Description::new(
        Category::Action,
        both("Deploy an app", "Déployer une application"),
        both(
            "Publishes the current version of a project, and waits for its end.",
            "Publie la version actuelle d'un projet, et attend la fin.",
        ),
        "M12 20v-12M7 12l5-5l5 5M4 4h16",
    )
    .with_config(fields, json!({"project": "{{ input.project }}"}))
    .with_effects(Effects::Idempotent)
}
