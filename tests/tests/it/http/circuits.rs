//! Generations while a model server is down: its circuit opens, generations wait and report
//! it, and a fallback answers if there is one.

use std::time::Duration;

use atelier_config::FallbackSettings;
use atelier_entities::{audit_log, to_micros};
use atelier_providers::{
    circuits::{Circuits, Permit, Report, redis::RedisCircuits},
    resilience::BreakerPolicy,
    shared_redis::SharedRedisOptions,
};
use atelier_tests::{AppSetup, Completion, FakeOpenAi, PrivateRedis, redis_client};
use chrono::{TimeDelta, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use super::model::GOOD;

/// The seconds for which a circuit stays open in these tests.
const OPEN: u32 = 3;

fn sensitive(setup: AppSetup, model: &FakeOpenAi) -> AppSetup {
    setup.with_model(model).with(|settings| {
        settings.llm.circuit_failures = 1;
        settings.llm.circuit_open_secs = OPEN;
    })
}

pub(super) async fn a_generation_waits_while_the_circuit_is_open(setup: AppSetup) {
    let down = Completion::refusal(503, "overloaded");
    let model = FakeOpenAi::start([down, Completion::text(GOOD), Completion::text(GOOD)]).await;
    let app = sensitive(setup, &model).start().await;
    let ada = app.client().register("ada@example.org").await;
    let (one, two) = (ada.create_project("One").await, ada.create_project("Two").await);
    let first = ada.start_generation(&one).await;
    let failed = ada.job_once(&first, "retrying").await;
    assert_eq!(failed["error"]["code"], "LLM_UNAVAILABLE");

    let second = ada.start_generation(&two).await;
    let waiting = ada.job_once(&second, "scheduled").await;

    assert_eq!((&waiting["attempt"], &waiting["error"]["code"]), (&json!(0), &json!("CIRCUIT_OPEN")));
    let why = ada.get(&format!("/api/jobs/{second}/why")).await;
    assert_eq!((&why["code"], &why["details"]["provider"]), (&json!("CIRCUIT_OPEN"), &json!("openai")));
    assert_eq!(waiting["why"], why, "the job's own document says the same");
    let message = why["message"].as_str().expect("a sentence");
    assert!(message.contains("openai rests until"), "{message}");
    assert!(why["details"]["until"].as_str().expect("a time") <= why["retry_at"].as_str().expect("a time"));
    assert_eq!(model.list_requests().len(), 1, "no request was sent");

    let done = ada.job_once(&second, "succeeded").await;
    assert_eq!((&done["attempt"], &done["error"]), (&json!(1), &json!(null)), "waiting spent no attempt");
    ada.job_once(&first, "succeeded").await;
    assert_eq!(model.list_requests().len(), 3);
    let scrape = app.client().get("/metrics").send().await.expect(200).text();
    for metric in ["atelier_circuit_state", "atelier_circuit_opened_total", "atelier_circuit_held_back_total"]
    {
        assert!(scrape.contains(&format!("{metric}{{")), "{metric} is not counted");
    }
    app.finish().await;
}

pub(super) async fn a_failed_trial_request_opens_the_circuit_again(setup: AppSetup) {
    let down = || Completion::refusal(500, "server_error");
    let model = FakeOpenAi::start([down(), down(), Completion::text(GOOD), Completion::text(GOOD)]).await;
    let app = sensitive(setup, &model).start().await;
    let ada = app.client().register("ada@example.org").await;
    let (one, two) = (ada.create_project("One").await, ada.create_project("Two").await);
    let first = ada.start_generation(&one).await;
    ada.job_once(&first, "retrying").await;
    let second = ada.start_generation(&two).await;
    ada.job_once(&second, "scheduled").await;

    let (first, second) = (ada.job_once(&first, "succeeded").await, ada.job_once(&second, "succeeded").await);

    let attempts =
        first["attempt"].as_i64().expect("a number") + second["attempt"].as_i64().expect("a number");
    assert_eq!(attempts, 4, "each request that was made is an attempt, and nothing else is");
    assert_eq!(model.list_requests().len(), 4);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fallback_answers_if_the_first_server_fails() {
    let first = FakeOpenAi::start([Completion::refusal(500, "server_error")]).await;
    let second = FakeOpenAi::start([Completion::text(GOOD), Completion::text(GOOD)]).await;
    let base_url = second.base_url();
    let setup = sensitive(AppSetup::embedded(), &first).with(|settings| {
        settings.llm.circuit_open_secs = 600;
        settings.llm.fallback.base_url = base_url;
        settings.llm.fallback.api_key = "another key".into();
        settings.llm.fallback.quick_model = "other-mini".to_owned();
    });
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    for title in ["One", "Two"] {
        let project = ada.create_project(title).await;
        let job = ada.job_once(&ada.start_generation(&project).await, "succeeded").await;
        assert_eq!((&job["attempt"], &job["result"]["provider"]), (&json!(1), &json!("fallback")));
    }

    assert_eq!(first.list_requests().len(), 1, "its circuit is open");
    let asked = second.list_requests();
    assert_eq!((asked.len(), asked[0].authorization.as_str()), (2, "Bearer another key"));
    assert_eq!(asked[0].body["model"], "other-mini");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_third_server_answers_if_two_fail() {
    let down = || Completion::refusal(500, "server_error");
    let first = FakeOpenAi::start([down()]).await;
    let second = FakeOpenAi::start([down()]).await;
    let third = FakeOpenAi::start([Completion::text(GOOD), Completion::text(GOOD)]).await;
    let setup = sensitive(AppSetup::embedded(), &first).with(|settings| {
        settings.llm.circuit_open_secs = 600;
        settings.llm.fallback.base_url = second.base_url();
        settings.llm.fallbacks = vec![FallbackSettings {
            base_url: third.base_url(),
            api_key: "a third key".into(),
            name: "spare".to_owned(),
            quick_model: String::new(),
            advanced_model: String::new(),
        }];
    });
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    for title in ["One", "Two"] {
        let project = ada.create_project(title).await;
        let job = ada.job_once(&ada.start_generation(&project).await, "succeeded").await;
        assert_eq!((&job["attempt"], &job["result"]["provider"]), (&json!(1), &json!("spare")));
    }

    let counts = [&first, &second, &third].map(|server| server.list_requests().len());
    assert_eq!(counts, [1, 1, 2], "each has a circuit of its own");
    let asked = third.list_requests();
    assert_eq!(asked[0].authorization, "Bearer a third key");
    assert_eq!(asked[0].body["model"], app.settings.llm.quick_model, "as the first one's");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_a_circuit_and_keep_its_state_without_redis() {
    let mut redis = PrivateRedis::start();
    let url = redis.server.url.clone();
    let circuits = || {
        let options = SharedRedisOptions {
            client: redis_client(&url, None),
            key_prefix: "test".to_owned(),
            command_timeout: Duration::from_secs(2),
        };
        let policy = BreakerPolicy::new(2, TimeDelta::seconds(60));
        RedisCircuits::new(&options, policy).expect("a URL")
    };
    let (one, two) = (circuits(), circuits());
    let now = to_micros(Utc::now());
    let until = now + TimeDelta::seconds(60);

    one.report("model", Report::Failed, now).await;
    assert_eq!(two.ask("model", now).await, Permit::Granted);
    two.report("model", Report::Failed, now).await;
    assert_eq!(one.ask("model", now).await, Permit::Refused { until });
    let trial = until + TimeDelta::seconds(1);
    assert_eq!(one.ask("model", trial).await, Permit::Granted);
    assert!(matches!(two.ask("model", trial).await, Permit::Refused { .. }), "one trial for all");
    one.report("model", Report::Failed, trial).await;
    assert!(matches!(two.ask("model", trial).await, Permit::Refused { .. }));

    redis.kill();

    assert!(matches!(two.ask("model", trial).await, Permit::Refused { .. }), "as it knew it last");
    assert_eq!(two.ask("other", trial).await, Permit::Granted);
}

pub(super) async fn actions_of_owners_on_jobs_are_recorded(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    app.queue().pause(atelier_queue::QueueName::Generation, None).await.expect("paused");
    let id = ada.start_generation(&project).await;
    let _cancelled = ada.cancel(&id).await.expect(200);
    let _again = ada.client.post(&format!("/api/jobs/{id}/retry")).send().await.expect(202);
    app.queue().resume(atelier_queue::QueueName::Generation).await.expect("resumed");

    let entries = audit_log::Entity::find().filter(audit_log::Column::Target.eq(format!("job:{id}")));
    let entries = entries.all(app.db()).await.expect("listed");

    let mut actions: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["job.cancel", "job.retry"]);
    assert!(entries.iter().all(|entry| entry.actor_id.is_some_and(|actor| actor.to_string() == ada.id)));
    assert!(entries.iter().all(|entry| entry.request_id.is_some()));
    app.finish().await;
}
