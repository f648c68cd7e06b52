//! Deletes expired rows of accounts.

use std::time::Duration;

use atelier_entities::{
    account_tokens, api_tokens, known_networks, oauth_states, sessions, sign_in_failures,
};
use atelier_queue::{Queue, QueueError, removal::delete_in_batches};
use sea_orm::{ColumnTrait, Condition};

use super::{DEVICE_KNOWN_FOR, attempts::FORGET_AFTER};

/// How long expired links and API tokens are kept, so that people see that they have
/// expired.
const SHOWN_EXPIRED: Duration = Duration::from_secs(30 * 24 * 3600);

/// Deletes expired sign-ins, `batch` of them in a statement. Returns their number.
pub(crate) async fn purge_sessions(queue: &Queue, batch: u32) -> Result<u64, QueueError> {
    let expired = Condition::all().add(sessions::Column::ExpiresAt.lte(queue.now()));
    delete_in_batches::<sessions::Entity>(queue, expired, batch).await
}

/// Deletes links and API tokens that expired long ago, forgotten failures, networks without
/// a recent sign-in, and unfinished sign-ins at providers, `batch` of them in a statement.
/// Returns their number.
pub(crate) async fn purge(queue: &Queue, batch: u32) -> Result<u64, QueueError> {
    let now = queue.now();
    let all = Condition::all;
    let links = all().add(account_tokens::Column::ExpiresAt.lte(now - SHOWN_EXPIRED));
    let tokens = all().add(api_tokens::Column::ExpiresAt.lte(now - SHOWN_EXPIRED));
    let failures = all().add(sign_in_failures::Column::LastAt.lte(now - FORGET_AFTER));
    let networks = all().add(known_networks::Column::LastAt.lte(now - DEVICE_KNOWN_FOR));
    let sign_ins = all().add(oauth_states::Column::ExpiresAt.lte(now));
    Ok(delete_in_batches::<account_tokens::Entity>(queue, links, batch).await?
        + delete_in_batches::<api_tokens::Entity>(queue, tokens, batch).await?
        + delete_in_batches::<sign_in_failures::Entity>(queue, failures, batch).await?
        + delete_in_batches::<known_networks::Entity>(queue, networks, batch).await?
        + delete_in_batches::<oauth_states::Entity>(queue, sign_ins, batch).await?)
}

#[cfg(test)]
mod tests {
    use atelier_entities::ApiScope;

    use super::*;
    use crate::{Actor, identity::NewApiToken, testing::Fixture};

    #[tokio::test]
    async fn expired_rows_are_deleted() {
        let fixture = Fixture::new().await;
        fixture.register("ada@example.org").await;
        let (who, identity) = (fixture.sign_in("ada@example.org").await, &fixture.services.identity);
        identity.login(&Actor::anonymous(), "ada@example.org", "wrong horse").await.err().expect("refused");
        let token = NewApiToken {
            name: "Nightly build".to_owned(),
            scopes: vec![ApiScope::Read],
            expires_in_days: Some(30),
        };
        identity.create_api_token(&who, None, token).await.expect("made");
        let purge = async || {
            let queue = &fixture.services.queue;
            purge(queue, 100).await.expect("purged")
        };

        assert_eq!(purge().await, 0);
        fixture.advance(24 * 3600 + 1);
        assert_eq!(purge().await, 1, "the failure");
        fixture.advance(31 * 24 * 3600 + 24 * 3600);
        assert_eq!(purge().await, 1, "the link");
        fixture.advance(30 * 24 * 3600);
        assert_eq!(purge().await, 1, "the token");
    }
}
