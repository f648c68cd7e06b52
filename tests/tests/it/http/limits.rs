//! Rate limits.

use atelier_config::Role;
use atelier_tests::{AppSetup, Client, Reply};
use chrono::{TimeDelta, Timelike};
use uuid::Uuid;

/// The default limit of sign-ins per minute and address.
const SIGN_INS: u32 = 20;

fn limited(setup: AppSetup) -> AppSetup {
    setup.with(|settings| {
        settings.limits.auth_per_minute = SIGN_INS;
        settings.server.trusted_proxies = vec!["127.0.0.1".parse().expect("a network")];
    })
}

/// A failing sign-in from this address, each time with another account, so that the limit of an
/// account does not matter.
async fn attempt(client: &Client, address: &str) -> Reply {
    let email = format!("{}@example.org", Uuid::new_v4().simple());
    client.with_header("x-forwarded-for", address).login(&email, "wrong horse").await
}

fn number(reply: &Reply, header: &str) -> u32 {
    reply.header(header).parse().unwrap_or_else(|_| panic!("{header}: {:?}", reply.headers))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_twenty_first_sign_in_of_a_minute_is_rejected() {
    let app = limited(AppSetup::embedded()).start().await;
    let client = app.client();
    // All attempts are in one window.
    let into_the_minute = i64::from(app.queue().now().second());
    app.advance(TimeDelta::seconds(61 - into_the_minute)).await;

    for left in (0..SIGN_INS).rev() {
        let reply = attempt(&client, "192.0.2.1").await.refused(401, "BAD_CREDENTIALS");
        assert_eq!(
            (number(&reply, "ratelimit-limit"), number(&reply, "ratelimit-remaining")),
            (SIGN_INS, left)
        );
    }
    let refused = attempt(&client, "192.0.2.1").await.refused(429, "RATE_LIMITED");

    assert!((1..=60).contains(&number(&refused, "retry-after")), "{:?}", refused.headers);
    assert_eq!(number(&refused, "ratelimit-remaining"), 0);
    assert_eq!(refused.header("ratelimit-policy"), "\"sign-in\";q=20;w=60");
    assert!(refused.header("ratelimit").starts_with("\"sign-in\";r=0;t="), "{:?}", refused.headers);
    assert_eq!(refused.json()["details"]["limit"], "sign-in");
    let _other_address = attempt(&client, "192.0.2.2").await.refused(401, "BAD_CREDENTIALS");
    let _other_limit =
        client.with_header("x-forwarded-for", "192.0.2.1").get("/api/stats").send().await.expect(200);
    app.advance(TimeDelta::minutes(2)).await;
    let _later = attempt(&client, "192.0.2.1").await.refused(401, "BAD_CREDENTIALS");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_count_together() {
    let mut app =
        limited(AppSetup::scaled().await.without(Role::Worker).without(Role::Scheduler)).start().await;
    let replicas = [app.client(), app.start(Role::Api).await];

    let mut allowed = 0;
    while attempt(&replicas[allowed % 2], "192.0.2.1").await.status == 401 {
        allowed += 1;
        // If a new minute begins meanwhile, the window moves a little.
        assert!(allowed <= 22, "each replica counts on its own");
    }

    assert!(allowed >= 20, "{allowed}");
    for replica in &replicas {
        let _refused = attempt(replica, "192.0.2.1").await.refused(429, "RATE_LIMITED");
        let _other_address = attempt(replica, "192.0.2.2").await.refused(401, "BAD_CREDENTIALS");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forwarded_address_without_a_trusted_proxy_is_ignored() {
    let app = limited(AppSetup::embedded())
        .with(|settings| settings.server.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")])
        .start()
        .await;

    let client = app.client();
    let mut number = 0;
    while attempt(&client, &format!("192.0.2.{number}")).await.status == 401 {
        number += 1;
        assert!(number <= 2 * SIGN_INS, "a forged address is not another client");
    }
    let _refused = attempt(&client, "198.51.100.1").await.refused(429, "RATE_LIMITED");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_while_redis_is_away() {
    let setup = limited(AppSetup::scaled().await.without(Role::Worker).without(Role::Scheduler));
    // A closed port.
    let app = setup.with(|settings| settings.redis.url = "redis://127.0.0.1:1".into()).start().await;

    let client = app.client();
    let mut allowed = 0;
    let refused = loop {
        let reply = attempt(&client, "192.0.2.1").await;
        if reply.status != 401 {
            break reply;
        }
        allowed += 1;
        assert!(allowed <= SIGN_INS + 2, "nothing counts");
    };

    let refused = refused.refused(429, "RATE_LIMITED");
    assert!((1..=60).contains(&number(&refused, "retry-after")), "{:?}", refused.headers);
    assert!(allowed >= SIGN_INS, "{allowed}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_counted_by_person() {
    let app = AppSetup::embedded().with(|settings| settings.limits.requests_per_minute = 5).start().await;
    let into_the_minute = i64::from(app.queue().now().second());
    app.advance(TimeDelta::seconds(61 - into_the_minute)).await;
    let (ada, eve) =
        (app.client().register("ada@example.org").await, app.client().register("eve@example.org").await);

    for _ in 0..5 {
        ada.get("/api/projects").await;
    }

    let refused = ada.client.get("/api/projects").send().await.refused(429, "RATE_LIMITED");
    assert_eq!(refused.header("ratelimit-policy"), "\"requests\";q=5;w=60");
    eve.get("/api/projects").await;
    for probe in ["/healthz", "/api/health", "/metrics"] {
        let _never_limited = ada.client.get(probe).send().await.expect(200);
    }
    app.finish().await;
}
