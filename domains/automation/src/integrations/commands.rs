use std::collections::{BTreeMap, BTreeSet};

use atelier_entities::{IntegrationId, UserId, integration_secrets, integrations, jobs, users};
use atelier_foundation::{Actor, Page, audit, paging::fetch};
use atelier_queue::{NewJob, QueueError, Transaction};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryOrder, QuerySelect,
};
use secrecy::SecretString;
use serde_json::json;

use super::{
    Integration, IntegrationChanges, IntegrationError, Integrations, MAX_INTEGRATIONS, SecretInfo,
    TestIntegration,
    check::{Before, Wanted, apply},
    hosts::HostRule,
    integration_target,
    kinds::{Kind, Settings, Test, find_kind, oauth2_client_credentials::ACCESS_TOKEN},
    secrets::{self, NewSecret, Owned},
    usage,
};

/// The input for a new integration.
#[derive(Debug, Default)]
pub struct NewIntegration {
    /// The name of its type.
    pub kind: String,
    /// 1 to [`MAX_NAME`](super::MAX_NAME) characters.
    pub name: String,
    /// Settings by their names.
    pub settings: BTreeMap<String, Option<String>>,
    /// Secrets by their names.
    pub secrets: BTreeMap<String, Option<SecretString>>,
    /// Where its credentials may be sent; none for what its type says.
    pub allowed_hosts: Option<Vec<String>>,
}

impl Integrations {
    /// Creates an integration.
    ///
    /// # Errors
    /// If a field is invalid, if the person has the maximum number of integrations, or if the
    /// installation has no key to encrypt secrets.
    pub async fn create(
        &self,
        actor: &Actor,
        input: NewIntegration,
    ) -> Result<Integration, IntegrationError> {
        let user = actor.person()?;
        let kind = find_kind(&input.kind).ok_or(IntegrationError::UnknownKind)?;
        let changes = IntegrationChanges {
            name: Some(input.name),
            settings: input.settings,
            secrets: input.secrets,
            allowed_hosts: Some(input.allowed_hosts),
        };
        let wanted = apply(kind, &Before::default(), changes)?;
        let tx = self.queue.begin().await?;
        ensure_room(&tx, user).await?;
        let row = integrations::ActiveModel {
            id: Set(IntegrationId::new()),
            user_id: Set(user),
            name: Set(wanted.name.clone()),
            kind: Set(kind.name.to_owned()),
            settings: Set(json!(wanted.settings)),
            allowed_hosts: Set(json!(wanted.hosts)),
            revision: Set(1),
            token_lease_until: Set(None),
            last_test: Set(None),
            last_used_at: Set(None),
            created_at: Set(tx.now()),
            updated_at: Set(tx.now()),
        };
        let row = row.insert(&*tx).await?;
        self.write_secrets(&tx, &row, &wanted).await?;
        let context = json!({"type": kind.name, "allowed_hosts": wanted.hosts});
        audit::record(&tx, actor, "integration.create", integration_target(row.id), context).await?;
        let integration = with_secrets(&*tx, row).await?;
        tx.commit().await?;
        Ok(integration)
    }

    /// A person's integration.
    ///
    /// # Errors
    /// If there is none.
    pub async fn get(&self, actor: &Actor, id: IntegrationId) -> Result<Integration, IntegrationError> {
        let found = integrations::Entity::find_owned_by_id(actor.person()?, id).one(self.queue.db()).await?;
        Ok(with_secrets(self.queue.db(), found.ok_or(IntegrationError::NotFound)?).await?)
    }

    /// The person's integrations, newest first, and their number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(&self, actor: &Actor, page: Page) -> Result<(Vec<Integration>, u64), IntegrationError> {
        let db = self.queue.db();
        let own = integrations::Entity::find_owned(actor.person()?);
        let (rows, count) = fetch(db, own.order_by_desc(integrations::Column::Id), page).await?;
        let mut secrets = secrets::list_infos(db, rows.iter().map(|row| row.id)).await?;
        let with = |row: integrations::Model| {
            let secrets = secrets.remove(&row.id).unwrap_or_default();
            Integration { row, secrets }
        };
        Ok((rows.into_iter().map(with).collect(), count))
    }

    /// Changes an integration. A token that was got with it is forgotten.
    ///
    /// # Errors
    /// If a field is invalid: also a secret that is left out while the change lets it go to another
    /// host.
    pub async fn update(
        &self,
        actor: &Actor,
        id: IntegrationId,
        changes: IntegrationChanges,
    ) -> Result<Integration, IntegrationError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        let row = lock(&tx, user, id).await?;
        let kind = find_kind(&row.kind).ok_or(IntegrationError::UnknownKind)?;
        let infos = secrets::list_infos(&*tx, [id]).await?.remove(&id).unwrap_or_default();
        let before = before(&row, &infos);
        let fields = changed_fields(&changes);
        let wanted = apply(kind, &before, changes)?;
        let added: Vec<&HostRule> = wanted.hosts.iter().filter(|host| !before.hosts.contains(host)).collect();
        let context = json!({"fields": fields, "added_hosts": added});
        let mut changed = row.into_active_model();
        let revision = changed.revision.take().unwrap_or_default() + 1;
        changed.name = Set(wanted.name.clone());
        changed.settings = Set(json!(wanted.settings));
        changed.allowed_hosts = Set(json!(wanted.hosts));
        changed.revision = Set(revision);
        changed.token_lease_until = Set(None);
        changed.last_test = Set(None);
        changed.updated_at = Set(tx.now());
        let row = changed.update(&*tx).await?;
        self.write_secrets(&tx, &row, &wanted).await?;
        audit::record(&tx, actor, "integration.update", integration_target(id), context).await?;
        let integration = with_secrets(&*tx, row).await?;
        tx.commit().await?;
        Ok(integration)
    }

    /// Deletes an integration with its secrets.
    ///
    /// # Errors
    /// If drafts or published versions of workflows use it, unless that is forced.
    pub async fn delete(
        &self,
        actor: &Actor,
        id: IntegrationId,
        force: bool,
    ) -> Result<(), IntegrationError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        let row = lock(&tx, user, id).await?;
        let usages = usage::list(&*tx, user, id).await?;
        if !usages.is_empty() && !force {
            return Err(IntegrationError::InUse(usages));
        }
        integrations::Entity::delete_by_id(id).exec(&*tx).await?;
        let context = json!({"type": row.kind, "used_by": usages.len()});
        audit::record(&tx, actor, "integration.delete", integration_target(id), context).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Has a worker test an integration. A test that is under way stands for another one.
    ///
    /// # Errors
    /// If its settings name no address that a test could ask.
    pub async fn start_test(
        &self,
        actor: &Actor,
        id: IntegrationId,
    ) -> Result<jobs::Model, IntegrationError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        let row = lock(&tx, user, id).await?;
        let kind = find_kind(&row.kind).ok_or(IntegrationError::UnknownKind)?;
        if !is_testable(kind, &settings_of(&row)) {
            return Err(IntegrationError::Untestable);
        }
        let job = NewJob::of(&TestIntegration { integration_id: id }).owned_by(user).about(id.0);
        let enqueued = tx.enqueue(job.from_origin(actor.origin.clone())).await?;
        let job = enqueued.job.ok_or(QueueError::NotFound)?;
        audit::record(&tx, actor, "integration.test", integration_target(id), json!({"job": job.id})).await?;
        tx.commit().await?;
        Ok(job)
    }

    async fn write_secrets(
        &self,
        tx: &Transaction,
        row: &integrations::Model,
        wanted: &Wanted,
    ) -> Result<(), IntegrationError> {
        let replaced = wanted.secrets.keys().copied().chain([ACCESS_TOKEN]);
        secrets::delete(&**tx, row.id, replaced).await?;
        let owned = Owned::of(row);
        let set = wanted.secrets.iter().filter_map(|(field, value)| Some((*field, value.as_ref()?)));
        let sealed: Result<Vec<_>, _> = set
            .map(|(field, value)| {
                let new = NewSecret { field, revision: row.revision, value, expires_at: None };
                owned.seal(&self.ring, new, tx.now())
            })
            .collect();
        let sealed = sealed?;
        if !sealed.is_empty() {
            integration_secrets::Entity::insert_many(sealed).exec_without_returning(&**tx).await?;
        }
        Ok(())
    }
}

fn is_testable(kind: &Kind, settings: &Settings) -> bool {
    match kind.test {
        Test::Get(address) => address(settings).is_some(),
        Test::Token | Test::Webhook | Test::Mail => true,
    }
}

/// The settings of a row.
pub(super) fn settings_of(row: &integrations::Model) -> Settings {
    serde_json::from_value(row.settings.clone()).unwrap_or_default()
}

/// The hosts of a row. None if they cannot be read: then its credentials go nowhere.
pub(super) fn hosts_of(row: &integrations::Model) -> Vec<HostRule> {
    serde_json::from_value(row.allowed_hosts.clone()).unwrap_or_default()
}

fn before(row: &integrations::Model, infos: &BTreeMap<String, SecretInfo>) -> Before {
    let secrets: BTreeSet<String> = infos.keys().cloned().collect();
    Before { name: row.name.clone(), settings: settings_of(row), hosts: hosts_of(row), secrets }
}

/// The names of what is changed, for the audit log.
fn changed_fields(changes: &IntegrationChanges) -> Vec<String> {
    let settings = changes.settings.keys().map(|name| format!("settings.{name}"));
    let secrets = changes.secrets.keys().map(|name| format!("secrets.{name}"));
    let name = changes.name.iter().map(|_| "name".to_owned());
    let hosts = changes.allowed_hosts.iter().map(|_| "allowed_hosts".to_owned());
    name.chain(settings).chain(secrets).chain(hosts).take(32).collect()
}

async fn with_secrets(db: &impl ConnectionTrait, row: integrations::Model) -> Result<Integration, DbErr> {
    let secrets = secrets::list_infos(db, [row.id]).await?.remove(&row.id).unwrap_or_default();
    Ok(Integration { row, secrets })
}

/// A person's integration, locked for the rest of the transaction.
async fn lock(
    tx: &Transaction,
    user: UserId,
    id: IntegrationId,
) -> Result<integrations::Model, IntegrationError> {
    let found = integrations::Entity::find_owned_by_id(user, id).lock_exclusive().one(&**tx).await?;
    found.ok_or(IntegrationError::NotFound)
}

/// Refuses if there are as many integrations as there may be. The account stays locked, so that two
/// commands at once do not exceed the limit.
async fn ensure_room(tx: &Transaction, user: UserId) -> Result<(), IntegrationError> {
    let account = users::Entity::find_by_id(user).lock_exclusive().one(&**tx).await?;
    account.ok_or(IntegrationError::NotFound)?;
    let count = integrations::Entity::find_owned(user).count(&**tx).await?;
    if count >= MAX_INTEGRATIONS { Err(IntegrationError::TooMany) } else { Ok(()) }
}
