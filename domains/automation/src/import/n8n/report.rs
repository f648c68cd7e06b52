//! What became of each node.

use serde::Serialize;

/// What became of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    /// It does the same here.
    Exact,
    /// It does nearly the same: the reasons say what differs.
    Approximated,
    /// It fails until a person replaces it.
    Placeholder,
    /// It has no node of its own here.
    Ignored,
}

impl ImportStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Exact, Self::Approximated, Self::Placeholder, Self::Ignored];
}

/// What became of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedNode {
    /// Its name in the document.
    pub node: String,
    /// Its type in the document.
    #[serde(rename = "type")]
    pub kind: String,
    /// The key of what stands for it here.
    pub key: Option<String>,
    /// What became of it.
    pub status: ImportStatus,
    /// What differs, and what is left to do.
    pub reasons: Vec<String>,
}

/// Times at which the workflow ran, to be made into a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedSchedule {
    /// The name of the trigger in the document.
    pub node: String,
    /// A cron expression of ours.
    pub cron: String,
    /// The time zone, if the document names one.
    pub timezone: Option<String>,
}

/// A credential that is to be connected. Its id means nothing here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedCredential {
    /// The name of the node in the document.
    pub node: String,
    /// The type of the credential there.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name there.
    pub name: String,
}

/// What became of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Each node of the document, in its order.
    pub nodes: Vec<ImportedNode>,
    /// What is said of the whole document.
    pub notes: Vec<String>,
    /// The times at which it ran.
    pub schedules: Vec<ImportedSchedule>,
    /// The credentials that are to be connected.
    pub credentials: Vec<ImportedCredential>,
}

impl ImportReport {
    /// How many nodes have a status.
    #[must_use]
    pub fn count(&self, status: ImportStatus) -> usize {
        self.nodes.iter().filter(|node| node.status == status).count()
    }
}

/// What is found of a node while it is translated.
#[derive(Clone, Debug)]
pub(super) struct Findings {
    pub(super) status: ImportStatus,
    pub(super) reasons: Vec<String>,
}

impl Default for Findings {
    fn default() -> Self {
        Self { status: ImportStatus::Exact, reasons: Vec::new() }
    }
}

impl Findings {
    /// Adds what does not change how the node works.
    pub(super) fn remark(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    /// Adds what differs.
    pub(super) fn approximate(&mut self, reason: impl Into<String>) {
        self.status = self.status.max(ImportStatus::Approximated);
        self.remark(reason);
    }

    /// Makes it a placeholder.
    pub(super) fn replace(&mut self, reason: impl Into<String>) {
        self.status = ImportStatus::Placeholder;
        self.remark(reason);
    }

    /// Leaves it out.
    pub(super) fn ignore(&mut self, reason: impl Into<String>) {
        self.status = ImportStatus::Ignored;
        self.remark(reason);
    }
}
