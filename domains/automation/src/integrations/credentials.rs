//! Opens credentials, in a worker, for one request.

use std::{collections::BTreeMap, time::Duration};

use atelier_entities::{IntegrationId, Timestamp, UserId, integration_secrets, integrations};
use atelier_foundation::key_ring::{KeyRing, KeyRingError};
use atelier_providers::http::GuardedClient;
use atelier_queue::{Queue, QueueError, metrics::workflows as metrics};
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};
use secrecy::SecretString;
use url::Url;

use super::{
    commands::{hosts_of, settings_of},
    hosts,
    kinds::{
        Credential, Kind, Opened, Settings, Test, find_kind, oauth2_client_credentials::ACCESS_TOKEN, smtp,
    },
    secrets::{self, Owned},
};

/// How exactly the time of the last use is known.
const USED_PRECISION: TimeDelta = TimeDelta::minutes(1);

/// Opens credentials. Cheap to clone.
#[derive(Clone)]
pub struct Credentials {
    pub(super) queue: Queue,
    pub(super) ring: KeyRing,
    pub(super) http: GuardedClient,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// Why credentials were not opened. No error contains a secret or an address.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The person has no such integration.
    #[error("There is no such integration.")]
    Missing,
    /// The integration is of a type that cannot be used so.
    #[error("An integration of the type {0} cannot be used here.")]
    WrongType(String),
    /// The integration does not allow the host of the request.
    #[error("The integration does not allow requests to {0}.")]
    HostRefused(String),
    /// A secret that its type requires is not set.
    #[error("The integration has no {0}.")]
    Incomplete(&'static str),
    /// The key ring cannot open a secret.
    #[error("The credentials of the integration cannot be opened: {0}.")]
    KeyRing(#[from] KeyRingError),
    /// The server of tokens gave none.
    #[error("The server of tokens gave no token: {reason}.")]
    Token {
        /// What it said.
        reason: String,
        /// Whether another attempt may help.
        is_retryable: bool,
    },
    /// Another worker gets the token.
    #[error("Another worker gets the token.")]
    Pending(Duration),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// An integration whose secrets are still closed.
#[derive(Debug)]
pub struct Found {
    pub(super) row: integrations::Model,
    pub(super) kind: &'static Kind,
}

impl Found {
    /// What is no secret.
    #[must_use]
    pub fn settings(&self) -> Settings {
        settings_of(&self.row)
    }

    /// Refuses an address that the credentials may not be sent to.
    ///
    /// # Errors
    /// [`CredentialError::HostRefused`].
    pub fn ensure_allowed(&self, url: &Url) -> Result<(), CredentialError> {
        if hosts::allow(&hosts_of(&self.row), url) {
            return Ok(());
        }
        Err(CredentialError::HostRefused(url.host_str().unwrap_or_default().to_owned()))
    }

    /// Refuses the mail server of the settings if the credentials may not be sent there.
    ///
    /// # Errors
    /// [`CredentialError::HostRefused`].
    pub(crate) fn ensure_mail_server(&self) -> Result<(), CredentialError> {
        match smtp::server_url(&self.settings()) {
            Some(url) => self.ensure_allowed(&url),
            None => Err(CredentialError::HostRefused(String::new())),
        }
    }
}

impl Credentials {
    pub(crate) const fn new(queue: Queue, ring: KeyRing, http: GuardedClient) -> Self {
        Self { queue, ring, http }
    }

    /// A person's integration, if it is of one of these types. Nothing is opened.
    ///
    /// # Errors
    /// [`CredentialError::Missing`], also for that of another person, and
    /// [`CredentialError::WrongType`].
    pub async fn find(
        &self,
        user: UserId,
        id: IntegrationId,
        kinds: &[&str],
    ) -> Result<Found, CredentialError> {
        let row = integrations::Entity::find_owned_by_id(user, id).one(self.queue.db()).await?;
        let row = row.ok_or(CredentialError::Missing)?;
        match find_kind(&row.kind) {
            Some(kind) if kinds.contains(&kind.name) => Ok(Found { row, kind }),
            _ => Err(CredentialError::WrongType(row.kind)),
        }
    }

    /// Opens the credentials for a request to an address that the integration allows. A token that
    /// is missing or expires is got first.
    ///
    /// # Errors
    /// Why they cannot be opened or sent there.
    pub async fn open_for(&self, found: &Found, url: &Url) -> Result<Credential, CredentialError> {
        found.ensure_allowed(url)?;
        let opened = self.open(found).await?;
        let mut credential =
            Credential { secrets: opened.secrets().cloned().collect(), ..Credential::default() };
        if let Some(attach) = found.kind.attach {
            attach(&opened, &mut credential);
        }
        Ok(credential)
    }

    /// Opens all secrets of an integration. The caller sends them only where the integration allows.
    ///
    /// # Errors
    /// Why they cannot be opened.
    pub async fn open(&self, found: &Found) -> Result<Opened, CredentialError> {
        let opened = self.open_all(found).await;
        metrics::credential_opened(found.kind.name, if opened.is_ok() { "opened" } else { "refused" });
        let opened = opened?;
        self.mark_used(&found.row).await?;
        Ok(opened)
    }

    async fn open_all(&self, found: &Found) -> Result<Opened, CredentialError> {
        let rows = self.secret_rows(found).await?;
        let owned = Owned::of(&found.row);
        let mut secrets = BTreeMap::new();
        for row in rows.iter().filter(|row| row.field != ACCESS_TOKEN) {
            secrets.insert(row.field.clone(), owned.open(&self.ring, row)?);
        }
        let required = found.kind.fields.iter().filter(|field| field.is_secret && field.is_required);
        if let Some(missing) = required.into_iter().find(|field| !secrets.contains_key(field.name)) {
            return Err(CredentialError::Incomplete(missing.name));
        }
        let mut opened = Opened::new(found.settings(), secrets);
        if matches!(found.kind.test, Test::Token) {
            let kept = rows.iter().find(|row| row.field == ACCESS_TOKEN);
            let token = match kept.filter(|row| is_fresh(row, self.queue.now())) {
                Some(row) => owned.open(&self.ring, row)?,
                None => self.renew_token(found, &opened).await?,
            };
            opened.add_secret(ACCESS_TOKEN, token);
        }
        Ok(opened)
    }

    /// Forgets the token of an integration that a server has refused, so that the next request gets
    /// a new one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget_token(&self, found: &Found) -> Result<(), DbErr> {
        if matches!(found.kind.test, Test::Token) {
            secrets::delete(self.queue.db(), found.row.id, [ACCESS_TOKEN]).await?;
        }
        Ok(())
    }

    pub(super) async fn secret_rows(&self, found: &Found) -> Result<Vec<integration_secrets::Model>, DbErr> {
        let of_integration = integration_secrets::Column::IntegrationId.eq(found.row.id);
        integration_secrets::Entity::find().filter(of_integration).all(self.queue.db()).await
    }

    /// Notes the time of use, at most once a minute.
    async fn mark_used(&self, row: &integrations::Model) -> Result<(), DbErr> {
        let now = self.queue.now();
        if row.last_used_at.is_some_and(|last| now - last < USED_PRECISION) {
            return Ok(());
        }
        integrations::Entity::update_many()
            .col_expr(integrations::Column::LastUsedAt, Expr::value(now))
            .filter(integrations::Column::Id.eq(row.id))
            .exec(self.queue.db())
            .await
            .map(drop)
    }
}

/// Whether a token is good for long enough to be sent.
pub(super) fn is_fresh(row: &integration_secrets::Model, now: Timestamp) -> bool {
    const MARGIN: TimeDelta = TimeDelta::seconds(30);
    row.expires_at.is_some_and(|expires| expires - MARGIN > now)
}

/// A secret of an opened integration that its type requires.
///
/// # Errors
/// [`CredentialError::Incomplete`].
pub(crate) fn required<'o>(
    opened: &'o Opened,
    name: &'static str,
) -> Result<&'o SecretString, CredentialError> {
    opened.find_secret(name).ok_or(CredentialError::Incomplete(name))
}
