//! What is wrong with a draft.

use atelier_automation::graph::{Fault, Severity};
use serde::Serialize;

use crate::schema::{ToSchema, sets};

/// One thing that is wrong with a draft.
#[derive(Serialize, ToSchema)]
pub(crate) struct FaultView {
    /// For programs.
    #[schema(value_type = sets::GraphFaultCode)]
    code: &'static str,
    /// How bad it is.
    #[schema(value_type = sets::FaultSeverity)]
    severity: Severity,
    /// The key of the node.
    node: Option<String>,
    /// The id of the edge.
    edge: Option<String>,
    /// The port.
    port: Option<String>,
    /// The place in the node, as a JSON pointer.
    pointer: Option<String>,
    /// What is wrong.
    message: String,
    /// What helps.
    hint: &'static str,
}

impl From<Fault> for FaultView {
    fn from(fault: Fault) -> Self {
        Self {
            code: fault.code.as_str(),
            severity: fault.severity,
            node: fault.node,
            edge: fault.edge,
            port: fault.port,
            pointer: fault.pointer,
            message: fault.message,
            hint: fault.hint,
        }
    }
}
