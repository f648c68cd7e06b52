use atelier_entities::{
    JobId, JobState, NodeState, RunId, RunStatus, Timestamp, WorkflowId, WorkflowVersionId,
};
use chrono::DateTime;
use serde_json::{Value, json};

use super::*;
use crate::chaos::workflows::{
    Flow,
    rows::{Attempt, End, Item, NodeJob},
};

const ENDS: &str = "an accepted run ends";
const AS_ASKED: &str = "a run ends as its graph and its people say";
const STUCK: &str = "no run has nodes that nothing moves";
const GIVES: &str = "a run gives what its graph says";
const ONE_KEY: &str = "a run is started once for one Idempotency-Key";
const NO_JOB: &str = "no job of a workflow is left";
const DECIDED: &str = "every node and edge of an ended run is decided, each edge once";
const ONE_END: &str = "a node of a run ends once";
const ONE_EFFECT: &str = "an attempt of a node has one effect";
const ATTEMPTS: &str = "each failed attempt of a node is recorded once";
const JOINS: &str = "a join runs once, and as its edges say";
const LIMITS: &str = "no more runs of a workflow are under way than its limit";
const CHILDREN: &str = "no child of a cancelled run goes on";

fn second(second: i64) -> Timestamp {
    DateTime::from_timestamp(1_000_000_000 + second, 0).expect("a moment")
}

/// The rows of one run of a workflow, which has a loop with one item, and a join behind it.
struct Story {
    rows: Rows,
    record: Record,
    run: RunId,
    workflow: WorkflowId,
}

impl Story {
    fn new(flow: Flow) -> Self {
        let (run, workflow, version) = (RunId::new(), WorkflowId::new(), WorkflowVersionId::new());
        let mut story = Self { rows: Rows::default(), record: Record::default(), run, workflow };
        story.record.note_workflow(workflow, flow);
        story.record.note_run(run);
        story.rows.runs.insert(run, story.run_row(run, version, (0, 5)));
        for (key, parent) in [("start", None), ("each", None), ("report", None), ("work", Some("each"))] {
            let parent = parent.map(str::to_owned);
            let policy = json!({"join": {"mode": "all"}});
            story.rows.graph_nodes.push(GraphNode {
                version_id: version,
                key: key.to_owned(),
                parent,
                policy,
            });
        }
        for (from, port, to) in
            [("start", "main", "each"), ("each", "done", "report"), ("start", "main", "report")]
        {
            let edge = GraphEdge {
                version_id: version,
                parent: None,
                from_node: from.to_owned(),
                from_port: port.to_owned(),
                to_node: to.to_owned(),
                to_port: "in".to_owned(),
            };
            let row = Edge { run_id: run, scope: String::new(), edge: edge.name(), taken: true, late: false };
            story.rows.edges.push(row);
            story.rows.graph_edges.push(edge);
        }
        story.rows.items.push(Item {
            run_id: run,
            scope: "each[0]".to_owned(),
            loop_node: "each".to_owned(),
        });
        for (scope, node) in [("", "start"), ("", "each"), ("each[0]", "work"), ("", "report")] {
            story.add_node(scope, node);
        }
        story
    }

    fn run_row(&self, id: RunId, version: WorkflowVersionId, (from, until): (i64, i64)) -> Run {
        Run {
            id,
            workflow_id: self.workflow,
            version_id: version,
            parent_id: None,
            parent_attempt: None,
            schedule_id: None,
            status: RunStatus::Succeeded,
            generation: 0,
            failure: None,
            input: Some(json!({"n": 1, "ask": id})),
            started_at: Some(second(from)),
            finished_at: Some(second(until)),
        }
    }

    /// A node that succeeded at its first attempt.
    fn add_node(&mut self, scope: &str, node: &str) {
        let (run_id, scope, node) = (self.run, scope.to_owned(), node.to_owned());
        let key = format!("node:{run_id}:{scope}/{node}/0.0.1");
        self.add_job(&key, JobState::Succeeded, json!({"outcome": {"done": {}}}));
        self.rows.nodes.push(Node {
            run_id,
            scope: scope.clone(),
            node: node.clone(),
            state: NodeState::Succeeded,
            generation: 0,
            round: 0,
            attempt: 1,
            output: (node == "report").then(|| json!({"n": 1})),
        });
        let states = [(None, NodeState::Ready), (Some(NodeState::Ready), NodeState::Succeeded)];
        for (was, state) in states {
            self.add_state((&scope, &node), was, state, 0);
        }
    }

    fn add_state(
        &mut self,
        (scope, node): (&str, &str),
        was: Option<NodeState>,
        state: NodeState,
        run_generation: i32,
    ) {
        self.rows.states.push(End {
            run_id: self.run,
            scope: scope.to_owned(),
            node: node.to_owned(),
            generation: 0,
            round: 0,
            was,
            state,
            run_generation,
        });
    }

    fn add_job(&mut self, key: &str, state: JobState, result: Value) {
        self.rows.jobs.push(NodeJob {
            id: JobId::new(),
            kind: "workflow.run_node".to_owned(),
            state,
            unique_key: Some(key.to_owned()),
            result: Some(result),
        });
    }

    fn run(&mut self) -> &mut Run {
        self.rows.runs.get_mut(&self.run).expect("the run")
    }

    fn node(&mut self, key: &str) -> &mut Node {
        self.rows.nodes.iter_mut().find(|node| node.node == key).expect("the node")
    }

    /// A further run of the workflow between these moments, of which nothing else is known.
    fn add_run(&mut self, times: (i64, i64)) -> &mut Run {
        let (id, version) = (RunId::new(), WorkflowVersionId::new());
        let run = self.run_row(id, version, times);
        self.rows.runs.entry(id).or_insert(run)
    }

    /// The promises that are broken.
    fn broken(&self) -> Vec<&'static str> {
        let checks = check(&self.rows, &self.record, Watch::default());
        checks.iter().filter(|check| check.broken > 0).map(|check| check.promise).collect()
    }
}

/// The promises that are broken if this happened to a run of that workflow.
fn broken(flow: Flow, happened: impl FnOnce(&mut Story)) -> Vec<&'static str> {
    let mut story = Story::new(flow);
    happened(&mut story);
    story.broken()
}

#[test]
fn a_run_that_went_well_breaks_nothing() {
    assert_eq!(broken(Flow::Queued, |_| {}), [""; 0]);
}

#[test]
fn a_run_that_never_ends_or_is_lost_is_found() {
    assert_eq!(broken(Flow::Queued, |story| story.run().status = RunStatus::Waiting), [ENDS]);
    assert_eq!(broken(Flow::Queued, |story| story.record.note_run(RunId::new())), [ENDS]);
    let left = broken(Flow::Queued, |story| story.add_job("wake:1", JobState::Scheduled, Value::Null));
    assert_eq!(left, [NO_JOB]);
}

#[test]
fn a_state_that_nobody_asked_for_is_found() {
    let cancelled = |story: &mut Story| story.run().status = RunStatus::Cancelled;
    assert_eq!(broken(Flow::Queued, cancelled), [AS_ASKED]);
    assert_eq!(broken(Flow::Newest, cancelled), [""; 0], "a newer run did that");
    let asked = |story: &mut Story| {
        cancelled(story);
        story.record.note_cancel_asked(story.run);
    };
    assert_eq!(broken(Flow::Queued, asked), [""; 0]);
    let failed = |code: &'static str| {
        move |story: &mut Story| {
            story.run().status = RunStatus::Failed;
            story.run().failure = Some(json!({"code": code}));
        }
    };
    assert_eq!(broken(Flow::Queued, failed("WAIT_TIMEOUT")), [AS_ASKED]);
    assert_eq!(broken(Flow::Queued, failed("ENGINE_STUCK")), [AS_ASKED, STUCK]);
}

#[test]
fn a_result_that_is_wrong_and_a_run_that_was_started_twice_are_found() {
    let wrong = broken(Flow::Queued, |story| story.node("report").output = Some(json!({"n": 2})));
    assert_eq!(wrong, [GIVES]);
    let twice = broken(Flow::Queued, |story| {
        let input = story.run().input.clone();
        story.add_run((20, 30)).input = input;
    });
    assert_eq!(twice, [ONE_KEY]);
}

#[test]
fn an_undecided_node_and_an_undecided_edge_are_found() {
    assert_eq!(broken(Flow::Queued, |story| story.rows.nodes.retain(|node| node.node != "work")), [DECIDED]);
    assert_eq!(broken(Flow::Queued, |story| story.node("work").state = NodeState::Waiting), [DECIDED]);
    assert_eq!(broken(Flow::Queued, |story| drop(story.rows.edges.remove(0))), [DECIDED]);
    assert_eq!(broken(Flow::Queued, |story| story.rows.changed_edges.push("an edge".to_owned())), [DECIDED]);
}

#[test]
fn an_end_that_happened_twice_is_found() {
    let again = |was, state, generation| {
        move |story: &mut Story| story.add_state(("each[0]", "work"), Some(was), state, generation)
    };
    let (ready, done, failed) = (NodeState::Ready, NodeState::Succeeded, NodeState::Failed);
    assert_eq!(broken(Flow::Queued, again(done, done, 0)), [ONE_END]);
    assert_eq!(broken(Flow::Queued, again(done, failed, 0)), [ONE_END]);
    assert_eq!(broken(Flow::Queued, again(done, ready, 0)), [ONE_END]);
    assert_eq!(broken(Flow::Queued, |story| story.rows.states.clear()), [ONE_END]);
    let retried = broken(Flow::Queued, |story| {
        story.add_state(("", "each"), Some(done), NodeState::Iterating, 0);
        story.add_state(("", "each"), Some(NodeState::Iterating), done, 1);
    });
    assert_eq!(retried, [""; 0], "a loop whose items are retried ends again");
}

#[test]
fn an_effect_that_happened_twice_is_found() {
    let job = |state, outcome: &'static str| {
        move |story: &mut Story| {
            let key = format!("node:{}:each[0]/work/0.0.1", story.run);
            story.add_job(&key, state, json!({"outcome": outcome}));
        }
    };
    assert_eq!(broken(Flow::Queued, job(JobState::Succeeded, "done")), [ONE_EFFECT]);
    assert_eq!(broken(Flow::Queued, job(JobState::Failed, "")), [ONE_EFFECT]);
    assert_eq!(broken(Flow::Queued, job(JobState::Succeeded, "held")), [""; 0], "it did nothing");
    assert_eq!(broken(Flow::Queued, job(JobState::Cancelled, "")), [""; 0]);
}

#[test]
fn failed_attempts_are_counted() {
    let failed = |attempts: &'static [i32]| {
        move |story: &mut Story| {
            story.node("work").attempt = 3;
            let run_id = story.run;
            story.rows.attempts.extend(attempts.iter().map(|attempt| Attempt {
                run_id,
                scope: "each[0]".to_owned(),
                node: "work".to_owned(),
                generation: 0,
                round: 0,
                attempt: *attempt,
            }));
        }
    };
    assert_eq!(broken(Flow::Queued, failed(&[2, 1])), [""; 0]);
    assert_eq!(broken(Flow::Queued, failed(&[1])), [ATTEMPTS]);
    assert_eq!(broken(Flow::Queued, failed(&[1, 2, 3])), [ATTEMPTS]);
}

#[test]
fn a_join_that_ran_against_its_edges_or_twice_is_found() {
    let take = |story: &mut Story, taken: bool| {
        story
            .rows
            .edges
            .iter_mut()
            .filter(|edge| edge.edge.ends_with(">report.in"))
            .for_each(|edge| edge.taken = taken);
    };
    assert_eq!(broken(Flow::Queued, |story| take(story, false)), [JOINS]);
    let skipped = |story: &mut Story| {
        story.node("report").state = NodeState::Skipped;
        let end = story.rows.states.iter_mut().find(|row| row.node == "report" && row.state.is_final());
        end.expect("its end").state = NodeState::Skipped;
    };
    assert_eq!(broken(Flow::Queued, skipped), [JOINS]);
    let neither = |story: &mut Story| {
        skipped(story);
        take(story, false);
    };
    assert_eq!(broken(Flow::Queued, neither), [""; 0]);
    let twice = |story: &mut Story| story.add_state(("", "report"), None, NodeState::Ready, 0);
    assert_eq!(broken(Flow::Queued, twice), [JOINS]);
    let quorum = |story: &mut Story| {
        let node = story.rows.graph_nodes.iter_mut().find(|node| node.key == "report").expect("the join");
        node.policy = json!({"join": {"mode": "quorum", "count": 2}});
        story.rows.edges[1].late = true;
    };
    assert_eq!(broken(Flow::Queued, quorum), [JOINS], "the second edge came too late for the quorum");
}

#[test]
fn runs_beyond_a_limit_are_found_by_their_times() {
    let with = |times: &'static [(i64, i64)]| {
        move |story: &mut Story| {
            for times in times {
                story.add_run(*times);
            }
        }
    };
    assert_eq!(broken(Flow::Queued, with(&[(1, 4), (5, 6)])), [""; 0]);
    assert_eq!(broken(Flow::Queued, with(&[(1, 4), (3, 6)])), [LIMITS]);
    assert_eq!(broken(Flow::Skipped, with(&[(4, 6)])), [LIMITS]);
}

#[test]
fn a_child_that_outlives_its_cancelled_parent_is_found() {
    let child = |until: i64| {
        move |story: &mut Story| {
            let parent = story.run;
            story.run().status = RunStatus::Cancelled;
            story.record.note_cancel_asked(parent);
            story.add_run((1, until)).parent_id = Some(parent);
        }
    };
    assert_eq!(broken(Flow::Child, child(5)), [""; 0]);
    assert_eq!(broken(Flow::Child, child(6)), [CHILDREN]);
}

#[test]
fn breaches_that_samples_saw_are_told() {
    let story = Story::new(Flow::Queued);
    let mut watch = Watch::default();
    for tally in [&mut watch.limits, &mut watch.children, &mut watch.waits] {
        tally.breaches.push("seen".to_owned());
    }

    let checks = check(&story.rows, &story.record, watch);

    let broken: Vec<_> = checks.iter().filter(|check| check.broken > 0).map(|check| check.promise).collect();
    assert_eq!(broken, [LIMITS, CHILDREN, "a wait with a time has a job that wakes it"]);
}
