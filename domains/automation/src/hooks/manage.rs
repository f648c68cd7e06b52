//! What owners do with the hooks of their workflows: addresses and secrets.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use atelier_entities::{
    Timestamp, UserId, WorkflowHookId, WorkflowId, workflow_hook_test_calls, workflow_hooks, workflows,
};
use atelier_foundation::{Actor, FieldErrors, audit, validation};
use atelier_queue::Transaction;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, QuerySelect,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::time::Instant;

use super::{
    HookError, HookView, Hooks, MAX_HOOKS, MAX_SECRET, MIN_SECRET, NewHookSecret, RotatedHook, SecretTimes,
    find::{configs_of, hash_of},
    hook_target, secrets,
    verify::new_secret,
};
use crate::{
    nodes::webhook::Webhook,
    workflows::{WorkflowError, lock_account, read_graph, versions},
};

/// How often a wait looks for a test call.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Characters of a token that are shown.
const PREFIX: usize = 6;

/// The webhooks of a workflow, by the keys of their triggers.
struct Configs {
    drafted: BTreeMap<String, Webhook>,
    published: BTreeMap<String, Webhook>,
}

impl Configs {
    /// What the published version says, or else the draft.
    fn find(&self, node: &str) -> Option<&Webhook> {
        self.published.get(node).or_else(|| self.drafted.get(node))
    }
}

impl Hooks {
    /// The webhooks of a workflow, by the keys of their triggers.
    ///
    /// # Errors
    /// If there is no such workflow.
    pub async fn list(&self, actor: &Actor, workflow: WorkflowId) -> Result<Vec<HookView>, HookError> {
        let (db, user) = (self.queue.db(), actor.person()?);
        let own = find_workflow(db, user, workflow).await?;
        let configs = configs(db, &own).await?;
        let found = workflow_hooks::Entity::find_owned_of(user, workflow).all(db).await?;
        let ids: Vec<WorkflowHookId> = found.iter().map(|row| row.id).collect();
        let mut times: BTreeMap<WorkflowHookId, Vec<SecretTimes>> = BTreeMap::new();
        for (hook, of_hook) in secrets::list_times(db, ids, self.queue.now()).await? {
            times.entry(hook).or_default().push(of_hook);
        }
        let mut rows: BTreeMap<String, workflow_hooks::Model> =
            found.into_iter().map(|row| (row.node.clone(), row)).collect();
        let keys = configs.drafted.keys().chain(configs.published.keys()).chain(rows.keys());
        let keys: BTreeSet<String> = keys.cloned().collect();
        let views = keys.into_iter().map(|node| {
            let hook = rows.remove(&node);
            let has_address = hook.as_ref().is_some_and(|hook| hook.token_hash.is_some());
            HookView {
                is_live: has_address && own.enabled && configs.published.contains_key(&node),
                scheme: configs.find(&node).map(|config| config.verify.scheme),
                secrets: hook.as_ref().and_then(|hook| times.remove(&hook.id)).unwrap_or_default(),
                hook,
                node,
            }
        });
        Ok(views.collect())
    }

    /// Gives a webhook an address, or another one: the earlier one starts nothing from then on.
    ///
    /// # Errors
    /// If the workflow has no such webhook, or the maximum number of them.
    pub async fn rotate(
        &self,
        actor: &Actor,
        workflow: WorkflowId,
        node: &str,
    ) -> Result<RotatedHook, HookError> {
        self.get_config(actor, workflow, node).await?;
        let tx = self.queue.begin().await?;
        let hook = ensure_hook(&tx, actor.person()?, workflow, node).await?;
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let revision = hook.revision + 1;
        let mut row = hook.into_active_model();
        row.token_hash = Set(Some(hash_of(&token)));
        row.token_prefix = Set(Some(token.chars().take(PREFIX).collect()));
        row.rotated_at = Set(Some(tx.now()));
        row.revision = Set(revision);
        row.updated_at = Set(tx.now());
        let hook = row.update(&*tx).await?;
        audit::record(&tx, actor, "webhook.rotate", hook_target(workflow, node), json!({})).await?;
        tx.commit().await?;
        Ok(RotatedHook { hook, token: SecretString::from(token) })
    }

    /// Sets the secret that proves the calls of a webhook, or makes one. The earlier ones stay good for a day.
    ///
    /// # Errors
    /// If the workflow has no such webhook, the secret is invalid, or this installation cannot encrypt it.
    pub async fn set_secret(
        &self,
        actor: &Actor,
        workflow: WorkflowId,
        (node, given): (&str, Option<SecretString>),
    ) -> Result<NewHookSecret, HookError> {
        let config = self.get_config(actor, workflow, node).await?;
        let is_made = given.is_none();
        let secret = match given {
            Some(given) => check_secret(&given)?,
            None => new_secret(config.verify.scheme),
        };
        let tx = self.queue.begin().await?;
        let hook = ensure_hook(&tx, actor.person()?, workflow, node).await?;
        let revision = hook.revision + 1;
        let mut row = hook.into_active_model();
        row.revision = Set(revision);
        row.updated_at = Set(tx.now());
        let hook = row.update(&*tx).await?;
        secrets::add(&*tx, &self.ring, &hook, &secret, tx.now()).await?;
        let times = secrets::list_times(&*tx, [hook.id], tx.now()).await?;
        let context = json!({"made": is_made});
        audit::record(&tx, actor, "webhook.set_secret", hook_target(workflow, node), context).await?;
        tx.commit().await?;
        let secrets = times.into_iter().map(|(_, times)| times).collect();
        Ok(NewHookSecret { made: Some(secret).filter(|_| is_made), secrets })
    }

    /// Takes the address and the secrets of a webhook away.
    ///
    /// # Errors
    /// If it has none.
    pub async fn delete(&self, actor: &Actor, workflow: WorkflowId, node: &str) -> Result<(), HookError> {
        let user = actor.person()?;
        find_workflow(self.queue.db(), user, workflow).await?;
        let tx = self.queue.begin().await?;
        let hook = lock(&tx, user, workflow, node).await?.ok_or(HookError::NoNode)?;
        secrets::delete(&*tx, hook.id).await?;
        workflow_hook_test_calls::Entity::delete_by_id(hook.id).exec(&*tx).await?;
        let revision = hook.revision + 1;
        let mut row = hook.into_active_model();
        row.token_hash = Set(None);
        row.token_prefix = Set(None);
        row.rotated_at = Set(None);
        row.revision = Set(revision);
        row.updated_at = Set(tx.now());
        row.update(&*tx).await?;
        audit::record(&tx, actor, "webhook.delete", hook_target(workflow, node), json!({})).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The last call of the test address of a webhook.
    ///
    /// # Errors
    /// If there was none, or it is not kept any more.
    pub async fn get_test_call(
        &self,
        actor: &Actor,
        workflow: WorkflowId,
        node: &str,
    ) -> Result<workflow_hook_test_calls::Model, HookError> {
        let (db, user) = (self.queue.db(), actor.person()?);
        find_workflow(db, user, workflow).await?;
        let hook = find(user, workflow, node).one(db).await?.ok_or(HookError::NoTestCall)?;
        let call = workflow_hook_test_calls::Entity::find_by_id(hook.id)
            .filter(workflow_hook_test_calls::Column::ExpiresAt.gt(self.queue.now()));
        call.one(db).await?.ok_or(HookError::NoTestCall)
    }

    /// The last call of the test address, if it came after that moment where one is given. While there is none, it
    /// looks again each second for as long as `wait`.
    ///
    /// # Errors
    /// As of [`Hooks::get_test_call`]; [`HookError::NoTestCall`] once the time is over.
    pub async fn wait_for_test_call(
        &self,
        actor: &Actor,
        (workflow, node): (WorkflowId, &str),
        after: Option<Timestamp>,
        wait: Duration,
    ) -> Result<workflow_hook_test_calls::Model, HookError> {
        let deadline = Instant::now() + wait;
        loop {
            match self.get_test_call(actor, workflow, node).await {
                Ok(call) if after.is_none_or(|after| call.received_at > after) => return Ok(call),
                Ok(_) | Err(HookError::NoTestCall) => {}
                Err(error) => return Err(error),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(HookError::NoTestCall);
            }
            tokio::time::sleep(LOOK_AGAIN.min(left)).await;
        }
    }

    /// What a webhook of the actor's workflow is told.
    async fn get_config(
        &self,
        actor: &Actor,
        workflow: WorkflowId,
        node: &str,
    ) -> Result<Webhook, HookError> {
        let db = self.queue.db();
        let own = find_workflow(db, actor.person()?, workflow).await?;
        let configs = configs(db, &own).await?;
        configs.find(node).cloned().ok_or(HookError::NoNode)
    }
}

fn check_secret(given: &SecretString) -> Result<SecretString, HookError> {
    let checked = validation::line(given.expose_secret(), MIN_SECRET, MAX_SECRET);
    let checked = checked.map_err(|problem| FieldErrors::of("secret", problem))?;
    Ok(SecretString::from(checked))
}

async fn find_workflow(
    db: &impl ConnectionTrait,
    user: UserId,
    id: WorkflowId,
) -> Result<workflows::Model, HookError> {
    let own = workflows::Entity::find_owned_by_id(user, id).one(db).await?;
    own.ok_or(HookError::Workflow(WorkflowError::NotFound))
}

async fn configs(db: &impl ConnectionTrait, workflow: &workflows::Model) -> Result<Configs, HookError> {
    let drafted = configs_of(&read_graph(db, workflow.draft_id).await?);
    let published = match workflow.published_id {
        Some(id) => versions::load(db, id).await?.map(|version| configs_of(&version.graph)),
        None => None,
    };
    Ok(Configs { drafted, published: published.unwrap_or_default() })
}

fn find(user: UserId, workflow: WorkflowId, node: &str) -> sea_orm::Select<workflow_hooks::Entity> {
    workflow_hooks::Entity::find_owned_of(user, workflow).filter(workflow_hooks::Column::Node.eq(node))
}

async fn lock(
    tx: &Transaction,
    user: UserId,
    workflow: WorkflowId,
    node: &str,
) -> Result<Option<workflow_hooks::Model>, HookError> {
    Ok(find(user, workflow, node).lock_exclusive().one(&**tx).await?)
}

/// The row of a webhook, locked. It is made if there is none: then the account is locked, so that two commands
/// at once do not exceed the limit.
async fn ensure_hook(
    tx: &Transaction,
    user: UserId,
    workflow: WorkflowId,
    node: &str,
) -> Result<workflow_hooks::Model, HookError> {
    if let Some(found) = lock(tx, user, workflow, node).await? {
        return Ok(found);
    }
    lock_account(tx, user).await?;
    if let Some(found) = lock(tx, user, workflow, node).await? {
        return Ok(found);
    }
    if workflow_hooks::Entity::find_owned_of(user, workflow).count(&**tx).await? >= MAX_HOOKS {
        return Err(HookError::TooMany);
    }
    let row = workflow_hooks::ActiveModel {
        id: Set(WorkflowHookId::new()),
        workflow_id: Set(workflow),
        user_id: Set(user),
        node: Set(node.to_owned()),
        token_hash: Set(None),
        token_prefix: Set(None),
        revision: Set(0),
        rotated_at: Set(None),
        last_called_at: Set(None),
        created_at: Set(tx.now()),
        updated_at: Set(tx.now()),
    };
    Ok(row.insert(&**tx).await?)
}
