//! Deploys a version of a project.

use serde::Deserialize;
use serde_json::json;

use super::{
    action::{due_after, project_id, timeout_field},
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{
        Category, Description, Effects, Field, Widget, any, both, integer, object, or_expression, text,
    },
    param::Param,
};
use crate::graph::node_type::Config;

/// What a `deploy_app` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployApp {
    /// The project.
    pub project: String,
    /// The platform. The built-in one where it is absent.
    #[serde(default)]
    pub target: Option<String>,
    /// The number of the version. The current one where it is absent.
    #[serde(default)]
    pub version: Option<Param<i32>>,
    /// How long it waits for the end. As long as it takes where it is absent.
    #[serde(default)]
    pub timeout_seconds: Option<Param<u64>>,
}

impl Config for DeployApp {}

impl Compute for DeployApp {
    fn compute(self, work: Work) -> Result<NodeOutput, NodeFailure> {
        let project = project_id(&self.project, "/project")?;
        let version = self.version.map(|version| version.value("/version")).transpose()?;
        let due = due_after(self.timeout_seconds, &work)?;
        let params = json!({"project": project, "target": self.target, "version": version});
        Ok(NodeOutput::Start { action: "deploy_app", params, due })
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<DeployApp>("deploy_app", describe);

fn describe() -> Description {
    let target = json!({"type": ["string", "null"]});
    let version = or_expression(integer(1, i32::MAX.unsigned_abs().into()));
    let fields = vec![
        Field::required("project", both("Project", "Projet"), Widget::Text, text()),
        Field::optional("target", both("Where to", "Où"), Widget::Text, target),
        Field::optional("version", both("Version", "Version"), Widget::Expression, version),
        timeout_field(),
    ];
    let output = json!({
        "job_id": text(),
        "kind": text(),
        "subject_id": any(),
        "deployment_id": text(),
        "project_id": text(),
        "version": integer(1, u64::from(u32::MAX)),
        "slug": text(),
        "url": text(),
        "files": any(),
        "bytes": any(),
    });
    Description::new(
        Category::Action,
        both("Deploy an app", "Déployer une application"),
        both(
            "Publishes a version of a project, and waits for the end.",
            "Publie une version d'un projet, et attend la fin.",
        ),
        "M12 20v-12M7 12l5-5l5 5M4 4h16",
    )
    .with_config(fields, json!({"project": "{{ input.project_id }}"}))
    .with_effects(Effects::Idempotent)
    .giving(
        object(output, &["job_id", "deployment_id", "project_id", "version", "url"]),
        json!({
            "job_id": "019aa0b2-0000-7000-8000-000000000001",
            "kind": "deployment.publish",
            "subject_id": "019aa0b2-0000-7000-8000-000000000002",
            "deployment_id": "019aa0b2-0000-7000-8000-000000000003",
            "project_id": "019aa0b2-0000-7000-8000-000000000002",
            "version": 1,
            "slug": "chores-0000000002",
            "url": "https://example.com/preview/chores-0000000002/",
            "files": 3,
            "bytes": 5120,
        }),
    )
}
