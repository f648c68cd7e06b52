//! The queues, which operators scale, pause and watch.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A queue. Each has slots of its own, so that short mails never wait for long generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueName {
    /// Generating applications with a language model.
    Generation,
    /// Publishing applications.
    Deployment,
    /// Delivering mail.
    Email,
    /// Aggregating figures.
    Stats,
    /// Steps of workflows.
    Workflow,
    /// Maintenance of the platform.
    Maintenance,
}

impl QueueName {
    /// Every queue, in display order.
    pub const ALL: [Self; 6] =
        [Self::Generation, Self::Deployment, Self::Email, Self::Stats, Self::Workflow, Self::Maintenance];

    /// The name by which it is stored and sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generation => "generation",
            Self::Deployment => "deployment",
            Self::Email => "email",
            Self::Stats => "stats",
            Self::Workflow => "workflow",
            Self::Maintenance => "maintenance",
        }
    }

    /// The queue of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.as_str() == name)
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
