//! An installation with a Redis user that has only the documented permissions.

use std::{collections::HashMap, path::Path, time::Duration};

use atelier_entities::JobId;
use atelier_providers::{
    circuits::{Circuits, Permit, Report, redis::RedisCircuits},
    limiter::{RateLimiter, Rule, redis::RedisLimiter},
    resilience::BreakerPolicy,
    shared_redis::SharedRedisOptions,
};
use atelier_queue::{
    bus::{Bus, Message},
    transport::{RedisHub, RedisOptions},
};
use atelier_tests::{AppSetup, PrivateRedis, redis_client, until};
use chrono::{TimeDelta, Utc};
use serde_json::json;
use tokio::time;

use crate::sources;

/// The ACL rules of the user in `docs/operations.md`.
fn documented_rules() -> Vec<String> {
    let text = sources::read(Path::new("docs/operations.md"));
    let line = text.lines().find_map(|line| line.strip_prefix("ACL SETUSER atelier "));
    line.expect("the documents name the rules").split_whitespace().map(str::to_owned).collect()
}

/// A server with this user, and its URL for the user.
async fn start_restricted() -> (PrivateRedis, String) {
    let redis = PrivateRedis::start();
    let mut command = redis::cmd("ACL");
    command.arg("SETUSER").arg("atelier").arg(documented_rules());
    command.exec_async(&mut redis.server.connect().await).await.expect("rules that Redis knows");
    let (_, place) = redis.server.url.split_once('@').expect("a URL with a password");
    let url = format!("redis://atelier:secret@{place}");
    (redis, url)
}

/// The commands that were denied to the user, except for legacy key names.
async fn denied_commands(redis: &PrivateRedis) -> Vec<HashMap<String, String>> {
    let mut command = redis::cmd("ACL");
    let entries: Vec<HashMap<String, String>> =
        command.arg("LOG").query_async(&mut redis.server.connect().await).await.expect("a log");
    entries.into_iter().filter(|entry| !entry["object"].starts_with("{atelier:")).collect()
}

fn shared(url: &str) -> SharedRedisOptions {
    SharedRedisOptions {
        client: redis_client(url, None),
        key_prefix: "atelier".to_owned(),
        command_timeout: Duration::from_secs(5),
    }
}

async fn hub(url: &str) -> std::sync::Arc<RedisHub> {
    let options = RedisOptions {
        client: redis_client(url, None),
        key_prefix: "atelier".to_owned(),
        command_timeout: Duration::from_secs(5),
        consumer_timeout: Duration::from_secs(5),
    };
    RedisHub::connect(options).await.expect("a URL")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_run_with_a_redis_user_restricted_to_the_prefix() {
    let (redis, url) = start_restricted().await;
    let setup = AppSetup::scaled().await.with(|settings| {
        settings.redis.url = url.clone().into();
        settings.redis.key_prefix = "atelier".to_owned();
        settings.limits.generation_per_minute = 50;
    });
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;

    let job = ada.job_once(&ada.start_generation(&project).await, "succeeded").await;

    assert_eq!(job["attempt"], json!(1));
    let ready = app.client().get("/readyz").send().await.expect(200).text();
    assert!(ready.contains(r#""redis":"ok""#), "{ready}");
    let keys = redis.server.list_keys("").await;
    let strange: Vec<_> = keys.iter().filter(|key| !key.starts_with("atelier:")).collect();
    assert!(strange.is_empty() && !keys.is_empty(), "{keys:?}");
    app.finish().await;
    assert_eq!(denied_commands(&redis).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_circuits_and_messages_work_with_a_redis_user_restricted_to_the_prefix() {
    let (redis, url) = start_restricted().await;
    let now = Utc::now();

    let limiter = || RedisLimiter::new(&shared(&url)).expect("a URL");
    assert!(limiter().check("ada", Rule::per_minute(1), now).await.allowed);
    assert!(!limiter().check("ada", Rule::per_minute(1), now).await.allowed, "it is shared");

    let policy = BreakerPolicy::new(1, TimeDelta::seconds(60));
    let circuits = || RedisCircuits::new(&shared(&url), policy).expect("a URL");
    circuits().report("model", Report::Failed, now).await;
    assert!(matches!(circuits().ask("model", now).await, Permit::Refused { .. }), "it is shared");

    let (one, other) = (hub(&url).await, hub(&url).await);
    until("both listen", async || {
        (one.local().epoch().is_some() && other.local().epoch().is_some()).then_some(())
    })
    .await;
    let (mut stops, id) = (other.subscribe_stops(), JobId::new());
    one.publish(Message::Cancel(id)).await;
    let received = time::timeout(Duration::from_secs(30), stops.recv()).await;
    assert_eq!(received.expect("in time").expect("a message"), id);
    assert!(one.tell_access(&[]).await, "the others say that they received it");
    assert_eq!(denied_commands(&redis).await, []);
}
