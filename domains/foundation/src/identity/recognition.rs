//! Recognition of devices and networks from which a person signed in before: a device shows
//! the cookie of a sign-in, a network is on record. Failed attempts from there are counted
//! separately, so that attempts from other sources do not lock the person out ("device
//! cookies" of OWASP).
//!
//! An attacker without access to the account can have neither: a cookie is an HMAC over the
//! account and its current password, and only a successful sign-in records a network.

use std::time::Duration;

use atelier_entities::{Timestamp, UserId, known_networks, users};
use atelier_queue::Transaction;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, sea_query::OnConflict,
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Identity, SignInCookie,
    attempts::network_key,
    tokens::{hash_token, new_token},
};
use crate::{Actor, signing::SigningKey};

/// How long a device or a network is recognized after its last sign-in.
pub const DEVICE_KNOWN_FOR: Duration = Duration::from_secs(180 * 24 * 3600);
/// Maximum number of networks of an account, the latest ones. A phone on the move uses
/// several a day.
const MAX_NETWORKS: u64 = 50;
/// The name of the cookie, without the prefix for https.
const COOKIE: &str = "atelier_device";

/// The recognized source of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Recognized {
    /// A device, with the key of its count.
    Device(String),
    /// A network, with the key of the account's count there.
    Network(String),
}

/// Creates and verifies device cookies. Its key is derived from the signing secret.
#[derive(Clone)]
pub(super) struct DeviceKey(SigningKey);

impl DeviceKey {
    pub(super) fn new(secret: &SecretString) -> Self {
        Self(SigningKey::derive(secret, "atelier devices v1"))
    }

    /// A cookie for a sign-in of that account: the time, a random name, and the HMAC.
    fn cookie(&self, user: &users::Model, now: Timestamp) -> String {
        let named = format!("{}.{}", now.timestamp(), new_token());
        let mac = URL_SAFE_NO_PAD.encode(self.0.sign(&signed(user, &named)));
        format!("{named}.{mac}")
    }

    /// The key of a device's count. None if the cookie is of another account or an earlier
    /// password, has expired, or is forged.
    fn read(&self, user: &users::Model, cookie: &str, now: Timestamp) -> Option<String> {
        let (named, mac) = cookie.rsplit_once('.')?;
        if !self.0.verifies(&signed(user, named), &URL_SAFE_NO_PAD.decode(mac).ok()?) {
            return None;
        }
        let at = Timestamp::from_timestamp(named.split_once('.')?.0.parse().ok()?, 0)?;
        (at + DEVICE_KNOWN_FOR > now).then(|| hash_token(named))
    }
}

/// The input of a cookie's HMAC.
fn signed<'a>(user: &'a users::Model, named: &'a str) -> [&'a [u8]; 4] {
    let password = user.password_hash.as_deref().unwrap_or_default();
    [user.id.0.as_bytes(), named.as_bytes(), &[0], password.as_bytes()]
}

impl Identity {
    /// Recognizes the source of an attempt. It takes the same time if the account does not
    /// exist.
    pub(super) async fn find_recognized(
        &self,
        db: &impl ConnectionTrait,
        actor: &Actor,
        account: Option<&users::Model>,
    ) -> Result<Option<Recognized>, DbErr> {
        let now = self.queue.now();
        let id = account.map_or(UserId(Default::default()), |account| account.id);
        let network = network_key(actor).map(|network| hash_network(id, &network));
        let known = known_networks::Entity::find()
            .filter(known_networks::Column::UserId.eq(id))
            .filter(known_networks::Column::Network.eq(network.unwrap_or_default()))
            .filter(known_networks::Column::LastAt.gt(now - DEVICE_KNOWN_FOR))
            .one(db)
            .await?;
        let device = account.zip(actor.client.device.as_ref()).and_then(|(account, cookie)| {
            self.devices.read(account, cookie.expose_secret(), now).map(Recognized::Device)
        });
        Ok(device.or(known.map(|known| Recognized::Network(known.network))))
    }

    /// The cookie by which the device of a sign-in is recognized from now on.
    pub(super) fn device_cookie(&self, account: &users::Model) -> SignInCookie {
        let is_secure = self.oauth.public_url.starts_with("https://");
        // Browsers accept this prefix only from this host over https.
        let prefix = if is_secure { "__Host-" } else { "" };
        let name = format!("{prefix}{COOKIE}");
        let value = self.devices.cookie(account, self.queue.now());
        SignInCookie { name, value, is_secure, is_cross_site: false }
    }
}

/// Whether this is the name of a device cookie.
#[must_use]
pub fn is_device_cookie(name: &str) -> bool {
    name.strip_prefix("__Host-").unwrap_or(name) == COOKIE
}

/// Records the network of a successful sign-in. The least recently used ones are evicted.
pub(super) async fn remember_network(tx: &Transaction, actor: &Actor, user: UserId) -> Result<(), DbErr> {
    let Some(network) = network_key(actor) else { return Ok(()) };
    let row = known_networks::ActiveModel {
        user_id: Set(user),
        network: Set(hash_network(user, &network)),
        last_at: Set(tx.now()),
    };
    let again = OnConflict::columns([known_networks::Column::UserId, known_networks::Column::Network])
        .update_column(known_networks::Column::LastAt)
        .to_owned();
    known_networks::Entity::insert(row).on_conflict(again).exec_without_returning(&**tx).await?;
    let latest = known_networks::Entity::find()
        .select_only()
        .column(known_networks::Column::Network)
        .filter(known_networks::Column::UserId.eq(user))
        .order_by_desc(known_networks::Column::LastAt)
        .limit(MAX_NETWORKS)
        .into_query();
    known_networks::Entity::delete_many()
        .filter(known_networks::Column::UserId.eq(user))
        .filter(known_networks::Column::Network.not_in_subquery(latest))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Deletes the networks of an account, since somebody else may have signed in from them.
pub(super) async fn forget_networks(tx: &Transaction, user: UserId) -> Result<(), DbErr> {
    known_networks::Entity::delete_many().filter(known_networks::Column::UserId.eq(user)).exec(&**tx).await?;
    Ok(())
}

fn hash_network(user: UserId, network: &str) -> String {
    hash_token(&format!("{user} {network}"))
}

#[cfg(test)]
mod tests;
