//! The workflows that people run, each with what it gives.

use atelier_entities::WorkflowId;
use serde_json::{Value, json};

/// The signal that [`Flow::Waits`] and [`Flow::Late`] wait for.
pub(super) const SIGNAL: &str = "go";

/// The key of the trigger of [`Flow::Hooked`].
pub(in crate::chaos) const HOOK: &str = "start";

/// Seconds after which a wait is over that nobody answers: longer than faults keep people from
/// answering.
const PATIENT: u64 = 40;

/// Seconds after which the wait of [`Flow::Late`] fails.
const HASTY: u64 = 1;

/// Items of [`Flow::Each`]; every fifth one fails.
const ITEMS: u64 = 12;

/// Rounds of [`Flow::Rounds`].
const ROUNDS: u64 = 3;

/// A workflow of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::chaos) enum Flow {
    /// Is called by [`Flow::Parent`].
    Child,
    /// Calls a child run for each item of a loop.
    Parent,
    /// Splits into branches, which joins of every mode bring together.
    Fan,
    /// A loop with a window, of which some items fail.
    Each,
    /// A loop in a loop, with delays.
    Nested,
    /// A loop with a condition.
    Rounds,
    /// A delay, and a wait for a signal.
    Waits,
    /// A wait for a decision.
    Asks,
    /// A node that fails at its first attempt.
    Flaky,
    /// A wait that is over soon, which fails the run.
    Late,
    /// At most two runs at once; further ones are queued.
    Queued,
    /// At most one run at once; further ones are refused.
    Skipped,
    /// At most one run at once; a further one cancels the older.
    Newest,
    /// Is started by schedules.
    Timed,
    /// Is started by schedules whose fire times cancel the run before.
    Replaced,
    /// Is started by signed calls of a webhook.
    Hooked,
}

impl Flow {
    /// Every workflow of a person. [`Flow::Parent`] comes after what it calls.
    pub(in crate::chaos) const ALL: [Self; 16] = [
        Self::Child,
        Self::Parent,
        Self::Fan,
        Self::Each,
        Self::Nested,
        Self::Rounds,
        Self::Waits,
        Self::Asks,
        Self::Flaky,
        Self::Late,
        Self::Queued,
        Self::Skipped,
        Self::Newest,
        Self::Timed,
        Self::Replaced,
        Self::Hooked,
    ];

    /// Those that people start.
    pub(super) fn started() -> Vec<Self> {
        let others = [Self::Child, Self::Timed, Self::Replaced, Self::Hooked];
        Self::ALL.into_iter().filter(|flow| !others.contains(flow)).collect()
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Child => "Child",
            Self::Parent => "Parent",
            Self::Fan => "Fan",
            Self::Each => "Each",
            Self::Nested => "Nested",
            Self::Rounds => "Rounds",
            Self::Waits => "Waits",
            Self::Asks => "Asks",
            Self::Flaky => "Flaky",
            Self::Late => "Late",
            Self::Queued => "Queued",
            Self::Skipped => "Skipped",
            Self::Newest => "Newest",
            Self::Timed => "Timed",
            Self::Replaced => "Replaced",
            Self::Hooked => "Hooked",
        }
    }

    /// How many runs may be under way at once.
    pub(in crate::chaos) const fn limit(self) -> Option<usize> {
        match self {
            Self::Queued => Some(2),
            Self::Skipped | Self::Newest => Some(1),
            _ => None,
        }
    }

    /// Whether a further run cancels the older ones.
    pub(in crate::chaos) const fn cancels_older(self) -> bool {
        matches!(self, Self::Newest | Self::Replaced)
    }

    /// The code of the failure by which a run may end.
    pub(in crate::chaos) const fn failure(self) -> Option<&'static str> {
        match self {
            Self::Late => Some("WAIT_TIMEOUT"),
            _ => None,
        }
    }

    /// How many runs a person starts at the same time.
    pub(super) const fn burst(self) -> usize {
        if self.limit().is_some() { 4 } else { 1 }
    }

    /// The document that a person imports. `child` is the workflow that [`Flow::Parent`] calls.
    pub(super) fn document(self, child: Option<WorkflowId>) -> Value {
        let concurrency = match self {
            Self::Queued => json!({"limit": 2, "when_full": "queue", "max_queued": 50}),
            Self::Skipped => json!({"limit": 1, "when_full": "skip"}),
            Self::Newest => json!({"limit": 1, "when_full": "cancel_older"}),
            _ => json!({}),
        };
        let (nodes, edges) = self.graph(child);
        json!({
            "$schema": "https://atelier.dev/schemas/workflow-1.json",
            "name": self.name(),
            "settings": {"concurrency": concurrency},
            "graph": graph(nodes, edges),
        })
    }

    fn graph(self, child: Option<WorkflowId>) -> (Vec<Value>, &'static str) {
        match self {
            Self::Child => {
                let inner = transform("inner", json!({"n": "{{ nodes.called.output.n }}"}));
                (vec![json!({"key": "called", "type": "called"}), delay("pause", 2), inner], CHILD)
            }
            Self::Parent => (vec![start(), parent(child), results("{{ input.results }}")], LOOP),
            Self::Fan => fan(),
            Self::Each => (vec![start(), each(), results("{{ input.results }}")], LOOP),
            Self::Nested => (vec![start(), nested(), results("{{ input.results }}")], LOOP),
            Self::Rounds => (vec![start(), rounds(), results("{{ input.results }}")], LOOP),
            Self::Waits => {
                let nodes = vec![
                    start(),
                    delay("pause", 1),
                    wait("ask", PATIENT),
                    transform("report", json!({"go": "{{ input.n }}"})),
                    json!({"key": "late", "type": "no_op"}),
                ];
                (nodes, "start>pause pause>ask ask.received>report ask.timeout>late")
            }
            Self::Asks => (asks(), "start>ask ask.approved>report ask.rejected>refused ask.timeout>late"),
            Self::Flaky => {
                let mut node = transform("report", json!({"share": "{{ 6 // (run.attempt - 1) }}"}));
                node["policy"] = json!({"retry": {
                    "max_attempts": 3, "backoff": "fixed", "base_seconds": 1, "max_seconds": 1,
                    "retry_on": ["EXPR_ARGUMENT"],
                }});
                (vec![start(), node], "start>report")
            }
            Self::Late => {
                let report = transform("report", json!({"go": "{{ input.n }}"}));
                (vec![start(), wait("ask", HASTY), report], "start>ask ask.received>report")
            }
            Self::Queued | Self::Skipped | Self::Newest => {
                let report = transform("report", json!({"n": "{{ nodes.start.output.n }}"}));
                (vec![start(), delay("pause", 1), report], "start>pause pause>report")
            }
            Self::Timed | Self::Replaced => {
                let trigger = json!({"key": "start", "type": "schedule"});
                let report = transform("report", json!({"at": "{{ nodes.start.output.scheduled_at }}"}));
                (vec![trigger, delay("pause", 3), report], "start>pause pause>report")
            }
            Self::Hooked => {
                let config = json!({"verify": {"scheme": "standard"}});
                let trigger = json!({"key": HOOK, "type": "webhook", "config": config});
                let report = transform("report", json!({"n": "{{ nodes.start.output.body.n }}"}));
                (vec![trigger, delay("pause", 1), report], "start>pause pause>report")
            }
        }
    }

    /// What a run with this number gets as input.
    pub(super) fn input(self, number: u64) -> Value {
        match self {
            Self::Each => json!({"n": number, "items": (0..ITEMS).collect::<Vec<_>>()}),
            Self::Nested => json!({"n": number, "rows": [[0, 1, 2], [10, 11, 12], [20, 21, 22]]}),
            _ => json!({"n": number}),
        }
    }

    /// What the node `report` gives in a run with this input, if it runs.
    pub(in crate::chaos) fn report(self, input: &Value) -> Option<Value> {
        let n = input.get("n").cloned().unwrap_or_default();
        match self {
            Self::Child => None,
            Self::Parent => Some(json!({"results": [{"n": 0}, {"n": 1}]})),
            Self::Fan => Some(json!({"n": n})),
            Self::Each => {
                let result = |item: u64| match item % 5 {
                    3 => Value::Null,
                    _ => json!({"work": {"item": item, "index": item}}),
                };
                Some(json!({"results": (0..ITEMS).map(result).collect::<Vec<_>>()}))
            }
            Self::Nested => {
                let row = |first: u64| {
                    let values = (first..first + 3).map(|value| json!({"value": value}));
                    json!({"values": values.collect::<Vec<_>>()})
                };
                Some(json!({"results": [row(0), row(10), row(20)]}))
            }
            Self::Rounds => {
                let results: Vec<_> = (0..ROUNDS).map(|round| json!({"round": round})).collect();
                Some(json!({"results": results}))
            }
            Self::Waits | Self::Late => Some(json!({"go": n})),
            Self::Asks => Some(json!({"approved": true})),
            Self::Flaky => Some(json!({"share": 6})),
            Self::Queued | Self::Skipped | Self::Newest => Some(json!({"n": n})),
            Self::Timed | Self::Replaced => Some(json!({"at": input.get("scheduled_at")})),
            Self::Hooked => Some(json!({"n": input.pointer("/body/n")})),
        }
    }
}

const CHILD: &str = "called>pause pause>inner";
const LOOP: &str = "start>each each.done>report";

/// A graph with edges such as `a>b` and `ask.approved>b`.
fn graph(nodes: Vec<Value>, edges: &str) -> Value {
    let edges = edges.split_whitespace().filter_map(|edge| {
        let (from, to) = edge.split_once('>')?;
        let (from, port) = from.split_once('.').unwrap_or((from, "main"));
        Some(json!({"from": from, "from_port": port, "to": to}))
    });
    json!({"nodes": nodes, "edges": edges.collect::<Vec<_>>()})
}

fn start() -> Value {
    json!({"key": "start", "type": "manual"})
}

fn transform(key: &str, fields: Value) -> Value {
    json!({"key": key, "type": "transform", "config": {"fields": fields}})
}

fn results(list: &str) -> Value {
    transform("report", json!({"results": list}))
}

fn delay(key: &str, seconds: u64) -> Value {
    json!({"key": key, "type": "delay", "config": {"seconds": seconds}})
}

fn wait(key: &str, seconds: u64) -> Value {
    json!({"key": key, "type": "wait_signal", "config": {"signal": SIGNAL, "timeout_seconds": seconds}})
}

fn asks() -> Vec<Value> {
    vec![
        start(),
        json!({"key": "ask", "type": "approval", "config": {"message": "Go on?", "timeout_seconds": PATIENT}}),
        transform("report", json!({"approved": "{{ input.approved }}"})),
        json!({"key": "refused", "type": "no_op"}),
        json!({"key": "late", "type": "no_op"}),
    ]
}

/// Four branches of which one is slow. `lazy` leads only to `first`, which does not wait for it.
fn fan() -> (Vec<Value>, &'static str) {
    let joining = |key: &str, join: Value| {
        let config = json!({"mode": "choose"});
        json!({"key": key, "type": "merge", "config": config, "policy": {"join": join}})
    };
    let branch = |key: &str| transform(key, json!({"n": "{{ input.n }}"}));
    let odd = json!({"left": "{{ input.n % 2 }}", "operator": "equals", "right": 1});
    let nodes = vec![
        start(),
        branch("a"),
        branch("b"),
        branch("c"),
        delay("slow", 1),
        delay("lazy", 2),
        json!({"key": "odd", "type": "condition", "config": {"when": odd}}),
        branch("yes"),
        branch("no"),
        joining("all", json!({"mode": "all"})),
        joining("some", json!({"mode": "quorum", "count": 2})),
        joining("first", json!({"mode": "any", "cancel_rest": true})),
        joining("either", json!({"mode": "all"})),
        joining("report", json!({"mode": "all"})),
    ];
    let edges = "start>a start>b start>c start>slow start>lazy start>odd odd.true>yes odd.false>no \
        a>all b>all slow>all a>some b>some slow>some c>first lazy>first yes>either no>either \
        all>report some>report first>report either>report";
    (nodes, edges)
}

fn each() -> Value {
    let fails = json!({"left": "{{ item % 5 }}", "operator": "equals", "right": 3});
    let nodes = vec![
        json!({"key": "check", "type": "condition", "config": {"when": fails}}),
        json!({"key": "refuse", "type": "stop", "config": {"message": "Item {{ item }} is refused."}}),
        transform("work", json!({"item": "{{ item }}", "index": "{{ index }}"})),
    ];
    let config = json!({"items": "{{ input.items }}", "concurrency": 3, "on_item_error": "continue"});
    let body = graph(nodes, "check.true>refuse check.false>work");
    json!({"key": "each", "type": "loop", "config": config, "body": body})
}

fn nested() -> Value {
    let pause = json!({"seconds": "{{ if_else(index == 1, 1, 0) }}"});
    let leaves = vec![
        json!({"key": "pause", "type": "delay", "config": pause}),
        transform("leaf", json!({"value": "{{ item }}"})),
    ];
    let inner = json!({
        "key": "inner", "type": "loop", "config": {"items": "{{ item }}", "concurrency": 2},
        "body": graph(leaves, "pause>leaf"),
    });
    let row = transform("row", json!({"values": "{{ input.results }}"}));
    json!({
        "key": "each", "type": "loop", "config": {"items": "{{ input.rows }}", "concurrency": 2},
        "body": graph(vec![inner, row], "inner.done>row"),
    })
}

fn rounds() -> Value {
    let when = json!({"left": "{{ index }}", "operator": "less_than", "right": ROUNDS});
    let body = graph(vec![transform("round", json!({"round": "{{ index }}"}))], "");
    json!({"key": "each", "type": "while", "config": {"when": when, "max_rounds": 10}, "body": body})
}

fn parent(child: Option<WorkflowId>) -> Value {
    let call = json!({"workflow": child, "input": {"n": "{{ item }}"}});
    let body = graph(vec![json!({"key": "call", "type": "sub_workflow", "config": call})], "");
    json!({"key": "each", "type": "loop", "config": {"items": [0, 1], "concurrency": 2}, "body": body})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn people_start_all_but_those_that_something_else_starts() {
        let names: BTreeSet<_> = Flow::ALL.iter().map(|flow| flow.name()).collect();
        assert_eq!(names.len(), Flow::ALL.len());
        for flow in [Flow::Child, Flow::Timed, Flow::Replaced, Flow::Hooked] {
            assert!(!Flow::started().contains(&flow), "{flow:?}");
        }
        assert_eq!(Flow::started().len(), Flow::ALL.len() - 4);
    }

    #[test]
    fn the_limit_is_that_of_the_document() {
        for flow in Flow::ALL {
            let document = flow.document(None);
            let limit = document.pointer("/settings/concurrency/limit").and_then(Value::as_u64);
            assert_eq!(limit, flow.limit().map(|limit| limit as u64), "{flow:?}");
        }
    }
}
