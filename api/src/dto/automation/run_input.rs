//! What people ask of runs: which are listed, what they begin with, and signals to them.

use atelier_automation::runs::{RerunInput, RunFilter, RunVersion, SignalInput, StartInput};
use atelier_entities::{ProjectId, RunCause, RunId, RunStatus, WorkflowId};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::workflow::present;
use crate::{
    error::ApiError,
    schema::{IntoParams, ToSchema, sets},
};

/// Whose runs are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunOwnerParams {
    /// Only those of this workflow.
    pub(crate) workflow: Option<Uuid>,
}

/// Which runs are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunFilterParams {
    /// Only those in this state.
    #[param(value_type = Option<sets::RunStatus>)]
    status: Option<RunStatus>,
    /// Only those that this started.
    #[param(value_type = Option<sets::RunCause>)]
    cause: Option<RunCause>,
    /// Only those of this project.
    project: Option<Uuid>,
    /// Only the child runs of this run.
    parent: Option<Uuid>,
    /// Only those that were accepted at this moment or later.
    since: Option<DateTime<Utc>>,
    /// Only those that were accepted before this moment, which is after `since`.
    until: Option<DateTime<Utc>>,
}

impl RunFilterParams {
    /// The filter, among the runs of one workflow or of all.
    pub(crate) fn filter(self, workflow: Option<Uuid>) -> Result<RunFilter, ApiError> {
        if self.since.zip(self.until).is_some_and(|(since, until)| since >= until) {
            return Err(ApiError::invalid([("until", "must be after since")]));
        }
        Ok(RunFilter {
            workflow: workflow.map(WorkflowId),
            statuses: self.status.into_iter().collect(),
            cause: self.cause,
            project: self.project.map(ProjectId),
            from: self.since,
            before: self.until,
            parent: self.parent.map(RunId),
        })
    }
}

/// What a run begins with. Unknown fields are refused.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartRunInput {
    /// What the trigger gives: any JSON.
    #[serde(default)]
    input: Value,
    /// The number of a published version; the newest where it is left out.
    #[schema(minimum = 1)]
    version: Option<i32>,
    /// Whether the draft runs, as it is now, in place of a published version.
    #[serde(default)]
    draft: bool,
    /// The key of the trigger; the manual one, or the only one, where it is left out.
    trigger: Option<String>,
}

impl StartRunInput {
    /// The command; 422 if it names two versions.
    pub(crate) fn command(self) -> Result<StartInput, ApiError> {
        let version = version_of(self.version, self.draft, false)?.unwrap_or_default();
        Ok(StartInput { version, trigger: self.trigger, input: self.input })
    }
}

/// How a run is started again. Unknown fields are refused.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RepeatRunInput {
    /// Another input: any JSON, null too; the same where it is left out.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Value, required = false)]
    input: Option<Option<Value>>,
    /// The number of a published version; that of the earlier run where no version is chosen.
    #[schema(minimum = 1)]
    version: Option<i32>,
    /// Whether the newest published version runs.
    #[serde(default)]
    published: bool,
    /// Whether the draft runs, as it is now.
    #[serde(default)]
    draft: bool,
}

impl RepeatRunInput {
    /// The command; 422 if it names two versions.
    pub(crate) fn command(self) -> Result<RerunInput, ApiError> {
        let version = version_of(self.version, self.draft, self.published)?;
        Ok(RerunInput { version, input: self.input.map(Option::unwrap_or_default) })
    }
}

fn version_of(number: Option<i32>, draft: bool, published: bool) -> Result<Option<RunVersion>, ApiError> {
    let chosen = [
        number.map(RunVersion::Number),
        draft.then_some(RunVersion::Draft),
        published.then_some(RunVersion::Published),
    ];
    let mut chosen = chosen.into_iter().flatten();
    match (chosen.next(), chosen.next()) {
        (_, Some(_)) => Err(ApiError::invalid([("version", "must be chosen once")])),
        (version, None) => Ok(version),
    }
}

/// A signal to a run. Unknown fields are refused.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunSignalInput {
    /// What the wait gives: any JSON, at most 64 KiB.
    #[serde(default)]
    payload: Value,
    /// Names the signal, so that a repeated one is taken once; a random one where it is left out.
    #[schema(min_length = 1, max_length = 200)]
    id: Option<String>,
}

impl RunSignalInput {
    /// The signal of that name.
    pub(crate) fn named(self, name: String) -> SignalInput {
        SignalInput { id: self.id, key: name, payload: self.payload }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_chosen_once() {
        for (body, expected) in [
            ("{}", Ok(None)),
            ("{\"version\": 3}", Ok(Some(RunVersion::Number(3)))),
            ("{\"draft\": true}", Ok(Some(RunVersion::Draft))),
            ("{\"published\": true}", Ok(Some(RunVersion::Published))),
            ("{\"published\": true, \"version\": 3}", Err(())),
            ("{\"draft\": true, \"version\": 3}", Err(())),
        ] {
            let read = serde_json::from_str::<RepeatRunInput>(body).expect("a body").command();
            assert_eq!(read.map(|command| command.version).map_err(drop), expected, "{body}");
        }
    }

    #[test]
    fn null_is_another_input_and_silence_is_the_same() {
        let input = |body: &str| {
            serde_json::from_str::<RepeatRunInput>(body).expect("a body").command().expect("one")
        };

        assert_eq!(input("{}").input, None);
        assert_eq!(input("{\"input\": null}").input, Some(Value::Null));
    }

    #[test]
    fn a_period_does_not_end_before_it_begins() {
        let at = |secs| DateTime::from_timestamp(secs, 0);
        let filter =
            |since, until| RunFilterParams { since, until, ..RunFilterParams::default() }.filter(None);

        assert!(filter(at(1), at(2)).is_ok() && filter(None, at(2)).is_ok());
        assert!(filter(at(2), at(2)).is_err());
    }
}
