//! What has had its time, of accounts.

use std::time::Duration;

use atelier_entities::{Timestamp, account_tokens, api_tokens, known_networks, sign_in_failures};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use super::{DEVICE_KNOWN_FOR, attempts::FORGET_AFTER, oauth};

/// For so long people are told that a link has expired rather than that it is not
/// valid, and see API tokens that have expired.
const SHOWN_EXPIRED: Duration = Duration::from_secs(30 * 24 * 3600);

/// Deletes links and API tokens that expired long ago, failures that are forgotten, networks
/// that nobody signed in from for long, and
/// sign-ins at providers that nobody ended; how many rows that was.
pub(crate) async fn purge(db: &impl ConnectionTrait, now: Timestamp) -> Result<u64, DbErr> {
    let old = now - SHOWN_EXPIRED;
    let links = account_tokens::Entity::delete_many().filter(account_tokens::Column::ExpiresAt.lte(old));
    let tokens = api_tokens::Entity::delete_many().filter(api_tokens::Column::ExpiresAt.lte(old));
    let failures = sign_in_failures::Entity::delete_many()
        .filter(sign_in_failures::Column::LastAt.lte(now - FORGET_AFTER));
    let links = links.exec(db).await?.rows_affected;
    let tokens = tokens.exec(db).await?.rows_affected;
    let networks = known_networks::Entity::delete_many()
        .filter(known_networks::Column::LastAt.lte(now - DEVICE_KNOWN_FOR));
    let networks = networks.exec(db).await?.rows_affected;
    let sign_ins = oauth::purge(db, now).await?;
    Ok(links + tokens + sign_ins + networks + failures.exec(db).await?.rows_affected)
}

#[cfg(test)]
mod tests {
    use atelier_entities::ApiScope;

    use super::*;
    use crate::{Caller, identity::NewApiToken, testing::Bench};

    #[tokio::test]
    async fn deletes_what_nobody_asks_for_any_more() {
        let bench = Bench::new().await;
        bench.register("ada@example.org").await;
        let (who, identity) = (bench.sign_in("ada@example.org").await, &bench.services.identity);
        identity.login(&Caller::default(), "ada@example.org", "wrong horse").await.err().expect("refused");
        let token = NewApiToken {
            name: "Nightly build".to_owned(),
            scopes: vec![ApiScope::Read],
            expires_in_days: Some(30),
        };
        identity.create_api_token(&Caller::default(), &who, None, token).await.expect("made");
        let purge = async || {
            let queue = &bench.services.queue;
            purge(queue.db(), queue.now()).await.expect("purged")
        };

        assert_eq!(purge().await, 0);
        bench.advance(24 * 3600 + 1);
        assert_eq!(purge().await, 1, "the failure");
        bench.advance(31 * 24 * 3600 + 24 * 3600);
        assert_eq!(purge().await, 1, "the link");
        bench.advance(30 * 24 * 3600);
        assert_eq!(purge().await, 1, "the token");
    }
}
