//! The active sign-ins of a person, with their devices.

use std::collections::BTreeMap;

use atelier_entities::{SessionFamilyId, Timestamp, UserId, sessions};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Select};
use serde_json::json;

use super::{
    Identity, IdentityError,
    accounts::lock_user,
    session_of,
    sessions::{revoke_family, revoke_others, signed_in_at},
    user_target,
};
use crate::{Actor, audit};

/// An active sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// The id, by which it can be ended.
    pub id: SessionFamilyId,
    /// Browser and system, for people.
    pub device: String,
    /// The IP address of the last refresh.
    pub ip: Option<String>,
    /// When the person signed in.
    pub signed_in_at: Timestamp,
    /// When it was last used, within a few minutes.
    pub last_used_at: Timestamp,
    /// When it expires unless it is used before.
    pub expires_at: Timestamp,
}

impl Identity {
    /// The person's active sign-ins, last used first.
    pub async fn list_sign_ins(&self, actor: &Actor) -> Result<Vec<SignIn>, IdentityError> {
        let user = actor.person()?;
        let rows = active_sessions(user, self.queue.now()).order_by_asc(sessions::Column::Id);
        Ok(group(rows.all(self.queue.db()).await?))
    }

    /// Ends one of the person's sign-ins.
    pub async fn end_sign_in(&self, actor: &Actor, id: SessionFamilyId) -> Result<(), IdentityError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        lock_user(&tx, user).await?;
        let rows = active_sessions(user, tx.now()).filter(sessions::Column::FamilyId.eq(id));
        if rows.count(&*tx).await? == 0 {
            return Err(IdentityError::NoSuchSession);
        }
        revoke_family(&tx, user, id).await?;
        let context = json!({"session": id});
        audit::record(&tx, actor, "auth.end_session", user_target(user), context).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends every sign-in of the person except the actor's.
    pub async fn end_other_sign_ins(&self, actor: &Actor) -> Result<(), IdentityError> {
        let (user, current) = (actor.person()?, session_of(actor)?);
        let tx = self.queue.begin().await?;
        lock_user(&tx, user).await?;
        let ended = revoke_others(&tx, user, current).await?;
        let context = json!({"ended": ended});
        audit::record(&tx, actor, "auth.end_sessions", user_target(user), context).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn active_sessions(user: UserId, now: Timestamp) -> Select<sessions::Entity> {
    sessions::Entity::find()
        .filter(sessions::Column::UserId.eq(user))
        .filter(sessions::Column::RevokedAt.is_null())
        .filter(sessions::Column::ExpiresAt.gt(now))
}

/// Groups the rows of sessions by family. The rows are oldest first.
fn group(rows: Vec<sessions::Model>) -> Vec<SignIn> {
    let mut families: BTreeMap<SessionFamilyId, SignIn> = BTreeMap::new();
    for row in rows {
        let used = row.last_used_at.unwrap_or(row.created_at);
        let (signed_in_at, last_used_at) = match families.get(&row.family_id) {
            Some(earlier) => (earlier.signed_in_at.min(signed_in_at(&row)), earlier.last_used_at.max(used)),
            None => (signed_in_at(&row), used),
        };
        let sign_in = SignIn {
            id: row.family_id,
            device: device(row.user_agent.as_deref().unwrap_or_default()),
            ip: row.ip,
            signed_in_at,
            last_used_at,
            expires_at: row.expires_at,
        };
        families.insert(row.family_id, sign_in);
    }
    let mut sign_ins: Vec<SignIn> = families.into_values().collect();
    sign_ins.sort_by_key(|sign_in| std::cmp::Reverse((sign_in.last_used_at, sign_in.id)));
    sign_ins
}

/// Marks in user agents, the more specific ones first: Edge also has Chrome's mark, and
/// Chrome has Safari's.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// A user agent in a few words, such as `Firefox on Windows`.
fn device(user_agent: &str) -> String {
    let find = |marks: &[(&str, &'static str)]| {
        marks.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => first_word(user_agent),
    }
}

/// The name of another program, without its version.
fn first_word(user_agent: &str) -> String {
    let word = user_agent.split(['/', ' ', '(']).next().unwrap_or_default();
    let word: String = word.chars().filter(|c| !c.is_control()).take(40).collect();
    if word.is_empty() { "Unknown device".to_owned() } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fixture, acting, at_address};

    #[test]
    fn names_devices() {
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)";
        let chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        for (user_agent, name) in [
            (&format!("{windows} Gecko/20100101 Firefox/143.0")[..], "Firefox on Windows"),
            (&format!("{windows} {chrome}"), "Chrome on Windows"),
            (&format!("{windows} {chrome} Edg/140.0"), "Edge on Windows"),
            (&format!("Mozilla/5.0 (Linux; Android 15; Pixel 9) {chrome}"), "Chrome on Android"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.5.0", "curl"),
            ("python-requests/2.32", "python-requests"),
            ("", "Unknown device"),
        ] {
            assert_eq!(device(user_agent), name, "{user_agent}");
        }
    }

    #[tokio::test]
    async fn a_sign_in_is_one_entry_however_often_it_was_refreshed() {
        let fixture = Fixture::new().await;
        let identity = &fixture.services.identity;
        let phone = at_address("192.0.2.1");
        let here = identity
            .register(&Actor::anonymous(), Fixture::registration("ada@example.org"))
            .await
            .expect("in");
        fixture.advance(60);
        let there = identity.login(&phone, "ada@example.org", "correct horse").await.expect("in");
        fixture.advance(60);
        identity.refresh(&phone, &there.refresh_token).await.expect("refreshed");

        let sign_ins = identity.list_sign_ins(&acting(here.user.id)).await.expect("listed");

        assert_eq!(sign_ins.len(), 2);
        assert_eq!(sign_ins[0].ip.as_deref(), Some("192.0.2.1"));
        assert!(sign_ins[0].last_used_at - sign_ins[0].signed_in_at >= chrono::TimeDelta::seconds(60));
    }

    #[tokio::test]
    async fn only_its_person_ends_a_sign_in() {
        let fixture = Fixture::new().await;
        let identity = &fixture.services.identity;
        let ada = identity
            .register(&Actor::anonymous(), Fixture::registration("ada@example.org"))
            .await
            .expect("in");
        let bob = fixture.register("bob@example.org").await;
        let who = fixture.actor_of(&ada.access_token).await;
        let family = who.session().expect("a sign-in");

        let by_bob = identity.end_sign_in(&acting(bob.id), family).await;
        assert!(matches!(by_bob, Err(IdentityError::NoSuchSession)));
        identity.end_sign_in(&acting(ada.user.id), family).await.expect("ended");
        let ended = identity.authenticate(&ada.access_token).await;
        assert!(matches!(ended, Err(IdentityError::InvalidToken)));
        let again = identity.end_sign_in(&acting(ada.user.id), family).await;
        assert!(matches!(again, Err(IdentityError::NoSuchSession)));
    }

    #[tokio::test]
    async fn all_other_sign_ins_end_at_once() {
        let fixture = Fixture::new().await;
        let identity = &fixture.services.identity;
        let here = identity
            .register(&Actor::anonymous(), Fixture::registration("ada@example.org"))
            .await
            .expect("in");
        let who = fixture.actor_of(&here.access_token).await;
        let there =
            identity.login(&Actor::anonymous(), "ada@example.org", "correct horse").await.expect("in");
        fixture.register("bob@example.org").await;
        let bob = fixture.sign_in("bob@example.org").await;

        identity.end_other_sign_ins(&who).await.expect("ended");

        let ended = identity.authenticate(&there.access_token).await;
        assert!(matches!(ended, Err(IdentityError::InvalidToken)), "{ended:?}");
        assert!(identity.refresh(&Actor::anonymous(), &there.refresh_token).await.is_err());
        assert!(identity.authenticate(&here.access_token).await.is_ok());
        assert!(identity.refresh(&Actor::anonymous(), &here.refresh_token).await.is_ok());
        assert!(identity.authenticate_again(&bob).await.is_ok(), "another person's go on");
    }

    #[tokio::test]
    async fn a_sign_in_ends_after_ninety_days_however_often_it_is_refreshed() {
        let fixture = Fixture::new().await;
        let identity = &fixture.services.identity;
        let mut signed_in = identity
            .register(&Actor::anonymous(), Fixture::registration("ada@example.org"))
            .await
            .expect("in");
        for _ in 0..15 {
            fixture.advance(6 * 24 * 3600 - 60);
            signed_in =
                identity.refresh(&Actor::anonymous(), &signed_in.refresh_token).await.expect("goes on");
        }
        assert!((800..=900).contains(&signed_in.expires_in), "what is left: {}", signed_in.expires_in);
        assert!(identity.authenticate(&signed_in.access_token).await.is_ok());

        fixture.advance(15 * 60);

        let ended = identity.authenticate(&signed_in.access_token).await;
        assert!(matches!(ended, Err(IdentityError::InvalidToken)), "{ended:?}");
        let refused = identity.refresh(&Actor::anonymous(), &signed_in.refresh_token).await.err();
        assert!(matches!(refused, Some(IdentityError::ExpiredToken)), "{refused:?}");
    }
}
