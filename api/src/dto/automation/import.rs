//! What becomes of a document that is imported.

use atelier_automation::{
    import::n8n::{ImportReport, ImportStatus, ImportedCredential, ImportedNode, ImportedSchedule},
    workflows::Imported,
};
use serde::Serialize;

use super::{fault::FaultView, workflow::WorkflowView};
use crate::schema::{ToSchema, sets};

/// A workflow that was imported, what is wrong with its draft, and what became of the document.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportView {
    /// The workflow. It is disabled.
    workflow: WorkflowView,
    /// Everything that is wrong with its draft.
    faults: Vec<FaultView>,
    /// What became of each node of a document of n8n. Empty for a document of ours.
    report: Vec<ImportedNodeView>,
    /// How many nodes have each status.
    counts: ImportCountsView,
    /// What is said of the whole document.
    notes: Vec<String>,
    /// The times at which it ran there. Create a schedule for each.
    schedules: Vec<ImportedScheduleView>,
    /// The credentials that it used there. Create an integration for each.
    credentials: Vec<ImportedCredentialView>,
}

/// What became of a node.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportedNodeView {
    /// Its name in the document.
    node: String,
    /// Its type in the document.
    #[serde(rename = "type")]
    kind: String,
    /// The key of the node that stands for it.
    key: Option<String>,
    /// What became of it.
    #[schema(value_type = sets::ImportStatus)]
    status: ImportStatus,
    /// What differs, and what is left to do.
    reasons: Vec<String>,
}

/// How many nodes have each status.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportCountsView {
    /// They do the same here.
    exact: usize,
    /// They do nearly the same.
    approximated: usize,
    /// They fail until a person replaces them.
    placeholder: usize,
    /// They have no node of their own here.
    ignored: usize,
}

/// Times at which a workflow ran.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportedScheduleView {
    /// The name of the trigger in the document.
    node: String,
    /// A cron expression.
    cron: String,
    /// The time zone, if the document names one.
    timezone: Option<String>,
}

/// A credential that is to be connected.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportedCredentialView {
    /// The name of the node in the document.
    node: String,
    /// The type of the credential there.
    #[serde(rename = "type")]
    kind: String,
    /// Its name there.
    name: String,
}

impl From<Imported> for ImportView {
    fn from(imported: Imported) -> Self {
        let Imported { workflow, faults, report } = imported;
        let counts = ImportCountsView::from(&report);
        Self {
            workflow: workflow.into(),
            faults: faults.into_iter().map(FaultView::from).collect(),
            counts,
            report: report.nodes.into_iter().map(ImportedNodeView::from).collect(),
            notes: report.notes,
            schedules: report.schedules.into_iter().map(ImportedScheduleView::from).collect(),
            credentials: report.credentials.into_iter().map(ImportedCredentialView::from).collect(),
        }
    }
}

impl From<&ImportReport> for ImportCountsView {
    fn from(report: &ImportReport) -> Self {
        Self {
            exact: report.count(ImportStatus::Exact),
            approximated: report.count(ImportStatus::Approximated),
            placeholder: report.count(ImportStatus::Placeholder),
            ignored: report.count(ImportStatus::Ignored),
        }
    }
}

impl From<ImportedNode> for ImportedNodeView {
    fn from(found: ImportedNode) -> Self {
        let ImportedNode { node, kind, key, status, reasons } = found;
        Self { node, kind, key, status, reasons }
    }
}

impl From<ImportedSchedule> for ImportedScheduleView {
    fn from(found: ImportedSchedule) -> Self {
        let ImportedSchedule { node, cron, timezone } = found;
        Self { node, cron, timezone }
    }
}

impl From<ImportedCredential> for ImportedCredentialView {
    fn from(found: ImportedCredential) -> Self {
        let ImportedCredential { node, kind, name } = found;
        Self { node, kind, name }
    }
}
