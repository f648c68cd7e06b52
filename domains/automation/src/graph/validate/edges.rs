//! Edges, ports and how many edges a port takes.

use std::collections::BTreeSet;

use super::{Scope, View};
use crate::graph::{
    ERROR, Edge, Fault, FaultCode, INPUT, Join, Node, OnError, PortKind,
    node_type::{Behaviour, Inputs},
};

pub(super) fn check(view: &View, faults: &mut Vec<Fault>) {
    for (index, scope) in view.scopes() {
        let mut seen = BTreeSet::new();
        for edge in &scope.graph.edges {
            if !seen.insert(edge) {
                let message = format!("The edge {} is there twice.", edge.id());
                faults.push(Fault::error(FaultCode::DuplicateEdge, message).at_edge(edge.id()));
            }
            check_ends(view, index, edge, faults);
        }
        for (place, node) in scope.graph.nodes.iter().enumerate() {
            check_inputs(view, node, scope.inbound[place].len(), faults);
            check_outputs(view, scope, node, faults);
        }
    }
}

fn check_ends(view: &View, scope: usize, edge: &Edge, faults: &mut Vec<Fault>) {
    for key in [&edge.from, &edge.to] {
        if view.place(scope, key).is_some() {
            continue;
        }
        let fault = if view.homes.contains_key(key.as_str()) {
            let message =
                format!("The edge leads to {key}, which lies in another loop or outside of this one.");
            Fault::error(FaultCode::LoopBodyEscapes, message)
        } else {
            Fault::error(FaultCode::DanglingEdge, format!("There is no node {key}."))
        };
        faults.push(fault.at_node(key).at_edge(edge.id()));
    }
    if view.place(scope, &edge.from).is_some() {
        check_output(view, edge, faults);
    }
    if view.place(scope, &edge.to).is_some() && edge.to_port != INPUT {
        let message = format!("{} has no input port {:?}; it has {INPUT}.", edge.to, edge.to_port);
        let fault = Fault::error(FaultCode::UnknownPort, message);
        faults.push(fault.at_node(&edge.to).at_edge(edge.id()).at_port(&edge.to_port));
    }
}

fn check_output(view: &View, edge: &Edge, faults: &mut Vec<Fault>) {
    let Some(shape) = view.shape(&edge.from) else { return };
    if shape.output(&edge.from_port).is_none() {
        let ports: Vec<_> = shape.outputs.iter().map(|port| port.key.as_str()).collect();
        let message =
            format!("{} has no output port {:?}; it has {}.", edge.from, edge.from_port, ports.join(", "));
        let fault = Fault::error(FaultCode::UnknownPort, message);
        faults.push(fault.at_node(&edge.from).at_edge(edge.id()).at_port(&edge.from_port));
    }
}

fn check_inputs(view: &View, node: &Node, count: usize, faults: &mut Vec<Fault>) {
    let Some(kind) = view.catalog.find(&node.kind, node.type_version) else { return };
    let is_trigger = view.shape(&node.key).is_some_and(|shape| shape.behaviour == Behaviour::Trigger);
    match kind.inputs {
        Inputs::None if count > 0 && is_trigger => {
            let message = format!("{} is a trigger, but {count} edges lead to it.", node.key);
            faults.push(Fault::error(FaultCode::TriggerHasInput, message).at_node(&node.key));
        }
        Inputs::None if count > 0 => {
            let message = format!("{} takes no edge, but {count} lead to it.", node.key);
            faults.push(Fault::error(FaultCode::PortArity, message).at_node(&node.key).at_port(INPUT));
        }
        Inputs::Several if count < 2 => {
            let message = format!("{} joins branches, but {count} edges lead to it.", node.key);
            faults.push(Fault::warning(FaultCode::MergeSingleInput, message).at_node(&node.key));
        }
        _ => {}
    }
    if let Join::Quorum { count: quorum, .. } = node.policy.join
        && usize::try_from(quorum).is_ok_and(|quorum| quorum > count)
    {
        let message = format!("{} waits for {quorum} branches, but {count} lead to it.", node.key);
        let fault = Fault::error(FaultCode::QuorumUnreachable, message);
        faults.push(fault.at_node(&node.key).at_pointer("/policy/join/count"));
    }
}

fn check_outputs(view: &View, scope: &Scope, node: &Node, faults: &mut Vec<Fault>) {
    let Some(shape) = view.shape(&node.key) else { return };
    let is_connected =
        |port: &str| scope.graph.edges.iter().any(|edge| edge.from == node.key && edge.from_port == port);
    let has_error_port = shape.outputs.iter().any(|port| port.kind == PortKind::Error);
    let branches = node.policy.on_error == OnError::ErrorBranch;
    if branches && has_error_port && !is_connected(ERROR) {
        let message = format!("Errors of {} go to its error port, which has no edge.", node.key);
        faults
            .push(Fault::error(FaultCode::ErrorBranchUnconnected, message).at_node(&node.key).at_port(ERROR));
    }
    if !branches && has_error_port && is_connected(ERROR) {
        let message = format!("An edge leaves the error port of {}, which is never taken.", node.key);
        faults
            .push(Fault::error(FaultCode::ErrorEdgeWithoutPolicy, message).at_node(&node.key).at_port(ERROR));
    }
    if node.kind == "switch" && !is_connected("default") {
        let message = format!("What no rule of {} takes leads nowhere.", node.key);
        let fault = Fault::warning(FaultCode::SwitchNoDefault, message);
        faults.push(fault.at_node(&node.key).at_port("default"));
    }
}
