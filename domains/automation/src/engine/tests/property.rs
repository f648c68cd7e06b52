//! Made-up graphs, outcomes and orders of arrival.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// One node of a made-up graph, in numbers.
#[derive(Clone, Debug)]
struct Part {
    kind: u8,
    /// Which of the nodes before it lead to it, and by which of their ports.
    sources: Vec<(u8, u8)>,
    join: u8,
    on_error: u8,
    disabled: bool,
    body: Vec<Part>,
}

fn parts(depth: u32) -> BoxedStrategy<Vec<Part>> {
    let body = if depth == 0 { Just(Vec::new()).boxed() } else { parts(depth - 1) };
    let sources = prop::collection::vec(any::<(u8, u8)>(), 1..4);
    let part = (any::<u8>(), sources, any::<u8>(), any::<u8>(), prop::bool::weighted(0.1), body);
    let part = part.prop_map(|(kind, sources, join, on_error, disabled, body)| Part {
        kind,
        sources,
        join,
        on_error,
        disabled,
        body,
    });
    prop::collection::vec(part, 1..7).boxed()
}

/// Whether a made-up graph may hold what makes the end depend on the order: failures that stop a scope,
/// joins that cancel the rest, and breaks.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Matters,
    DoesNotMatter,
}

const PORTS: &[&str] = &["main", "error"];

/// The ports of a kind, the ones that an outcome may choose first.
fn kind_of(
    part: &Part,
    in_body: bool,
    order: Order,
) -> (&'static str, serde_json::Value, &'static [&'static str]) {
    let on_item_error =
        if order == Order::Matters && part.on_error.is_multiple_of(2) { "stop" } else { "continue" };
    match part.kind % 8 {
        0 | 1 => (
            "condition",
            json!({"when": {"left": 1, "operator": "equals", "right": 1}}),
            &["true", "false", "error"],
        ),
        2 if !part.body.is_empty() => {
            let config =
                json!({"items": [], "concurrency": 1 + part.join % 3, "on_item_error": on_item_error});
            ("loop", config, &["done", "error"])
        }
        3 if !part.body.is_empty() => (
            "while",
            json!({"when": {"left": 1, "operator": "equals", "right": 1}, "on_item_error": on_item_error}),
            &["done", "error"],
        ),
        4 => ("no_op", json!({}), &PORTS[..1]),
        5 if in_body && order == Order::Matters => ("break", json!({}), &[]),
        6 => ("delay", json!({"seconds": 1}), PORTS),
        _ => ("transform", json!({"fields": {}}), PORTS),
    }
}

fn build(parts: &[Part], prefix: &str, in_body: bool, order: Order) -> Graph {
    let mut flow = if in_body { Flow::body() } else { Flow::new() };
    let mut before: Vec<(String, &[&str])> =
        if in_body { vec![] } else { vec![("start".into(), &PORTS[..1])] };
    for (place, part) in parts.iter().enumerate() {
        let key = format!("{prefix}{place}");
        let (kind, config, ports) = kind_of(part, in_body, order);
        flow = flow.add(&key, kind, config);
        for (source, port) in &part.sources {
            let Some((from, ports)) =
                before.get(usize::from(*source) % (before.len() + usize::from(in_body)))
            else {
                continue;
            };
            let Some(port) = ports.get(usize::from(*port) % ports.len().max(1)) else { continue };
            let edge =
                Edge { from: from.clone(), from_port: (*port).into(), to: key.clone(), to_port: "in".into() };
            if !flow.0.edges.contains(&edge) {
                flow.0.edges.push(edge);
            }
        }
        let stops = order == Order::Matters;
        let on_error = ["continue", "error_branch", if stops { "stop" } else { "continue" }]
            [usize::from(part.on_error % 3)];
        let rest = stops && part.join.is_multiple_of(2);
        let join = match part.join % 4 {
            0 | 1 => json!({"mode": "all"}),
            2 => json!({"mode": "any", "cancel_rest": rest}),
            _ => json!({"mode": "quorum", "count": 2, "cancel_rest": rest}),
        };
        flow = flow.policy(&key, json!({"on_error": on_error, "join": join, "retry": {"max_attempts": 2}}));
        let node = flow.node(&key);
        node.disabled = part.disabled;
        if matches!(kind, "loop" | "while") {
            node.body = Some(Box::new(build(&part.body, &format!("{key}_"), true, order)));
        }
        before.push((key, ports));
    }
    flow.0
}

/// The same outcome for the same attempt, in whatever order attempts end.
fn outcome(plan: &Plan, at: &NodeAt, seed: u64) -> Outcome {
    let mut hash = seed;
    for byte in format!("{}{}{}{}", at.scope, plan.key(at.node), at.round, at.attempt).bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 29;
    if hash.is_multiple_of(4) {
        return Outcome::Failed(NodeError::new("BROKEN", ""));
    }
    let chance = u32::try_from((hash >> 8) % 4).unwrap_or_default();
    match plan.node(at.node).shape.behaviour {
        crate::graph::Behaviour::Loop(_) => Outcome::Items { count: chance },
        crate::graph::Behaviour::While(_) => Outcome::Round { holds: at.round < chance },
        crate::graph::Behaviour::Work { chooses: true } => {
            Outcome::Done { port: Some(["true", "false"][(chance % 2) as usize].into()) }
        }
        _ if plan.first_output(at.node) == Some("main") && chance == 3 => {
            Outcome::Wait(WaitRequest { kind: WaitKind::Delay, key: None, due: Some(DateTime::UNIX_EPOCH) })
        }
        _ => Outcome::Done { port: None },
    }
}

/// Ends one attempt or wait that is under way. Whether the run goes on.
fn advance(sim: &mut Sim, seed: u64, number: usize) -> bool {
    if sim.status().is_final() {
        return false;
    }
    let rows = sim.state.nodes.iter();
    let under_way: Vec<_> = rows
        .filter(|(_, row)| row.state.is_working() || row.state == NodeState::Waiting)
        .map(|((scope, node), row)| {
            let (generation, round, attempt) = (row.generation, row.round, row.attempt);
            (NodeAt { scope: scope.clone(), node: *node, generation, round, attempt }, row.state)
        })
        .collect();
    let working = under_way.iter().filter(|(_, state)| state.is_working()).count();
    let counted = (sim.state.run.working as usize, sim.state.run.waiting as usize);
    assert_eq!(counted, (working, under_way.len() - working));
    let (at, state) = under_way[number % under_way.len()].clone();
    let event = match state {
        NodeState::Waiting => Event::Wake(at),
        _ => {
            let outcome = outcome(&sim.plan, &at, seed);
            Event::Ended(at, outcome)
        }
    };
    sim.send(event).unwrap();
    true
}

/// Ends attempts and waits in the order that the numbers say, until the run has ended.
fn go_on(mut sim: Sim, seed: u64, order: &mut impl Iterator<Item = usize>) -> Sim {
    let mut steps = 0;
    while advance(&mut sim, seed, order.next().unwrap_or_default()) {
        steps += 1;
        assert!(steps < 20_000, "the run does not end");
    }
    sim
}

fn begin(plan: &Plan) -> Sim {
    let mut sim = Sim::of(plan.clone());
    let trigger = plan.find_node("start").unwrap();
    sim.send(Event::Start { trigger }).unwrap();
    sim
}

/// Fails if a node or an edge of a scope that was entered is undecided.
fn assert_decided(sim: &Sim) {
    let items = sim.state.items.keys().cloned();
    for scope in items.chain([ScopePath::root()]) {
        for &node in sim.plan.nodes_of(&scope) {
            assert!(sim.state.is_decided(&scope, node), "{scope}.{} is undecided", sim.plan.key(node));
            for &edge in sim.plan.outbound(node) {
                assert!(
                    sim.state.edge(&scope, edge).is_some(),
                    "{scope}: {:?} is undecided",
                    sim.plan.ends(edge)
                );
            }
        }
    }
    let failure = sim.state.run.failure.as_ref().map(|failure| failure.code.as_str());
    assert_ne!(failure, Some(super::super::Failure::ENGINE_STUCK));
    assert_eq!((sim.state.run.working, sim.state.run.waiting), (0, 0));
}

/// The end of a run, without what depends on the order by its nature: which edges came late.
fn end_of(sim: &Sim) -> (RunStatus, BTreeMap<String, String>) {
    let nodes = sim.state.nodes.iter().map(|((scope, node), row)| {
        (
            format!("{scope}.{}", sim.plan.key(*node)),
            format!("{:?} {} {:?}", row.state, row.attempt, row.port),
        )
    });
    let edges =
        sim.state.edges.iter().map(|((scope, edge), row)| {
            (format!("{scope}#{}", edge.0), format!("{} {}", row.taken, row.error))
        });
    let items = sim.state.items.iter().map(|(scope, row)| (format!("{scope}"), format!("{:?}", row.state)));
    (sim.status(), nodes.chain(edges).chain(items).collect())
}

proptest! {
    #[test]
    fn every_order_of_arrivals_leads_to_one_end(
        parts in parts(2),
        seed in any::<u64>(),
        orders in prop::collection::vec(prop::collection::vec(any::<u16>(), 1..60), 3),
    ) {
        let plan = Plan::new(&build(&parts, "n", false, Order::DoesNotMatter), &catalog()).unwrap();
        let first = go_on(begin(&plan), seed, &mut std::iter::repeat(0));
        assert_decided(&first);
        prop_assert_eq!(first.status(), RunStatus::Succeeded);
        for order in orders {
            let other = go_on(begin(&plan), seed, &mut order.into_iter().cycle().map(usize::from));
            assert_decided(&other);
            prop_assert_eq!(end_of(&first), end_of(&other));
        }
    }

    #[test]
    fn every_run_ends_with_every_node_and_edge_decided(
        parts in parts(2),
        seed in any::<u64>(),
        order in prop::collection::vec(any::<u16>(), 1..60),
        retries in 0_usize..3,
    ) {
        let plan = Plan::new(&build(&parts, "n", false, Order::Matters), &catalog()).unwrap();
        let mut order = order.into_iter().cycle().map(usize::from);
        let mut sim = go_on(begin(&plan), seed, &mut order);
        assert_decided(&sim);
        for retry in 1..=retries {
            if sim.status() != RunStatus::Failed {
                break;
            }
            sim.send(Event::RetryFailed).unwrap();
            sim = go_on(sim, seed.wrapping_add(retry as u64), &mut order);
            assert_decided(&sim);
        }
    }

    #[test]
    fn a_cancel_at_any_moment_leaves_nothing_under_way(
        parts in parts(2),
        seed in any::<u64>(),
        order in prop::collection::vec(any::<u16>(), 0..30),
    ) {
        let plan = Plan::new(&build(&parts, "n", false, Order::Matters), &catalog()).unwrap();
        let mut sim = begin(&plan);
        for number in order {
            if !advance(&mut sim, seed, usize::from(number)) {
                break;
            }
        }
        if !sim.status().is_final() {
            sim.send(Event::Cancel).unwrap();
        }
        assert_decided(&sim);
    }
}
