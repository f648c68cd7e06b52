//! An installation with Redis over TLS.

use std::time::Duration;

use atelier_config::Role;
use atelier_providers::limiter::{RateLimiter, Rule, redis::RedisLimiter};
use atelier_providers::shared_redis::SharedRedisOptions;
use atelier_queue::transport::{RedisHub, RedisOptions, Transport};
use atelier_tests::{AppSetup, Authority, EncryptedRedis, redis_client};
use chrono::Utc;
use serde_json::json;

/// An installation with this Redis that trusts this CA.
async fn setup(redis: &EncryptedRedis, authority: &Authority) -> AppSetup {
    let (url, file) = (redis.server.url.clone(), authority.file().display().to_string());
    AppSetup::scaled().await.with(|settings| {
        settings.redis.url = url.into();
        settings.redis.ca_file = file;
    })
}

async fn ping(redis: &EncryptedRedis, authorities: Option<String>) -> Result<(), String> {
    let options = RedisOptions {
        client: redis_client(&redis.server.url, authorities),
        key_prefix: "encrypted".to_owned(),
        command_timeout: Duration::from_secs(5),
        consumer_timeout: Duration::from_secs(5),
    };
    let hub = RedisHub::connect(options).await.expect("a URL");
    hub.ping().await.map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_run_over_redis_with_tls() {
    let redis = EncryptedRedis::start();
    let app = setup(&redis, &redis.authority).await.start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;

    let job = ada.job_once(&ada.start_generation(&project).await, "succeeded").await;

    assert_eq!(job["attempt"], json!(1));
    let ready = app.client().get("/readyz").send().await.expect(200).text();
    assert!(ready.contains("redis"), "{ready}");
    let commands = redis.server.list_command_counts().await;
    for (command, purpose) in [
        ("subscribe", "messages and wake-ups"),
        ("publish", "messages and wake-ups"),
        ("rpush", "the queue's ids"),
        ("pexpire", "rate limits"),
    ] {
        assert!(commands.contains_key(command), "{purpose}: {commands:?}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_with_an_unknown_ca_is_rejected() {
    let (redis, stranger) = (EncryptedRedis::start(), Authority::create());

    assert_eq!(ping(&redis, Some(redis.authority.pem())).await, Ok(()));
    for authorities in [Some(stranger.pem()), None] {
        let refused = ping(&redis, authorities).await.expect_err("refused");
        assert!(refused.contains("certificate"), "{refused}");
    }

    let setup = setup(&redis, &stranger).await.without(Role::Worker).without(Role::Scheduler);
    let app = setup.start().await;
    let unready = app.client().get("/readyz").send().await.expect(503).text();
    assert!(unready.contains("redis"), "{unready}");
    let ada = app.client().register("ada@example.org").await;
    assert_eq!(ada.balance().await, 10, "the API works without Redis");
    app.finish_leaving(&["email.deliver"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_are_counted_over_redis_with_tls() {
    let redis = EncryptedRedis::start();
    let limiter = |authorities| {
        let options = SharedRedisOptions {
            client: redis_client(&redis.server.url, authorities),
            key_prefix: "encrypted".to_owned(),
            command_timeout: Duration::from_secs(5),
        };
        RedisLimiter::new(&options).expect("a URL")
    };
    let (one, other) = (limiter(Some(redis.authority.pem())), limiter(Some(redis.authority.pem())));
    let (rule, now) = (Rule::per_minute(1), Utc::now());

    assert!(one.check("ada", rule, now).await.allowed);
    assert!(!other.check("ada", rule, now).await.allowed, "it is shared");
    assert!(
        limiter(None).check("ada", rule, now).await.allowed,
        "without a connection every request is allowed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ca_file_without_a_certificate_is_rejected_at_the_start() {
    let redis = EncryptedRedis::start();
    let setup = setup(&redis, &redis.authority).await;
    let file = setup.settings.server.data_dir.join("authority.pem");
    std::fs::write(&file, "no certificate").expect("written");
    for (file, cause) in [
        (file, "redis.ca_file contains no PEM certificate"),
        ("/nowhere/ca.pem".into(), "cannot read redis.ca_file"),
    ] {
        let mut settings = setup.settings.clone();
        settings.redis.ca_file = file.display().to_string();
        let refused = atelier_server::wire::open(&settings).await.expect_err("refused");
        assert!(format!("{refused:#}").contains(cause), "{refused:#}");
    }
}
