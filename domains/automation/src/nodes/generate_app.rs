//! Generates an app.

use atelier_entities::{GenerationMode, ProjectKind};
use atelier_foundation::{
    projects::{MAX_DESCRIPTION, MAX_TITLE},
    validation::{line, paragraph},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    action::{due_after, project_id, timeout_field},
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{
        Category, Description, Effects, Field, Widget, any, both, choice, integer, object, or_expression,
        text,
    },
    param::Param,
};
use crate::graph::node_type::Config;

/// What a `generate_app` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerateApp {
    /// The project. A new one where it is absent.
    #[serde(default)]
    pub project: Option<String>,
    /// What the app is to do, or what is to change in the app of the project.
    pub prompt: String,
    /// The effort and the price.
    #[serde(default)]
    pub mode: Option<Param<GenerationMode>>,
    /// The title of a new project. The beginning of the prompt where it is absent.
    #[serde(default)]
    pub title: Option<String>,
    /// The kind of a new project.
    #[serde(default)]
    pub kind: Option<Param<ProjectKind>>,
    /// How long it waits for the end. As long as it takes where it is absent.
    #[serde(default)]
    pub timeout_seconds: Option<Param<u64>>,
}

impl Config for GenerateApp {}

impl Compute for GenerateApp {
    fn compute(self, work: Work) -> Result<NodeOutput, NodeFailure> {
        let project = self.project.as_deref().map(|text| project_id(text, "/project")).transpose()?;
        let prompt = paragraph(&self.prompt, MAX_DESCRIPTION);
        let prompt =
            prompt.and_then(|text| if text.is_empty() { Err("must not be empty".into()) } else { Ok(text) });
        let prompt = prompt.map_err(|problem| NodeFailure::at("/prompt", problem))?;
        let title = self.title.as_deref().map(|title| line(title, 1, MAX_TITLE)).transpose();
        let title = title.map_err(|problem| NodeFailure::at("/title", problem))?;
        let mode = self.mode.map_or(Ok(GenerationMode::Quick), |mode| mode.value("/mode"))?;
        let kind = self.kind.map_or(Ok(ProjectKind::WebApp), |kind| kind.value("/kind"))?;
        let due = due_after(self.timeout_seconds, &work)?;
        let params =
            json!({"project": project, "prompt": prompt, "mode": mode, "title": title, "kind": kind});
        Ok(NodeOutput::Start { action: "generate_app", params, due })
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<GenerateApp>("generate_app", describe);

fn describe() -> Description {
    let optional = json!({"type": ["string", "null"]});
    let modes: Vec<&str> = GenerationMode::ALL.iter().map(|mode| mode.as_str()).collect();
    let kinds: Vec<&str> = ProjectKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let prompt = both("What the app does, or the change", "Ce que fait l'application, ou la modification");
    let fields = vec![
        Field::required("prompt", prompt, Widget::Textarea, text()),
        Field::optional("project", both("Project", "Projet"), Widget::Text, optional.clone()),
        Field::optional("mode", both("Mode", "Mode"), Widget::Select, or_expression(choice(&modes))),
        Field::optional(
            "title",
            both("Title of a new project", "Titre d'un nouveau projet"),
            Widget::Text,
            optional,
        ),
        Field::optional(
            "kind",
            both("Kind of a new project", "Type d'un nouveau projet"),
            Widget::Select,
            or_expression(choice(&kinds)),
        ),
        timeout_field(),
    ];
    let output = json!({
        "job_id": text(),
        "kind": text(),
        "subject_id": any(),
        "project_id": text(),
        "version": integer(1, u64::from(u32::MAX)),
        "files": integer(0, u64::from(u32::MAX)),
        "bytes": any(),
        "provider": text(),
        "model": text(),
    });
    Description::new(
        Category::Action,
        both("Generate an app", "Générer une application"),
        both(
            "Has the builder write an app, or change that of a project, and waits for the end. It costs the credits of a generation.",
            "Fait écrire une application par le générateur, ou modifier celle d'un projet, et attend la fin. Cela coûte les crédits d'une génération.",
        ),
        "M4 5h16v12h-16zM8 21h8M12 17v4M9 9l-2 2l2 2M15 9l2 2l-2 2",
    )
    .with_config(fields, json!({"prompt": "A list of chores", "mode": "quick"}))
    .with_effects(Effects::Idempotent)
    .giving(
        object(output, &["job_id", "project_id", "version"]),
        json!({
            "job_id": "019aa0b2-0000-7000-8000-000000000001",
            "kind": "generation.run",
            "subject_id": "019aa0b2-0000-7000-8000-000000000002",
            "project_id": "019aa0b2-0000-7000-8000-000000000002",
            "version": 1,
            "files": 3,
            "bytes": 5120,
            "provider": "openai",
            "model": "a model",
        }),
    )
}
