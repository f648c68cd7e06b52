use atelier_entities::{WorkflowId, workflows};
use atelier_foundation::FieldErrors;
use atelier_queue::Lane;
use chrono::TimeDelta;
use sea_orm::DbErr;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::rows::has_nul;
use crate::engine::Concurrency;

/// The longest time of a run, in seconds: 30 days.
pub const MAX_TIMEOUT_SECS: u32 = 30 * 24 * 60 * 60;
/// The time of a run whose workflow names none, in seconds: a day.
pub const DEFAULT_TIMEOUT_SECS: u32 = 24 * 60 * 60;
/// The largest limit of runs at once.
pub const MAX_CONCURRENT_RUNS: u32 = 1_000;
/// The largest limit of queued runs.
pub const MAX_QUEUED_RUNS: u32 = 10_000;
/// Most bytes of the variables as JSON.
pub const MAX_VARS_BYTES: usize = 16 * 1024;

/// How the runs of a workflow are limited, and what they share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How many runs are under way at once.
    pub concurrency: Concurrency,
    /// The longest time of a run, in seconds. Waiting does not count.
    pub timeout_secs: u32,
    /// How urgent the jobs of its runs are.
    pub lane: RunLane,
    /// What expressions read as `vars`.
    pub vars: Map<String, Value>,
    /// The workflow that runs when a run fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_workflow_id: Option<WorkflowId>,
}

/// How urgent the jobs of runs are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunLane {
    /// A person waits for the runs.
    Urgent,
    /// Everything else.
    #[default]
    Normal,
    /// A delay does not matter.
    Bulk,
}

impl RunLane {
    /// The lane of jobs.
    #[must_use]
    pub const fn lane(self) -> Lane {
        match self {
            Self::Urgent => Lane::Urgent,
            Self::Normal => Lane::Normal,
            Self::Bulk => Lane::Bulk,
        }
    }

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrency: Concurrency::default(),
            timeout_secs: DEFAULT_TIMEOUT_SECS,
            lane: RunLane::default(),
            vars: Map::new(),
            error_workflow_id: None,
        }
    }
}

impl Settings {
    /// The settings of a workflow.
    ///
    /// # Errors
    /// If the row was written by a later version that knows more settings.
    pub fn of(workflow: &workflows::Model) -> Result<Self, DbErr> {
        let settings = serde_json::from_value(workflow.settings.clone());
        let settings: Self = settings.map_err(|error| DbErr::Json(error.to_string()))?;
        Ok(Self { error_workflow_id: workflow.error_workflow_id, ..settings })
    }

    /// The settings of a workflow, as far as this version knows them: what it cannot read has its default. So
    /// runs go on while a later version is being installed.
    #[must_use]
    pub fn known(workflow: &workflows::Model) -> Self {
        fn field<T: DeserializeOwned>(settings: &Value, name: &str) -> Option<T> {
            T::deserialize(settings.get(name)?).ok()
        }
        let settings = &workflow.settings;
        Self {
            concurrency: field(settings, "concurrency").unwrap_or_default(),
            timeout_secs: field(settings, "timeout_secs").unwrap_or(DEFAULT_TIMEOUT_SECS),
            lane: field(settings, "lane").unwrap_or_default(),
            vars: field(settings, "vars").unwrap_or_default(),
            error_workflow_id: workflow.error_workflow_id,
        }
    }

    /// The longest time that a run is at work.
    #[must_use]
    pub fn timeout(&self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.timeout_secs.clamp(1, MAX_TIMEOUT_SECS)))
    }

    /// The value of the column. The error workflow has a column of its own.
    pub(super) fn column(&self) -> Result<Value, DbErr> {
        let without = Self { error_workflow_id: None, ..self.clone() };
        serde_json::to_value(without).map_err(|error| DbErr::Json(error.to_string()))
    }

    /// What is out of range.
    pub(super) fn check(&self, errors: &mut FieldErrors) {
        let mut bound = |field, value: u32, min: u32, max: u32| {
            if value < min || value > max {
                errors.0.insert(field, format!("must be {min} to {max}"));
            }
        };
        if let Some(limit) = self.concurrency.limit {
            bound("settings.concurrency.limit", limit, 1, MAX_CONCURRENT_RUNS);
        }
        bound("settings.concurrency.max_queued", self.concurrency.max_queued, 0, MAX_QUEUED_RUNS);
        bound("settings.timeout_secs", self.timeout_secs, 1, MAX_TIMEOUT_SECS);
        let bytes = serde_json::to_vec(&self.vars).map_or(usize::MAX, |text| text.len());
        if bytes > MAX_VARS_BYTES {
            errors.0.insert("settings.vars", format!("must have at most {MAX_VARS_BYTES} bytes as JSON"));
        } else if has_nul(&Value::Object(self.vars.clone())) {
            errors.0.insert("settings.vars", "must not hold the character NUL".to_owned());
        }
    }
}
