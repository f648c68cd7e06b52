//! What can be wrong with a graph, in a form that a person and an editor can act on.

use serde::Serialize;

macro_rules! fault_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal => $hint:literal),+ $(,)?) => {
        /// The code of a fault. Its name is stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum FaultCode { $($(#[$doc])* #[serde(rename = $text)] $variant),+ }

        impl FaultCode {
            /// Every code, in the order of its declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// How to correct it.
            #[must_use]
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$variant => $hint),+ }
            }
        }
    };
}

fault_codes! {
    /// The text is not a graph.
    Malformed = "MALFORMED" => "Compare the place with the schema of a graph.",
    /// More bytes than a graph may have.
    GraphTooLarge = "GRAPH_TOO_LARGE" => "Move a part of the work to a sub-workflow.",
    /// More nodes than a graph may have.
    TooManyNodes = "TOO_MANY_NODES" => "Move a part of the work to a sub-workflow.",
    /// More edges than a graph may have.
    TooManyEdges = "TOO_MANY_EDGES" => "Move a part of the work to a sub-workflow.",
    /// Bodies lie deeper in each other than they may.
    TooDeep = "TOO_DEEP" => "Move the inner loop to a sub-workflow.",
    /// No enabled trigger.
    NoTrigger = "NO_TRIGGER" => "Add a trigger, such as the manual one.",
    /// An edge leads to a trigger.
    TriggerHasInput = "TRIGGER_HAS_INPUT" => "Remove the edge; a trigger starts a run.",
    /// A trigger in the body of a loop.
    TriggerInBody = "TRIGGER_IN_BODY" => "Move the trigger out of the loop.",
    /// Edges that lead back to where they began.
    Cycle = "CYCLE" => "Remove one of the edges, or repeat with a loop or while node.",
    /// An edge crosses the border of a loop's body.
    LoopBodyEscapes = "LOOP_BODY_ESCAPES" => "Connect to the loop node itself.",
    /// A loop without a body, or with one that does nothing.
    LoopBodyEmpty = "LOOP_BODY_EMPTY" => "Put the steps for one item into the loop.",
    /// A body in a node that is no loop.
    BodyNotAllowed = "BODY_NOT_ALLOWED" => "Only loop and while nodes have a body.",
    /// A break node outside of every loop.
    BreakOutsideLoop = "BREAK_OUTSIDE_LOOP" => "Move the node into the body of the loop that it ends.",
    /// A node that no trigger leads to.
    UnreachableNode = "UNREACHABLE_NODE" => "Connect the node, or remove it.",
    /// An edge to or from a node that does not exist.
    DanglingEdge = "DANGLING_EDGE" => "Remove the edge, or add the node.",
    /// A port that the node does not have.
    UnknownPort = "UNKNOWN_PORT" => "Choose one of the ports of the node.",
    /// The same edge twice.
    DuplicateEdge = "DUPLICATE_EDGE" => "Remove one of the two.",
    /// Two nodes with one key.
    DuplicateKey = "DUPLICATE_KEY" => "Keys are unique in the whole graph, also within loops.",
    /// A key that is not one.
    BadKey = "BAD_KEY" => "A key is a lower-case letter, then letters, digits and _, at most 64.",
    /// More edges at a port than it takes.
    PortArity = "PORT_ARITY" => "Remove edges from the port.",
    /// A type that does not exist.
    UnknownType = "UNKNOWN_TYPE" => "Choose a type from the list of node types.",
    /// A version of a type that does not exist.
    TypeVersionUnsupported = "TYPE_VERSION_UNSUPPORTED" => "Choose a version from the list of node types.",
    /// The config of a node does not fit its type.
    ConfigInvalid = "CONFIG_INVALID" => "Compare the place with the schema of the type.",
    /// An expression that does not parse.
    ExprSyntax = "EXPR_SYNTAX" => "Correct the expression.",
    /// An expression names a node that does not exist.
    ExprUnknownNode = "EXPR_UNKNOWN_NODE" => "Use the key of a node of this workflow.",
    /// An expression names a node that cannot have run before.
    ExprNotUpstream = "EXPR_NOT_UPSTREAM" => "Connect the node upstream, or refer to another one.",
    /// An expression names a node that may have been skipped.
    ExprMaybeSkipped = "EXPR_MAYBE_SKIPPED" => "Give a default for the case that the node was skipped.",
    /// A merge with fewer than two edges.
    MergeSingleInput = "MERGE_SINGLE_INPUT" => "Connect a second branch, or remove the node.",
    /// A quorum that is larger than the number of edges.
    QuorumUnreachable = "QUORUM_UNREACHABLE" => "Lower the quorum, or connect more branches.",
    /// An edge from the error port of a node that does not use it.
    ErrorEdgeWithoutPolicy = "ERROR_EDGE_WITHOUT_POLICY" => "Set on_error to error_branch.",
    /// A node that sends its errors to a port without an edge.
    ErrorBranchUnconnected = "ERROR_BRANCH_UNCONNECTED" => "Connect the error port, or choose another on_error.",
    /// A switch whose default leads nowhere.
    SwitchNoDefault = "SWITCH_NO_DEFAULT" => "Connect the default port.",
    /// A node answers a webhook, but none waits for an answer.
    AnswerWithoutWebhook = "ANSWER_WITHOUT_WEBHOOK" => "Add a webhook whose response is answer, or remove the node.",
    /// Two nodes on one path answer a webhook.
    AnswerTwice = "ANSWER_TWICE" => "Remove one of the two, or put them on different branches.",
    /// A secret that does not exist.
    SecretUnknown = "SECRET_UNKNOWN" => "Use the name of one of your secrets.",
    /// A credential that does not exist, or is another person's.
    CredentialMissing = "CREDENTIAL_MISSING" => "Choose one of your integrations.",
    /// A credential that a node of this type cannot use.
    CredentialWrongType = "CREDENTIAL_WRONG_TYPE" => "Choose an integration of a type that the node can use.",
    /// A project that does not exist, or is another person's.
    ProjectMissing = "PROJECT_MISSING" => "Choose one of your projects.",
    /// A called workflow that does not exist, was never published, or has no trigger for calls.
    SubworkflowMissing = "SUBWORKFLOW_MISSING" => "Choose a published workflow with the trigger called.",
    /// Workflows that call each other in a circle, or too deep.
    SubworkflowRecursive = "SUBWORKFLOW_RECURSIVE" => "Remove one of the calls, or repeat with a loop.",
}

/// The severity of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The graph can be neither published nor run.
    Error,
    /// The graph can run, but may not do what its author meant.
    Warning,
}

/// One fault of a graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The code.
    pub code: FaultCode,
    /// The severity.
    pub severity: Severity,
    /// The key of the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The edge, as `from.port>to.port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edge: Option<String>,
    /// The port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// The place in the node, as a JSON pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What is wrong.
    pub message: String,
    /// How to correct it.
    pub hint: &'static str,
}

impl Fault {
    /// A fault that keeps the graph from running.
    pub fn error(code: FaultCode, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message.into())
    }

    /// A fault with which the graph can still run.
    pub fn warning(code: FaultCode, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message.into())
    }

    const fn new(code: FaultCode, severity: Severity, message: String) -> Self {
        let hint = code.hint();
        Self { code, severity, node: None, edge: None, port: None, pointer: None, message, hint }
    }

    /// The same, at a node.
    #[must_use]
    pub fn at_node(mut self, key: &str) -> Self {
        self.node = Some(key.to_owned());
        self
    }

    /// The same, at an edge.
    #[must_use]
    pub fn at_edge(mut self, id: String) -> Self {
        self.edge = Some(id);
        self
    }

    /// The same, at a port.
    #[must_use]
    pub fn at_port(mut self, port: &str) -> Self {
        self.port = Some(port.to_owned());
        self
    }

    /// The same, at a place in the node.
    #[must_use]
    pub fn at_pointer(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }
}
