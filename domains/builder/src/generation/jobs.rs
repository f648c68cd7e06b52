use std::time::Duration;

use atelier_entities::{GenerationMode, ProjectId, ProjectStack};
use atelier_queue::{Backoff, Job, Lane, Policy, QueueName};
use serde::{Deserialize, Serialize};

use crate::prompt::Prompt;

/// Generates an application and stores it as a version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunGeneration {
    /// The project.
    pub project_id: ProjectId,
    /// The mode.
    pub mode: GenerationMode,
    /// Instructions beside the project's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Prompt>,
    /// What the application is written with; as its files or its description tell if it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<ProjectStack>,
}

impl Job for RunGeneration {
    const KIND: &'static str = "generation.run";
    const QUEUE: QueueName = QueueName::Generation;

    fn policy() -> Policy {
        Policy {
            max_attempts: 3,
            timeout: Duration::from_secs(600),
            backoff: Backoff::Exponential { base: Duration::from_secs(5), max: Duration::from_secs(60) },
            lane: Lane::Normal,
        }
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("generation:{}", self.project_id))
    }
}
