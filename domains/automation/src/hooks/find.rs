//! Finding the hook of an address, by the rows as they are now.

use std::collections::BTreeMap;

use atelier_entities::{WorkflowId, workflow_hooks, workflows};
use atelier_queue::metrics::workflows as metrics;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use sha2::{Digest, Sha256};

use super::{HookError, Hooks, TESTS_PER_MINUTE};
use crate::{
    graph::{Graph, WEBHOOK, node_type::read_config},
    nodes::webhook::{Response, Webhook},
    workflows::{read_graph, versions},
};

/// Most bytes of a token that is looked up.
const MAX_TOKEN: usize = 100;

/// A hook that was found by the token of its address.
#[derive(Clone, Debug)]
pub struct FoundHook {
    pub(super) hook: workflow_hooks::Model,
    pub(super) config: Webhook,
    pub(super) is_test: bool,
}

impl FoundHook {
    /// The workflow, by which calls are counted.
    #[must_use]
    pub const fn workflow(&self) -> WorkflowId {
        self.hook.workflow_id
    }

    /// Most calls in a minute.
    #[must_use]
    pub const fn rate_per_minute(&self) -> u32 {
        if self.is_test { TESTS_PER_MINUTE } else { self.config.rate_per_minute }
    }

    /// Whether the sender waits for the answer of a node.
    #[must_use]
    pub fn waits_for_answer(&self) -> bool {
        !self.is_test && self.config.response == Response::Answer
    }
}

impl Hooks {
    /// The hook of an address that starts runs now: its workflow is enabled, and its published version has the
    /// trigger.
    ///
    /// # Errors
    /// If there is none. Why is not told.
    pub async fn find(&self, token: &str) -> Result<FoundHook, HookError> {
        counted(self.find_live(token).await?)
    }

    /// The hook of a test address: the draft of its workflow has the trigger.
    ///
    /// # Errors
    /// If there is none. Why is not told.
    pub async fn find_test(&self, token: &str) -> Result<FoundHook, HookError> {
        counted(self.find_drafted(token).await?)
    }

    async fn find_live(&self, token: &str) -> Result<Option<FoundHook>, HookError> {
        let Some((hook, workflow)) = self.find_rows(token).await? else { return Ok(None) };
        let published = workflow.published_id.filter(|_| workflow.enabled);
        let Some(published) = published else { return Ok(None) };
        let Some(version) = versions::load(self.queue.db(), published).await? else { return Ok(None) };
        let config = config_of(&version.graph, &hook.node);
        Ok(config.map(|config| FoundHook { hook, config, is_test: false }))
    }

    async fn find_drafted(&self, token: &str) -> Result<Option<FoundHook>, HookError> {
        let Some((hook, workflow)) = self.find_rows(token).await? else { return Ok(None) };
        let graph = read_graph(self.queue.db(), workflow.draft_id).await?;
        let config = config_of(&graph, &hook.node);
        Ok(config.map(|config| FoundHook { hook, config, is_test: true }))
    }

    async fn find_rows(
        &self,
        token: &str,
    ) -> Result<Option<(workflow_hooks::Model, workflows::Model)>, HookError> {
        if token.len() > MAX_TOKEN {
            return Ok(None);
        }
        let db = self.queue.db();
        let by_token = workflow_hooks::Column::TokenHash.eq(hash_of(token));
        let Some(hook) = workflow_hooks::Entity::find().filter(by_token).one(db).await? else {
            return Ok(None);
        };
        let workflow = find_workflow(db, hook.workflow_id).await?;
        Ok(workflow.map(|workflow| (hook, workflow)))
    }
}

fn counted(found: Option<FoundHook>) -> Result<FoundHook, HookError> {
    if found.is_none() {
        metrics::hook_called("unknown");
    }
    found.ok_or(HookError::NotFound)
}

async fn find_workflow(
    db: &impl ConnectionTrait,
    id: WorkflowId,
) -> Result<Option<workflows::Model>, HookError> {
    let there = workflows::Entity::find_by_id(id).filter(workflows::Column::DeletedAt.is_null());
    Ok(there.one(db).await?)
}

/// What an enabled webhook of a graph is told.
fn config_of(graph: &Graph, node: &str) -> Option<Webhook> {
    read_config(graph.find_trigger_of(WEBHOOK, node)?.config.clone()).ok()
}

/// What the enabled webhooks of a graph are told, by their keys.
pub(super) fn configs_of(graph: &Graph) -> BTreeMap<String, Webhook> {
    let keys = graph.nodes.iter().map(|node| &node.key);
    keys.filter_map(|key| Some((key.clone(), config_of(graph, key)?))).collect()
}

/// What a row keeps of a token.
pub(super) fn hash_of(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}
