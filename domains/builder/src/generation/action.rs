//! Generations that workflows start.

use async_trait::async_trait;
use atelier_entities::{GenerationMode, ProjectId, ProjectKind};
use atelier_foundation::{
    Actor, Problem,
    actions::{Action, ActionError, ActionRequest, StartedAction},
    projects::{MAX_TITLE, NewProject, ProjectError, create_project},
};
use atelier_queue::Transaction;
use serde::Deserialize;

use super::{
    GenerationError, RunGeneration,
    commands::{Start, Terms},
};
use crate::prompt::Prompt;

/// Writes a new application, or changes one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GenerateApp {
    pub(crate) terms: Terms,
    pub(crate) max_projects: u64,
}

/// What is to be generated.
#[derive(Deserialize)]
struct Params {
    /// The project to change. A new one where it is absent.
    project: Option<ProjectId>,
    /// The change; for a new project, its description.
    prompt: String,
    mode: GenerationMode,
    /// Of a new project; the beginning of the prompt where it is absent.
    title: Option<String>,
    /// Of a new project.
    kind: ProjectKind,
}

#[async_trait]
impl Action for GenerateApp {
    fn name(&self) -> &'static str {
        "generate_app"
    }

    async fn start(&self, tx: &Transaction, request: &ActionRequest) -> Result<StartedAction, ActionError> {
        let params = Params::deserialize(&request.params).map_err(|error| ActionError::of_params(&error))?;
        let actor = Actor::of_job(Some(request.owner));
        let Params { project, prompt, mode, title, kind } = params;
        let (project_id, prompt) = match project {
            Some(project) => (project, Prompt::parse(&prompt).map_err(GenerationError::from)?),
            None => {
                let title = title.unwrap_or_else(|| title_of(&prompt));
                let input = NewProject { title, description: prompt, kind };
                (create_project(tx, &actor, input, self.max_projects).await.map_err(refused)?.id, None)
            }
        };
        let args = RunGeneration { project_id, mode, prompt, stack: None };
        let start = Start { args: &args, waiter: Some(request.waiter) };
        let job = self.terms.start(tx, &actor, request.owner, start).await?;
        Ok(StartedAction::Job(job.id))
    }
}

/// The first line of a text, as a title.
fn title_of(prompt: &str) -> String {
    prompt.trim().lines().next().unwrap_or_default().trim().chars().take(MAX_TITLE).collect()
}

fn refused(error: ProjectError) -> ActionError {
    match error {
        ProjectError::Database(error) => error.into(),
        ProjectError::Queue(error) => error.into(),
        other => ActionError::refused(other.refusal()),
    }
}

impl From<GenerationError> for ActionError {
    fn from(error: GenerationError) -> Self {
        match error {
            GenerationError::Database(error) => error.into(),
            GenerationError::Queue(error) => error.into(),
            running @ GenerationError::AlreadyRunning(_) => Self::refused(running.refusal()).retryable(),
            other => Self::refused(other.refusal()),
        }
    }
}

#[cfg(test)]
mod tests;
