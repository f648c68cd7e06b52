//! What is wrong with a graph that only the database tells: other workflows, projects, secrets, credentials.

use std::collections::{BTreeMap, BTreeSet};

use atelier_entities::{
    IntegrationId, ProjectId, UserId, WorkflowId, WorkflowVersionId, integrations, projects, workflow_nodes,
    workflows,
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use serde_json::Value;

use super::Workflows;
use crate::{
    expression::Parameter,
    graph::{Catalog, Fault, FaultCode, Graph, Node, validate},
    integrations::INTEGRATION,
    nodes::{kinds_for, kinds_with_integration},
};

/// How deep workflows may call each other.
const MAX_CALL_DEPTH: usize = 10;
/// The type of a node that runs another workflow, and the field that names it.
const SUB_WORKFLOW: (&str, &str) = ("sub_workflow", "workflow");
/// The trigger of a workflow that others run.
const CALLED: &str = "called";
/// The types of nodes that name a project, and the field.
const OF_PROJECT: [(&str, &str); 2] = [("deploy_app", "project"), ("generate_app", "project")];

/// The fields that name something of this installation, by the type of the node.
pub(super) fn installation_fields() -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_integration = kinds_with_integration().map(|kind| (kind, INTEGRATION));
    OF_PROJECT.into_iter().chain([SUB_WORKFLOW]).chain(of_integration)
}

/// Whether a node of the graph runs another workflow.
pub(super) fn calls_others(graph: &Graph) -> bool {
    graph.all_nodes().any(|node| node.kind == SUB_WORKFLOW.0)
}

impl Workflows {
    /// Everything that is wrong with the graph of a workflow.
    pub(super) async fn list_faults(
        &self,
        db: &impl ConnectionTrait,
        workflow: &workflows::Model,
        graph: &Graph,
    ) -> Result<Vec<Fault>, DbErr> {
        let mut faults = validate::size_faults(graph);
        if !faults.is_empty() {
            return Ok(faults);
        }
        faults = validate(graph, &self.catalog);
        let nodes: Vec<&Node> = graph.all_nodes().collect();
        faults.extend(nodes.iter().flat_map(|node| secret_faults(node)));
        faults.extend(credential_faults(db, workflow.user_id, &nodes).await?);
        faults.extend(project_faults(db, workflow.user_id, &nodes).await?);
        faults.extend(call_faults(db, workflow, &nodes, &self.catalog).await?);
        Ok(faults)
    }
}

/// There are no secrets yet, so that every name is unknown.
fn secret_faults(node: &Node) -> Vec<Fault> {
    let Ok(parameter) = Parameter::parse(&Value::Object(node.config.clone())) else { return Vec::new() };
    let references = parameter.references();
    let named: BTreeSet<(&str, &str)> = references
        .iter()
        .filter_map(|reference| Some((reference.pointer.as_str(), reference.secret()?)))
        .collect();
    let fault = |(pointer, name): (&str, &str)| {
        Fault::error(FaultCode::SecretUnknown, format!("There is no secret {name}."))
            .at_node(&node.key)
            .at_pointer(format!("/config{pointer}"))
    };
    named.into_iter().map(fault).collect()
}

/// Integrations that the person does not have, and those of a type that the node cannot use.
async fn credential_faults(
    db: &impl ConnectionTrait,
    user: UserId,
    nodes: &[&Node],
) -> Result<Vec<Fault>, DbErr> {
    use integrations::Column;
    let named: Vec<_> = nodes
        .iter()
        .filter_map(|node| Some((*node, kinds_for(&node.kind)?, literal(node, INTEGRATION)?)))
        .collect();
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let ids: BTreeSet<IntegrationId> = named.iter().filter_map(|(.., text)| text.parse().ok()).collect();
    let own: Vec<(IntegrationId, String)> = integrations::Entity::find_owned(user)
        .select_only()
        .columns([Column::Id, Column::Kind])
        .filter(Column::Id.is_in(ids))
        .into_tuple()
        .all(db)
        .await?;
    let own: BTreeMap<IntegrationId, String> = own.into_iter().collect();
    let faults = named.into_iter().filter_map(|(node, kinds, text)| {
        let found = text.parse().ok().and_then(|id: IntegrationId| own.get(&id));
        let fault = match found {
            None => Fault::error(FaultCode::CredentialMissing, format!("You have no integration {text:?}.")),
            Some(kind) if kinds.contains(&kind.as_str()) => return None,
            Some(kind) => Fault::error(
                FaultCode::CredentialWrongType,
                format!("Nodes of the type {} cannot use an integration of the type {kind}.", node.kind),
            ),
        };
        Some(fault.at_node(&node.key).at_pointer(format!("/config/{INTEGRATION}")))
    });
    Ok(faults.collect())
}

/// The text of a field, if it is one and no expression.
fn literal<'a>(node: &'a Node, field: &str) -> Option<&'a str> {
    node.config.get(field)?.as_str().filter(|text| !text.contains("{{"))
}

async fn project_faults(
    db: &impl ConnectionTrait,
    user: UserId,
    nodes: &[&Node],
) -> Result<Vec<Fault>, DbErr> {
    let named: Vec<_> = nodes
        .iter()
        .filter_map(|node| {
            let (_, field) = OF_PROJECT.into_iter().find(|(kind, _)| *kind == node.kind)?;
            Some((*node, field, literal(node, field)?))
        })
        .collect();
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let ids: BTreeSet<ProjectId> = named.iter().filter_map(|(_, _, text)| text.parse().ok()).collect();
    let own: Vec<ProjectId> = projects::Entity::find_owned(user)
        .select_only()
        .column(projects::Column::Id)
        .filter(projects::Column::Id.is_in(ids))
        .into_tuple()
        .all(db)
        .await?;
    let is_own = |text: &str| text.parse().is_ok_and(|id| own.contains(&id));
    let faults = named.into_iter().filter(|(_, _, text)| !is_own(text)).map(|(node, field, text)| {
        let fault = Fault::error(FaultCode::ProjectMissing, format!("You have no project {text:?}."));
        fault.at_node(&node.key).at_pointer(format!("/config/{field}"))
    });
    Ok(faults.collect())
}

/// What a workflow that can be called calls itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Callee {
    calls: BTreeSet<WorkflowId>,
    /// Whether it has a trigger for calls.
    has_trigger: bool,
}

async fn call_faults(
    db: &impl ConnectionTrait,
    workflow: &workflows::Model,
    nodes: &[&Node],
    catalog: &Catalog,
) -> Result<Vec<Fault>, DbErr> {
    let (kind, field) = SUB_WORKFLOW;
    let calls: Vec<_> = nodes
        .iter()
        .filter(|node| node.kind == kind && catalog.find(kind, node.type_version).is_some())
        .filter_map(|node| Some((*node, literal(node, field)?)))
        .collect();
    let targets: BTreeSet<WorkflowId> = calls.iter().filter_map(|(_, text)| text.parse().ok()).collect();
    let known = read_callees(db, workflow.user_id, targets).await?;
    let faults = calls.into_iter().filter_map(|(node, text)| {
        let (code, message) = call_fault(workflow.id, text, &known)?;
        let fault = Fault::error(code, message);
        Some(fault.at_node(&node.key).at_pointer(format!("/config/{field}")))
    });
    Ok(faults.collect())
}

/// What is wrong with the call of a workflow.
fn call_fault(
    own: WorkflowId,
    target: &str,
    known: &BTreeMap<WorkflowId, Callee>,
) -> Option<(FaultCode, String)> {
    let missing = |message: String| Some((FaultCode::SubworkflowMissing, message));
    let Ok(target) = target.parse::<WorkflowId>() else {
        return missing(format!("{target:?} is not the id of a workflow."));
    };
    if target != own {
        match known.get(&target) {
            None => return missing(format!("You have no published workflow {target}.")),
            Some(Callee { has_trigger: false, .. }) => {
                return missing(format!("The workflow {target} has no trigger of the type {CALLED}."));
            }
            Some(_) => {}
        }
    }
    recursion(own, target, known).map(|message| (FaultCode::SubworkflowRecursive, message))
}

/// Whether the calls lead back, or too deep.
fn recursion(own: WorkflowId, target: WorkflowId, known: &BTreeMap<WorkflowId, Callee>) -> Option<String> {
    let mut level = BTreeSet::from([target]);
    for _ in 0..MAX_CALL_DEPTH {
        if level.contains(&own) {
            return Some(format!("The workflow {target} leads back to this one."));
        }
        level =
            level.iter().filter_map(|id| known.get(id)).flat_map(|callee| &callee.calls).copied().collect();
        if level.is_empty() {
            return None;
        }
    }
    Some(format!("The calls from {target} on are more than {MAX_CALL_DEPTH} levels deep."))
}

/// The published workflows among these and those that they call, in two statements for each level.
async fn read_callees(
    db: &impl ConnectionTrait,
    user: UserId,
    mut level: BTreeSet<WorkflowId>,
) -> Result<BTreeMap<WorkflowId, Callee>, DbErr> {
    let mut known = BTreeMap::new();
    for _ in 0..MAX_CALL_DEPTH {
        level.retain(|id| !known.contains_key(id));
        if level.is_empty() {
            break;
        }
        let published: Vec<(WorkflowId, WorkflowVersionId)> = workflows::Entity::find_owned(user)
            .select_only()
            .column(workflows::Column::Id)
            .column(workflows::Column::PublishedId)
            .filter(workflows::Column::Id.is_in(std::mem::take(&mut level)))
            .filter(workflows::Column::PublishedId.is_not_null())
            .into_tuple()
            .all(db)
            .await?;
        let mut callees = read_calls(db, published.iter().map(|(_, version)| *version)).await?;
        for (id, version) in published {
            let callee = callees.remove(&version).unwrap_or_default();
            level.extend(&callee.calls);
            known.insert(id, callee);
        }
    }
    Ok(known)
}

async fn read_calls(
    db: &impl ConnectionTrait,
    versions: impl Iterator<Item = WorkflowVersionId>,
) -> Result<BTreeMap<WorkflowVersionId, Callee>, DbErr> {
    let (kind, field) = SUB_WORKFLOW;
    let nodes: Vec<(WorkflowVersionId, String, Value)> = workflow_nodes::Entity::find()
        .select_only()
        .column(workflow_nodes::Column::VersionId)
        .column(workflow_nodes::Column::Kind)
        .column(workflow_nodes::Column::Config)
        .filter(workflow_nodes::Column::VersionId.is_in(versions))
        .filter(workflow_nodes::Column::Kind.is_in([kind, CALLED]))
        .filter(workflow_nodes::Column::Disabled.eq(false))
        .into_tuple()
        .all(db)
        .await?;
    let mut found: BTreeMap<WorkflowVersionId, Callee> = BTreeMap::new();
    for (version, of, config) in nodes {
        let callee = found.entry(version).or_default();
        callee.has_trigger |= of == CALLED;
        callee.calls.extend(config[field].as_str().and_then(|text| text.parse::<WorkflowId>().ok()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callee(calls: &[WorkflowId]) -> Callee {
        Callee { calls: calls.iter().copied().collect(), has_trigger: true }
    }

    #[test]
    fn calls_may_neither_lead_back_nor_too_deep() {
        let ids: Vec<_> = (0..12).map(|_| WorkflowId::new()).collect();
        let chain = |length: usize| {
            let calls = |place: usize| if place + 1 < length { vec![ids[place + 1]] } else { Vec::new() };
            (0..length).map(|place| (ids[place], callee(&calls(place)))).collect::<BTreeMap<_, _>>()
        };
        let own = WorkflowId::new();

        assert_eq!(recursion(own, ids[0], &chain(10)), None);
        assert!(recursion(own, ids[0], &chain(11)).is_some_and(|message| message.contains("deep")));
        let mut back = chain(3);
        back.insert(ids[2], callee(&[own]));
        assert!(recursion(own, ids[0], &back).is_some_and(|message| message.contains("leads back")));
        assert!(recursion(own, own, &BTreeMap::new()).is_some());
        // Two others that call each other never end either.
        let circle = [(ids[0], callee(&[ids[1]])), (ids[1], callee(&[ids[0]]))].into();
        assert!(recursion(own, ids[0], &circle).is_some());
    }
}
