//! The types of nodes of n8n that have an equal here, and what they become.

use super::{
    case::{Case, Translated},
    expression::Refused,
};

mod answers;
mod conditions;
mod fields;
mod http;
mod language;
mod lists;
mod messages;
mod operators;
mod schedules;
mod switches;
mod triggers;
mod waits;

pub(super) use language::MODEL as MODEL_SERVICE;

type Translate = fn(&mut Case<'_>) -> Result<Translated, Refused>;

/// How a node works on a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runs {
    /// It works on the list, or passes it on.
    Whole,
    /// It runs for each item.
    Each,
    /// It chooses an output, for each item there and once here.
    Chooses,
    /// It starts runs.
    Trigger,
    /// It joins branches.
    Joins,
}

/// Types of n8n that become the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Their names, without the package.
    pub(super) types: &'static [&'static str],
    /// The types of ours.
    pub(super) becomes: &'static [&'static str],
    /// How they work on a list.
    pub(super) runs: Runs,
    /// How they are translated.
    pub(super) translate: Translate,
}

/// The package of most types.
const BASE: &str = "n8n-nodes-base.";
/// The package of the types about language models.
const LANGUAGE: &str = "@n8n/n8n-nodes-langchain.";

/// The type of a node that splits into batches.
const BATCHES: &str = "n8n-nodes-base.splitInBatches";

/// The types, in the order of the document.
pub(super) const ROWS: &[Row] = &[
    row(&["manualTrigger", "start"], &["manual"], Runs::Trigger, triggers::manual),
    row(&["scheduleTrigger", "cron", "interval"], &["schedule"], Runs::Trigger, schedules::schedule),
    row(&["webhook"], &["webhook"], Runs::Trigger, triggers::webhook),
    row(&["executeWorkflowTrigger"], &["called"], Runs::Trigger, triggers::called),
    row(&["errorTrigger"], &["workflow_error"], Runs::Trigger, triggers::workflow_error),
    row(&["respondToWebhook"], &["webhook_response"], Runs::Whole, answers::respond),
    row(&["set"], &["transform"], Runs::Each, fields::set),
    row(&["dateTime"], &["transform"], Runs::Each, fields::date_time),
    row(&["html"], &["transform"], Runs::Each, fields::html),
    row(&["if"], &["condition"], Runs::Chooses, conditions::choose),
    row(&["switch"], &["switch"], Runs::Chooses, switches::switch),
    row(&["filter"], &["filter", "condition"], Runs::Whole, conditions::filter),
    row(&["merge"], &["merge"], Runs::Joins, lists::merge),
    row(&["splitOut"], &["list_split"], Runs::Whole, lists::split_out),
    row(&["aggregate"], &["transform"], Runs::Whole, lists::aggregate),
    row(&["limit"], &["list_limit"], Runs::Whole, lists::limit),
    row(&["sort"], &["list_sort"], Runs::Whole, lists::sort),
    row(&["removeDuplicates"], &["list_dedupe"], Runs::Whole, lists::remove_duplicates),
    row(&["splitInBatches"], &["loop", "no_op"], Runs::Whole, lists::batches),
    row(&["httpRequest"], &["http_request"], Runs::Each, http::request),
    row(&["executeWorkflow"], &["sub_workflow"], Runs::Each, messages::sub_workflow),
    row(&["emailSend"], &["send_mail"], Runs::Each, messages::send_mail),
    row(&["slack"], &["slack_message"], Runs::Each, messages::slack),
    row(&["openAi", "chainLlm", "agent"], &["llm_prompt"], Runs::Each, language::prompt),
    row(&["wait"], &["delay", "wait_until", "wait_signal"], Runs::Whole, waits::wait),
    row(&["stopAndError"], &["stop"], Runs::Whole, waits::stop),
    row(&["noOp"], &["no_op"], Runs::Whole, waits::no_op),
    row(&["stickyNote"], &["note"], Runs::Whole, waits::note),
];

const fn row(
    types: &'static [&'static str],
    becomes: &'static [&'static str],
    runs: Runs,
    translate: Translate,
) -> Row {
    Row { types, becomes, runs, translate }
}

/// The row of a type with its package.
pub(super) fn find(kind: &str) -> Option<&'static Row> {
    let name = kind.strip_prefix(BASE).or_else(|| kind.strip_prefix(LANGUAGE))?;
    ROWS.iter().find(|row| row.types.contains(&name))
}

/// Whether a type starts runs.
pub(super) fn is_trigger(kind: &str) -> bool {
    match find(kind) {
        Some(row) => row.runs == Runs::Trigger,
        None => kind.ends_with("Trigger") || kind == "n8n-nodes-base.emailReadImap",
    }
}

/// The output of a type that splits into batches which leads to the batch.
pub(super) fn batch_output(kind: &str, version: f64) -> Option<usize> {
    (kind == BATCHES).then_some(usize::from(version >= 3.0))
}
