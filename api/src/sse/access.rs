//! When a stream ends because its person may not read it any more: they signed out, were
//! deactivated, or lost the right to see what is not theirs.

use std::{sync::Arc, time::Duration};

use atelier_entities::UserId;
use atelier_foundation::{Actor, NotSignedIn, identity::IdentityError};
use atelier_services::Services;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{self, Instant},
};

use crate::app::ApiState;

/// News comes before a commit and after it; the second one may get lost.
const AFTER_NEWS: Duration = Duration::from_secs(5);

/// And both may.
const WITHOUT_NEWS: Duration = Duration::from_secs(60);

/// Returns when that person may not follow a job of that owner any more. Changes from
/// this call on count, not from the first poll.
pub(super) fn ends(
    state: &ApiState,
    actor: Arc<Actor>,
    owner: Option<UserId>,
) -> Result<impl Future<Output = ()> + Send + 'static, NotSignedIn> {
    let person = actor.person()?;
    let services = state.services.clone();
    let news = services.queue.access_news();
    let (mut told, settled) = (news.follow(), news.is_settled(person));
    Ok(async move {
        let mut wait = if settled { WITHOUT_NEWS } else { Duration::ZERO };
        loop {
            let heard = time::timeout_at(Instant::now() + wait, heard_of(&mut told, person)).await;
            if !may_follow(&services, &actor, owner).await {
                return;
            }
            wait = if heard.is_ok() { AFTER_NEWS } else { WITHOUT_NEWS };
        }
    })
}

async fn heard_of(news: &mut Receiver<UserId>, person: UserId) {
    loop {
        match news.recv().await {
            Ok(somebody) if somebody != person => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// A database that does not answer ends nothing: it is asked again.
async fn may_follow(services: &Services, actor: &Actor, owner: Option<UserId>) -> bool {
    match services.foundation.identity.authenticate_again(actor).await {
        Ok(who) => owner == Some(who.user.id) || who.may_administrate(),
        Err(IdentityError::InvalidToken | IdentityError::ExpiredToken | IdentityError::Deactivated) => false,
        Err(error) => {
            tracing::warn!(%error, "cannot tell whether a stream may go on");
            true
        }
    }
}
