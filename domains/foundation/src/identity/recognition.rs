//! Recognition of devices and networks from which a person signed in before: a device shows
//! the cookie of a sign-in, a network is on record. Failed attempts from there are counted
//! apart, so that attempts from elsewhere do not lock the person out ("device cookies" of
//! OWASP).
//!
//! An attacker without access to the account can have neither: a cookie is an HMAC over the
//! account and its present password, and only a successful sign-in records a network.

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
/// Networks of one account, the latest ones. A phone that moves is in a few a day.
const MOST_NETWORKS: u64 = 50;
/// What the cookie is called, behind the prefix that https has.
const COOKIE: &str = "atelier_device";

/// The recognized source of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Recognized {
    /// A device; what it is counted by.
    Device(String),
    /// A network; what the account's attempts from it are counted by.
    Network(String),
}

/// Makes and checks the cookies of devices. Its key is derived from the signing secret.
#[derive(Clone)]
pub(super) struct DeviceKey(SigningKey);

impl DeviceKey {
    pub(super) fn new(secret: &SecretString) -> Self {
        Self(SigningKey::derive(secret, "atelier devices v1"))
    }

    /// A cookie of a sign-in of that account: when, a name of its own, and the HMAC.
    fn cookie(&self, user: &users::Model, now: Timestamp) -> String {
        let named = format!("{}.{}", now.timestamp(), new_token());
        let mac = URL_SAFE_NO_PAD.encode(self.0.sign(&signed(user, &named)));
        format!("{named}.{mac}")
    }

    /// What a device of that account is counted by; none where the cookie is another
    /// account's, of another password, too old or made up.
    fn read(&self, user: &users::Model, cookie: &str, now: Timestamp) -> Option<String> {
        let (named, mac) = cookie.rsplit_once('.')?;
        if !self.0.verifies(&signed(user, named), &URL_SAFE_NO_PAD.decode(mac).ok()?) {
            return None;
        }
        let at = Timestamp::from_timestamp(named.split_once('.')?.0.parse().ok()?, 0)?;
        (at + DEVICE_KNOWN_FOR > now).then(|| hash_token(named))
    }
}

/// What the HMAC of a cookie is over.
fn signed<'a>(user: &'a users::Model, named: &'a str) -> [&'a [u8]; 4] {
    let password = user.password_hash.as_deref().unwrap_or_default();
    [user.id.0.as_bytes(), named.as_bytes(), &[0], password.as_bytes()]
}

impl Identity {
    /// Recognizes the source of an attempt. It takes the same time where there is no account.
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

    /// The cookie by which the device of a sign-in is known from now on.
    pub(super) fn device_cookie(&self, account: &users::Model) -> SignInCookie {
        let is_secure = self.oauth.public_url.starts_with("https://");
        // Browsers take such a name from this very host over https alone.
        let prefix = if is_secure { "__Host-" } else { "" };
        let name = format!("{prefix}{COOKIE}");
        let value = self.devices.cookie(account, self.queue.now());
        SignInCookie { name, value, is_secure, is_cross_site: false }
    }
}

/// Whether a cookie of that name is a device's.
#[must_use]
pub fn is_device_cookie(name: &str) -> bool {
    name.strip_prefix("__Host-").unwrap_or(name) == COOKIE
}

/// Records the network of a sign-in that succeeded. Those that were not seen for longest
/// make room.
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
        .limit(MOST_NETWORKS)
        .into_query();
    known_networks::Entity::delete_many()
        .filter(known_networks::Column::UserId.eq(user))
        .filter(known_networks::Column::Network.not_in_subquery(latest))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Forgets the networks of an account: somebody else may have signed in from them.
pub(super) async fn forget_networks(tx: &Transaction, user: UserId) -> Result<(), DbErr> {
    known_networks::Entity::delete_many().filter(known_networks::Column::UserId.eq(user)).exec(&**tx).await?;
    Ok(())
}

fn hash_network(user: UserId, network: &str) -> String {
    hash_token(&format!("{user} {network}"))
}

#[cfg(test)]
mod tests;
