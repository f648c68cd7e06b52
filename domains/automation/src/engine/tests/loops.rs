//! Loops over items.

use serde_json::json;

use super::{
    super::{ItemState, LoopClosing, LoopRun},
    *,
};
use NodeState::{Cancelled, Failed, Iterating, Ready, Skipped, Succeeded};

/// A loop `each` with the body `a > b`, and `after` behind it.
fn looped(config: serde_json::Value) -> Flow {
    Flow::new()
        .each("each", config, Flow::body().work("a b").edges("a>b"))
        .work("after")
        .edges("start>each each.done>after")
}

fn row<'a>(sim: &'a Sim, name: &str) -> &'a LoopRun {
    &sim.state.loops[&sim.place(name)]
}

fn item(sim: &Sim, scope: &str) -> ItemState {
    sim.state.items[&scope.parse().unwrap()].state
}

#[test]
fn a_path_of_a_scope_is_read_as_it_is_written() {
    let path = ScopePath::root().item("outer", 3).item("inner", 7);
    assert_eq!(path.to_string(), "outer[3].inner[7]");
    assert_eq!("outer[3].inner[7]".parse(), Ok(path.clone()));
    assert_eq!("".parse(), Ok(ScopePath::root()));
    for wrong in ["outer", "outer[x]", "outer[1].", "[1", "outer[-1]"] {
        assert!(wrong.parse::<ScopePath>().is_err(), "{wrong}");
    }
    assert!(path.is_within(&ScopePath::root().item("outer", 3)));
    assert!(!path.is_within(&ScopePath::root().item("outer", 4)));
}

#[test]
fn a_loop_runs_a_window_of_items_in_order() {
    let mut sim = looped(json!({"concurrency": 2})).start();
    sim.items("each", 3);
    assert_eq!(sim.started(), ["each[0].a", "each[1].a"]);
    sim.done("each[1].a each[1].b");
    assert_eq!(sim.started(), ["each[2].a"]);
    sim.done("each[0].a each[0].b each[2].a");
    assert_eq!(sim.states("each after"), [Some(Iterating), None]);
    sim.done("each[2].b");
    assert_eq!(sim.states("each after"), [Some(Succeeded), Some(Ready)]);
}

#[test]
fn a_loop_over_nothing_is_done_at_once() {
    let mut sim = looped(json!({})).start();
    sim.items("each", 0);
    assert_eq!(sim.states("each after"), [Some(Succeeded), Some(Ready)]);
}

#[test]
fn a_loop_over_too_many_items_fails() {
    let mut sim = looped(json!({})).start();
    sim.items("each", 10_001);
    assert_eq!(sim.state.run.failure.as_ref().unwrap().code, NodeError::TOO_MANY_ITEMS);
}

/// [n8n#362], [n8n PR#9890], [dify#4785]
#[test]
fn a_failed_item_does_not_keep_the_others_from_running_under_continue() {
    let mut sim = looped(json!({"on_item_error": "continue"})).start();
    sim.items("each", 3);
    sim.done("each[0].a each[0].b");
    sim.fail("each[1].a");
    sim.done("each[2].a each[2].b");
    assert_eq!(
        ["each[0]", "each[1]", "each[2]"].map(|scope| item(&sim, scope)),
        [ItemState::Succeeded, ItemState::Failed, ItemState::Succeeded]
    );
    assert_eq!(sim.node("each[1].b"), Some(Cancelled));
    assert_eq!(row(&sim, "each").failed, 1);
    sim.done("after");
    assert_eq!(sim.status(), RunStatus::Succeeded);
}

/// [windmill#3907], [windmill PR#9028], [KeeperHub/keeperhub#2211]
#[test]
fn nothing_behind_a_failed_loop_runs_but_its_error_branch() {
    let mut sim = looped(json!({})).start();
    sim.items("each", 3);
    sim.fail("each[0].a");
    assert_eq!(sim.status(), RunStatus::Failed);
    assert_eq!(sim.states("each after"), [Some(Failed), Some(Cancelled)]);
    assert_eq!(sim.state.run.failure.as_ref().unwrap().code, NodeError::ITEMS_FAILED);
    let flow = looped(json!({}))
        .work("rescue")
        .policy("each", json!({"on_error": "error_branch"}))
        .edges("each.error>rescue");
    let mut sim = flow.start();
    sim.items("each", 3);
    sim.fail("each[0].a");
    assert_eq!(sim.states("each after rescue"), [Some(Failed), Some(Skipped), Some(Ready)]);
}

/// [activepieces#849]
#[test]
fn a_failure_in_a_branch_of_the_body_is_a_failure_of_the_item() {
    let body = Flow::body().condition("check").work("deep").edges("check.true>deep");
    let mut sim = Flow::new().each("each", json!({}), body).edges("start>each").start();
    sim.items("each", 1);
    sim.choose("each[0].check", "true");
    sim.fail("each[0].deep");
    assert_eq!(item(&sim, "each[0]"), ItemState::Failed);
    assert_eq!(sim.node("each"), Some(Failed));
}

/// [n8n#21376], [n8n#13023]
#[test]
fn done_is_taken_once_with_the_end_of_the_last_item() {
    let mut sim = looped(json!({"concurrency": 3})).start();
    sim.items("each", 3);
    sim.done("each[2].a each[2].b each[0].a each[0].b each[1].a");
    assert_eq!(sim.edge("each.done>after"), None);
    sim.done("each[1].b");
    assert_eq!(sim.edge("each.done>after"), Some(true));
    assert_eq!(sim.started(), ["after"]);
}

/// [n8n#13121], [n8n#7546], [n8n#2943], [n8n PR#23775]
#[test]
fn an_inner_loop_runs_anew_for_each_item_of_the_outer_one() {
    let inner = Flow::body().each("inner", json!({}), Flow::body().work("a"));
    let mut sim = Flow::new().each("outer", json!({}), inner).edges("start>outer").start();
    sim.items("outer", 2);
    for scope in ["outer[0]", "outer[1]"] {
        sim.items(&format!("{scope}.inner"), 2);
        sim.done(&format!("{scope}.inner[0].a {scope}.inner[1].a"));
        assert_eq!(sim.node(&format!("{scope}.inner")), Some(Succeeded));
    }
    assert_eq!(sim.status(), RunStatus::Succeeded);
}

/// [activepieces PR#3803], [activepieces#5892], [activepieces#6697]
#[test]
fn each_delay_in_a_loop_is_kept_and_only_its_item_goes_on() {
    let delay = json!({"seconds": 5});
    let body = Flow::body().work("a").add("first", "delay", delay.clone()).add("second", "delay", delay);
    let body = body.edges("a>first first>second");
    let mut sim = Flow::new().each("each", json!({"concurrency": 2}), body).edges("start>each").start();
    sim.items("each", 2);
    sim.done("each[0].a each[1].a");
    for name in ["each[0].first", "each[1].first"] {
        sim.wait(name, WaitKind::Delay, None, Some(5));
    }
    sim.wait_seconds(5);
    let at = sim.at("each[1].first");
    sim.send(Event::Wake(at)).unwrap();
    assert_eq!(sim.started(), ["each[1].second"]);
    assert_eq!(sim.node("each[0].first"), Some(NodeState::Waiting));
    sim.wait("each[1].second", WaitKind::Delay, None, Some(5));
    assert_eq!(sim.node("each[1].second"), Some(NodeState::Waiting));
    assert_eq!(sim.row("each[1].a").attempt, 1);
}

/// [activepieces#9774]
#[test]
fn attempts_of_an_item_are_bounded_by_the_policy_of_its_node() {
    let body = Flow::body().work("a").policy("a", json!({"retry": {"max_attempts": 3}}));
    let mut sim = Flow::new()
        .each("each", json!({"on_item_error": "continue"}), body)
        .policy("each", json!({"retry": {"max_attempts": 5}}))
        .edges("start>each")
        .start();
    sim.items("each", 1);
    for attempt in 1..=3 {
        assert_eq!(sim.row("each[0].a").attempt, attempt);
        sim.fail("each[0].a");
    }
    assert_eq!(sim.states("each[0].a each"), [Some(Failed), Some(Succeeded)]);
}

/// [argoproj/argo-workflows#3644]
#[test]
fn items_under_way_finish_after_a_failure_and_no_other_starts() {
    let mut sim = looped(json!({"concurrency": 2})).start();
    sim.items("each", 5);
    sim.fail("each[0].a");
    assert!(sim.started().is_empty());
    assert_eq!(sim.node("each"), Some(Iterating));
    sim.done("each[1].a each[1].b");
    assert_eq!((item(&sim, "each[1]"), sim.node("each")), (ItemState::Succeeded, Some(Failed)));
    assert_eq!((row(&sim, "each").next, row(&sim, "each").closing), (2, Some(LoopClosing::Failed)));
}

#[test]
fn a_number_or_a_share_of_items_may_fail() {
    for (config, fatal) in [(json!({"max_failures": 1}), 2), (json!({"max_failures_percent": 50}), 3)] {
        let mut sim = looped(config).start();
        sim.items("each", 4);
        for number in 0..fatal {
            assert_eq!(sim.node("each"), Some(Iterating));
            sim.fail(&format!("each[{number}].a"));
        }
        assert_eq!(sim.node("each"), Some(Failed));
    }
}

#[test]
fn an_item_that_waits_keeps_its_place_unless_the_loop_releases_it() {
    let flow = |release| {
        let body = Flow::body().add("pause", "delay", json!({"seconds": 1}));
        Flow::new().each("each", json!({"release_while_waiting": release}), body).edges("start>each")
    };
    let mut sim = flow(false).start();
    sim.items("each", 2);
    sim.wait("each[0].pause", WaitKind::Delay, None, Some(1));
    assert!(sim.started().is_empty());
    let mut sim = flow(true).start();
    sim.items("each", 2);
    sim.wait("each[0].pause", WaitKind::Delay, None, Some(1));
    assert_eq!(sim.started(), ["each[1].pause"]);
}

#[test]
fn a_break_ends_its_item_and_the_loop_but_not_other_items_under_way() {
    let body = Flow::body()
        .condition("check")
        .add("end", "break", json!({}))
        .work("a side")
        .edges("check.true>end check.false>a");
    let flow = Flow::new()
        .each("each", json!({"concurrency": 2}), body)
        .work("after")
        .edges("start>each each.done>after");
    let mut sim = flow.start();
    sim.items("each", 9);
    sim.choose("each[0].check", "true");
    assert_eq!(
        sim.states("each[0].end each[0].side each"),
        [Some(Succeeded), Some(Cancelled), Some(Iterating)]
    );
    sim.choose("each[1].check", "false");
    sim.done("each[1].a each[1].side");
    assert_eq!(sim.states("each after"), [Some(Succeeded), Some(Ready)]);
    assert_eq!(row(&sim, "each").next, 2);
}

#[test]
fn a_break_of_the_inner_loop_leaves_the_outer_one_alone() {
    let inner = Flow::body().add("end", "break", json!({}));
    let outer = Flow::body().each("inner", json!({}), inner).work("a").edges("inner.done>a");
    let mut sim = Flow::new().each("outer", json!({}), outer).edges("start>outer").start();
    sim.items("outer", 2);
    sim.items("outer[0].inner", 5);
    assert_eq!(
        sim.states("outer[0].inner outer[0].a outer"),
        [Some(Succeeded), Some(Ready), Some(Iterating)]
    );
}

#[test]
fn a_while_asks_before_each_round_and_ends_at_its_limit() {
    let flow = || {
        let mut flow = Flow::new()
            .add(
                "again",
                "while",
                json!({"when": {"left": 1, "operator": "equals", "right": 1}, "max_rounds": 2}),
            )
            .work("after");
        flow.node("again").body = Some(Box::new(Flow::body().work("a").0));
        flow.edges("start>again again.done>after")
    };
    let mut sim = flow().start();
    sim.end("again", Outcome::Round { holds: true });
    let first = sim.at("again");
    sim.done("again[0].a");
    assert_eq!(sim.started(), ["again"]);
    assert_eq!(sim.at("again").round, 1);
    assert_eq!(sim.send(Event::Ended(first, Outcome::Round { holds: true })), Err(Refusal::Stale));
    sim.end("again", Outcome::Round { holds: false });
    assert_eq!(sim.states("again after"), [Some(Succeeded), Some(Ready)]);
    let mut sim = flow().start();
    for round in 0..2 {
        sim.end("again", Outcome::Round { holds: true });
        sim.done(&format!("again[{round}].a"));
    }
    sim.end("again", Outcome::Round { holds: true });
    assert_eq!(sim.state.run.failure.as_ref().unwrap().code, NodeError::ROUND_LIMIT);
}

#[test]
fn a_loop_of_ten_thousand_items_never_has_more_than_its_window_under_way() {
    let mut sim = looped(json!({"concurrency": 50})).disabled_body("b").start();
    sim.items("each", 10_000);
    let node = sim.place("each[0].a").1;
    let moment = Moment { now: sim.now, jitter: 0.0 };
    let mut state = sim.state;
    for number in 0..10_000 {
        let scope = ScopePath::root().item("each", number);
        let at = NodeAt { scope, node, generation: 0, round: 0, attempt: 1 };
        let done = Outcome::Done { port: None };
        step(&sim.plan, &mut state, Event::Ended(at, done), moment).unwrap();
        assert!(state.run.working <= 50);
    }
    let after = state.node(&ScopePath::root(), sim.plan.find_node("after").unwrap()).unwrap();
    assert_eq!(after.state, Ready);
    assert_eq!(state.items.len(), 10_000);
}

#[test]
fn an_item_of_disabled_nodes_ends_without_a_job() {
    let mut sim = looped(json!({})).disabled_body("a").disabled_body("b").start();
    sim.items("each", 100);
    assert_eq!(sim.states("each after"), [Some(Succeeded), Some(Ready)]);
}

#[test]
fn rows_outside_of_the_path_of_an_event_are_not_needed() {
    let mut sim = looped(json!({"concurrency": 3})).start();
    sim.items("each", 3);
    let at = sim.at("each[1].a");
    let whole = sim.clone();
    let path = |scope: &ScopePath| at.scope.is_within(scope);
    sim.state.nodes.retain(|(scope, _), _| path(scope));
    sim.state.edges.retain(|(scope, _), _| path(scope));
    sim.state.items.retain(|scope, _| path(scope));
    let event = Event::Ended(at.clone(), Outcome::Done { port: None });
    let mut of_whole = whole.clone();
    of_whole.send(event.clone()).unwrap();
    let mut of_part = sim.clone();
    of_part.send(event).unwrap();
    assert_eq!((&of_part.commands, &of_part.state.run), (&of_whole.commands, &of_whole.state.run));
    assert_eq!(of_part.state.loops, of_whole.state.loops);
    assert_eq!(sim.send(Event::Cancel), Err(Refusal::RowsMissing));
}

impl Flow {
    /// Disables a node in the body of `each`.
    fn disabled_body(mut self, key: &str) -> Self {
        let body = self.node("each").body.as_mut().unwrap();
        body.nodes.iter_mut().find(|node| node.key == key).unwrap().disabled = true;
        self
    }
}
