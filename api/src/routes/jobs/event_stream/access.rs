//! Ends a stream when its person loses access: they signed out, were deactivated, or are no
//! longer an administrator.

use std::{sync::Arc, time::Duration};

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

/// Completes when that person may no longer follow a job of that owner. Changes count from
/// this call on, not from the first poll of the future.
pub(super) fn ends(
    state: &ApiState,
    actor: Arc<Actor>,
    owner: Option<UserId>,
) -> Result<impl Future<Output = ()> + Send + 'static, NotSignedIn> {
    let person = actor.person()?;
    let services = state.services.clone();
    let notices = services.queue.access_changes();
    let (mut receiver, settled) = (notices.follow(), notices.is_settled(person));
    Ok(async move {
        let mut wait = if settled { RECHECK_WITHOUT_NOTICE } else { Duration::ZERO };
        loop {
            let notice = time::timeout_at(Instant::now() + wait, notice_about(&mut receiver, person)).await;
            if !may_follow(&services, &actor, owner).await {
                return;
            }
            wait = if notice.is_ok() { RECHECK_AFTER_NOTICE } else { RECHECK_WITHOUT_NOTICE };
        }
    })
}

async fn notice_about(notices: &mut Receiver<UserId>, person: UserId) {
    loop {
        match notices.recv().await {
            Ok(somebody) if somebody != person => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Whether a job's owner is not being erased, as far as the database answers.
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
