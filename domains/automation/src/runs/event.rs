//! What happens to a run, as rows and jobs tell it: nodes by their keys, with the values that come along.

use atelier_entities::{RunId, Timestamp, UserId, WaitKind};
use serde_json::{Value, json};

use super::{ActionStart, ChildRequest, NodeResult, RunNode, Stored, WorkOutcome};
use crate::engine::{ChildEnd, Event, NodeAt, NodeError, Outcome, Plan, Refusal, ScopePath, WaitRequest};

/// What happens to a run.
#[derive(Clone, Debug)]
pub(crate) enum RunEvent {
    /// It begins.
    Start,
    /// An attempt ended.
    Ended(RunNode, Result<NodeResult, NodeError>),
    /// The job of an attempt was cancelled or discarded. While the run is paused this means nothing: pausing
    /// cancels the jobs that have not begun.
    Stopped(RunNode, NodeError),
    /// The time of a wait has come.
    Wake(RunNode),
    /// Somebody decided about an approval.
    Decided(RunNode, Answer),
    /// A signal was sent.
    Signal(SentSignal),
    /// A child run ended, with its output.
    ChildEnded(RunNode, ChildEnd, Option<Stored>),
    /// The job that an attempt waits for ended: why it did not succeed, or its output.
    JobEnded(RunNode, Result<Stored, NodeError>),
    /// Somebody paused it.
    Pause(Option<UserId>),
    /// It goes on.
    Resume,
    /// It ends now.
    Cancel,
    /// It took longer than it may.
    TimedOut,
    /// What failed runs again.
    RetryFailed,
    /// The failed items of a loop run again.
    RetryItems {
        /// The items around the loop.
        scope: String,
        /// The key of the loop.
        node: String,
    },
}

/// A decision about an approval.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Whether it was given.
    pub(crate) approved: bool,
    /// What the person wrote.
    pub(crate) comment: Option<String>,
    /// Who decided. None for somebody with a link.
    pub(crate) by: Option<UserId>,
    /// When.
    pub(crate) at: Timestamp,
}

impl Answer {
    /// The decision as the output of its node. It names nobody.
    pub(crate) fn to_json(&self) -> Value {
        json!({"approved": self.approved, "comment": self.comment, "at": self.at})
    }
}

/// A signal as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct SentSignal {
    /// Chosen by the sender.
    pub(crate) id: String,
    /// What waits look for.
    pub(crate) key: String,
    /// What it carries.
    pub(crate) payload: Value,
    /// Who sent it.
    pub(crate) by: Option<UserId>,
    /// When.
    pub(crate) at: Timestamp,
}

/// What comes with an event, and is no matter of the engine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attached {
    /// The output of the attempt, or of the child run.
    pub(crate) output: Option<Stored>,
    /// The evaluated list of a loop.
    pub(crate) items: Option<Stored>,
    /// What an approval asks.
    pub(crate) question: Option<Value>,
    /// The child run that a node asks for.
    pub(crate) child: Option<ChildRequest>,
    /// The action that a node asks for.
    pub(crate) start: Option<ActionStart>,
    /// The decision about an approval.
    pub(crate) answer: Option<Answer>,
    /// The signal.
    pub(crate) signal: Option<SentSignal>,
    /// Who pauses.
    pub(crate) by: Option<UserId>,
}

/// An event in the terms of a plan.
pub(crate) enum Resolved {
    /// An event, with what comes along.
    Event(Event, Box<Attached>),
    /// The attempt did nothing, since the run was paused: its job is needed again.
    Held(NodeAt),
}

impl RunEvent {
    /// Whether it means nothing while the run is paused: its job is enqueued again when the run goes on.
    pub(crate) const fn is_held_by_pause(&self) -> bool {
        matches!(
            self,
            Self::Stopped(..) | Self::Ended(_, Ok(NodeResult { outcome: WorkOutcome::Start(_), .. }))
        )
    }

    /// The event in the terms of a plan.
    ///
    /// # Errors
    /// If the plan has no such node.
    pub(crate) fn resolve(self, plan: &Plan, trigger: &str) -> Result<Resolved, Refusal> {
        let mut attached = Box::new(Attached::default());
        let event = match self {
            Self::Start => Event::Start { trigger: plan.find_node(trigger).ok_or(Refusal::NoTrigger)? },
            Self::Ended(at, Err(error)) | Self::Stopped(at, error) => {
                Event::Ended(place(plan, &at)?, Outcome::Failed(error))
            }
            Self::Ended(at, Ok(result)) => {
                let at = place(plan, &at)?;
                let Some(outcome) = outcome_of(result, &mut attached) else { return Ok(Resolved::Held(at)) };
                Event::Ended(at, outcome)
            }
            Self::Wake(at) => Event::Wake(place(plan, &at)?),
            Self::Decided(at, answer) => {
                let approved = answer.approved;
                attached.output = Some(Stored::inline(answer.to_json()));
                attached.answer = Some(answer);
                Event::Decided(place(plan, &at)?, approved)
            }
            Self::Signal(signal) => {
                let event =
                    Event::Signal { id: signal.id.clone(), key: signal.key.clone(), sent_at: signal.at };
                attached.signal = Some(signal);
                event
            }
            Self::ChildEnded(at, end, output) => {
                attached.output = output;
                Event::ChildEnded(place(plan, &at)?, end)
            }
            Self::JobEnded(at, end) => {
                let at = place(plan, &at)?;
                let error = match end {
                    Ok(output) => {
                        attached.output = Some(output);
                        None
                    }
                    Err(error) => Some(error),
                };
                Event::JobEnded(at, error)
            }
            Self::Pause(by) => {
                attached.by = by;
                Event::Pause
            }
            Self::Resume => Event::Resume,
            Self::Cancel => Event::Cancel,
            Self::TimedOut => Event::TimedOut,
            Self::RetryFailed => Event::RetryFailed,
            Self::RetryItems { scope, node } => {
                let scope: ScopePath = parse_scope(&scope, &node)?;
                let node =
                    plan.find_node(&node).ok_or(Refusal::UnknownNode { node, scope: scope.clone() })?;
                Event::RetryItems { scope, node }
            }
        };
        Ok(Resolved::Event(event, attached))
    }
}

/// The outcome of an attempt that did something, and what comes with it.
fn outcome_of(result: NodeResult, attached: &mut Attached) -> Option<Outcome> {
    let NodeResult { outcome, output } = result;
    Some(match outcome {
        WorkOutcome::Held => return None,
        WorkOutcome::Done { port } => {
            attached.output = output;
            Outcome::Done { port }
        }
        WorkOutcome::Items { count } => {
            attached.items = output;
            Outcome::Items { count }
        }
        WorkOutcome::Round { holds } => Outcome::Round { holds },
        WorkOutcome::Wait { kind: WaitKind::Child | WaitKind::Job, .. } => {
            let message = "An attempt waits for no child run and no job that it did not start.";
            Outcome::Failed(NodeError::permanent(NodeError::UNEXPECTED_OUTCOME, message))
        }
        WorkOutcome::Wait { kind, key, due, question } => {
            attached.output = output;
            attached.question = question;
            let due = due.map(atelier_entities::to_micros);
            Outcome::Wait(WaitRequest { kind, key, due })
        }
        WorkOutcome::Start(start) => {
            let due = start.due.map(atelier_entities::to_micros);
            attached.start = Some(start);
            Outcome::Wait(WaitRequest { kind: WaitKind::Job, key: None, due })
        }
        WorkOutcome::Child(request) => {
            attached.child = Some(request);
            Outcome::Child
        }
    })
}

fn place(plan: &Plan, at: &RunNode) -> Result<NodeAt, Refusal> {
    let scope = parse_scope(&at.scope, &at.node)?;
    let node = plan.find_node(&at.node);
    let node = node.ok_or_else(|| Refusal::UnknownNode { node: at.node.clone(), scope: scope.clone() })?;
    let RunNode { generation, round, attempt, .. } = *at;
    Ok(NodeAt { scope, node, generation, round, attempt })
}

fn parse_scope(scope: &str, node: &str) -> Result<ScopePath, Refusal> {
    let unknown = |_| Refusal::UnknownNode { node: node.to_owned(), scope: ScopePath::root() };
    scope.parse().map_err(unknown)
}

/// An attempt of the engine, as jobs name it.
pub(crate) fn named(run_id: RunId, plan: &Plan, at: &NodeAt) -> RunNode {
    RunNode {
        run_id,
        scope: at.scope.to_string(),
        node: plan.key(at.node).to_owned(),
        generation: at.generation,
        round: at.round,
        attempt: at.attempt,
    }
}
