//! A generation whose model servers are lost while they write.

use std::collections::BTreeMap;

use atelier_client::ServerEvent;
use atelier_config::FallbackSettings;
use atelier_tests::{AppSetup, Completion, FakeOpenAi};
use serde_json::{Value, json};

use super::{
    events::{data, rest},
    model::GOOD,
};

/// The files as a listener of the events has them at the end.
fn rebuild(events: &[ServerEvent]) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for told in events.iter().filter(|event| event.event == "file").map(data) {
        let path = told["path"].as_str().expect("a path").to_owned();
        if told["state"] == "dropped" {
            files.remove(&path);
            continue;
        }
        let offset = told["offset"].as_u64().and_then(|offset| usize::try_from(offset).ok());
        let text = files.entry(path).or_default();
        text.truncate(offset.expect("an offset"));
        text.push_str(told["text"].as_str().expect("a text"));
    }
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generation_outlives_two_servers_that_are_lost_in_the_middle() {
    let (page, style) = GOOD.split_at(GOOD.find("```css").expect("a style sheet"));
    let half = "```css path=styles.css\nh1 { col".to_owned();
    let first = FakeOpenAi::start([Completion::CutOff(vec![page.to_owned(), half.clone()])]).await;
    let second = FakeOpenAi::start([Completion::CutOff(vec![half])]).await;
    let third = FakeOpenAi::start([Completion::text(style)]).await;
    let setup = AppSetup::embedded().with_model(&first).with(|settings| {
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
    let project = ada.create_project("Reading list").await;
    let id = ada.start_generation(&project).await;

    let job = ada.job_once(&id, "succeeded").await;

    assert_eq!((&job["attempt"], &job["result"]["provider"]), (&json!(1), &json!("spare")), "{job}");
    let events = rest(&mut ada.events(&id, None).await).await;
    let restarts: Vec<Value> = events.iter().filter(|event| event.event == "restarted").map(data).collect();
    let told: Vec<_> = restarts.iter().map(|told| (&told["provider"], &told["kept_files"])).collect();
    let kept = json!(["index.html"]);
    assert_eq!(told, [(&json!("fallback"), &kept), (&json!("spare"), &kept)]);
    let code = ada.get(&format!("/api/projects/{project}/code")).await;
    assert_eq!(json!(rebuild(&events)), code["all_files"], "listeners have what is stored");
    assert_eq!(code["css_code"], "h1 { color: teal; }\n");
    let usage = ada.get(&format!("/api/projects/{project}/usage")).await;
    let classes: Vec<_> = usage.as_array().expect("a list").iter().map(|one| &one["class"]).collect();
    assert_eq!(classes.len(), 3, "{usage}");
    assert_eq!(classes.iter().filter(|class| **class == "transient").count(), 2, "{usage}");
    assert_eq!(ada.ledger().await, [("bonus", 10), ("usage", -2)].map(|(kind, sum)| (kind.to_owned(), sum)));
    app.finish().await;
}
