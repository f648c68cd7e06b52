//! Ends a stream when its person loses access: they signed out, were deactivated, are no
//! longer an administrator, or the account of the owner is being erased.

use std::{iter, sync::Arc, time::Duration};

use atelier_entities::UserId;
use atelier_foundation::{Actor, NotSignedIn, identity::IdentityError};
use atelier_queue::QueueError;
use atelier_services::Services;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{self, Instant},
};

use crate::state::ApiState;

/// A notice comes before a commit and after it; the second one may get lost.
const RECHECK_AFTER_NOTICE: Duration = Duration::from_secs(5);

/// Both notices may get lost.
const RECHECK_WITHOUT_NOTICE: Duration = Duration::from_secs(60);

/// Completes when the actor may no longer follow something of that owner. Changes count from
/// this call on, not from the first poll of the future.
pub(super) fn ends(
    state: &ApiState,
    actor: Arc<Actor>,
    owner: Option<UserId>,
) -> Result<impl Future<Output = ()> + Send + 'static, NotSignedIn> {
    let people: Vec<UserId> = iter::once(actor.person()?).chain(owner).collect();
    let services = state.services.clone();
    let notices = services.queue.access_changes();
    let mut receiver = notices.follow();
    let settled = people.iter().all(|person| notices.is_settled(*person));
    Ok(async move {
        let mut wait = if settled { RECHECK_WITHOUT_NOTICE } else { Duration::ZERO };
        loop {
            let notice = time::timeout_at(Instant::now() + wait, notice_about(&mut receiver, &people)).await;
            if !may_follow(&services, &actor, owner).await {
                return;
            }
            wait = if notice.is_ok() { RECHECK_AFTER_NOTICE } else { RECHECK_WITHOUT_NOTICE };
        }
    })
}

async fn notice_about(notices: &mut Receiver<UserId>, people: &[UserId]) {
    loop {
        match notices.recv().await {
            Ok(person) if !people.contains(&person) => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Whether an owner is not being erased, as far as the database answers.
async fn is_there(services: &Services, actor: &Actor, owner: Option<UserId>) -> bool {
    !matches!(services.ensure_visible(actor, owner).await, Err(QueueError::NotFound))
}

/// A stream goes on while the database does not answer: access is checked again later.
async fn may_follow(services: &Services, actor: &Actor, owner: Option<UserId>) -> bool {
    match services.foundation.identity.authenticate_again(actor).await {
        Ok(who) if owner == Some(who.user.id) => true,
        Ok(who) => who.may_administrate() && is_there(services, actor, owner).await,
        Err(IdentityError::InvalidToken | IdentityError::ExpiredToken | IdentityError::Deactivated) => false,
        Err(error) => {
            tracing::warn!(%error, "the access of a stream could not be checked");
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{LIMITS, TestApi};

    /// Longest wait for the end of a stream: shorter than [`RECHECK_WITHOUT_NOTICE`].
    const BOUND: Duration = Duration::from_secs(30);

    async fn actor(api: &TestApi, token: &str) -> Arc<Actor> {
        let who = api.services.foundation.identity.authenticate(token).await.expect("authenticated");
        Arc::new(Actor::authenticated(who.into()))
    }

    #[tokio::test]
    async fn streams_of_the_jobs_of_an_account_end_when_its_erasure_begins() {
        let api = TestApi::start(LIMITS).await;
        let ada = actor(&api, &api.register("ada@example.org").await).await;
        let bob = actor(&api, &api.register("bob@example.org").await).await;
        let root = actor(&api, &api.register_admin("root@example.org").await).await;
        let (hers, his) = (ada.person().expect("a person"), bob.person().expect("a person"));
        let follow =
            |actor: &Arc<Actor>| tokio::spawn(ends(&api.state, actor.clone(), Some(hers)).expect("a person"));
        let (own, of_root) = (follow(&ada), follow(&root));
        assert!(may_follow(&api.services, &ada, Some(hers)).await);
        assert!(may_follow(&api.services, &root, Some(hers)).await);
        assert!(!may_follow(&api.services, &bob, Some(hers)).await);

        api.services.foundation.identity.erase_account(&root, hers).await.expect("closed");

        for stream in [own, of_root] {
            time::timeout(BOUND, stream).await.expect("it ends soon").expect("no panic");
        }
        assert!(may_follow(&api.services, &root, Some(his)).await, "other accounts are not affected");
        assert!(may_follow(&api.services, &root, None).await, "nor are jobs of nobody");
    }
}
