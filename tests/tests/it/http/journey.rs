//! A project from its creation to its deletion.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
};

use atelier_foundation::{Page, mail::OutboxFilter};
use atelier_queue::NewJob;
use atelier_services::stats::AggregateStats;
use atelier_tests::{AppSetup, Person, TestApp, job_id, until};
use serde_json::{Value, json};
use zip::ZipArchive;

type Files = BTreeMap<String, String>;

/// The stages of a generation without faults, in order.
const STAGES: [&str; 5] = ["preparing", "writing", "checking", "saving", "done"];

pub(super) async fn a_description_becomes_a_published_site(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("Ada@Example.org").await;
    let me = ada.get("/api/auth/me").await;
    assert_eq!((&me["user"]["email"], &me["user"]["credits"]), (&json!("ada@example.org"), &json!(10)));
    let project = ada.create_project("Reading list").await;
    assert_eq!(ada.project(&project).await["status"], "draft");

    let started = ada.generate(&project).await.expect(202);
    assert_eq!(started.header("retry-after"), "1");
    let job = job_id(&started);
    let origin = app.jobs_of("generation.run").await.remove(0).request_id;
    assert_eq!(origin.as_deref(), Some(started.header("x-request-id")));
    assert_eq!(stages_of(&ada, &job).await, STAGES);
    check_poll_of_an_ended_job(&ada, &job).await;
    let files = check_code(&ada, &project).await;
    check_zip(&ada, &project, &files).await;
    check_site(&app, &ada, &project, &files["index.html"]).await;
    check_figures(&app, &ada).await;

    assert_eq!(ada.ledger().await, [("bonus".to_owned(), 10), ("usage".to_owned(), -2)]);
    let page = Page { number: 1, size: 10 };
    let (mails, _) = app
        .platform()
        .services
        .foundation
        .mail
        .list_outbox(&OutboxFilter::default(), page)
        .await
        .expect("the outbox");
    let templates: Vec<_> = mails.iter().rev().map(|mail| mail.template.as_str()).collect();
    assert_eq!(templates, ["welcome", "generation_finished", "deployment_finished"]);
    app.finish().await;
}

/// The stages in the event stream, up to its end.
async fn stages_of(person: &Person, job: &str) -> Vec<String> {
    let mut stages = Vec::new();
    let mut stream = person.events(job, None).await;
    while let Some(event) = stream.next().await.expect("the stream is whole") {
        let data: Value = serde_json::from_str(&event.data).expect("JSON");
        match event.event.as_str() {
            "progress" => stages.push(data["stage"].as_str().expect("a stage").to_owned()),
            "end" => {
                assert_eq!(data["status"], "succeeded", "{data}");
                assert!(stream.next().await.expect("the stream is whole").is_none(), "nothing after the end");
                return stages;
            }
            _ => {}
        }
    }
    panic!("the stream ended without an end: {stages:?}")
}

async fn check_poll_of_an_ended_job(person: &Person, job: &str) {
    let path = format!("/api/jobs/{job}");
    let polled = person.client.get(&path).send().await.expect(200);
    let body = polled.json();
    assert_eq!((&body["status"], &body["progress"]["percent"]), (&json!("succeeded"), &json!(100)));
    assert_eq!(body["result"]["version"], 1);
    assert_eq!(polled.header("retry-after"), "", "there is nothing to wait for");
    let etag = polled.header("etag");
    let again = person.client.get(&path).header("if-none-match", etag).send().await.expect(304);
    assert_eq!((again.header("etag"), again.bytes.len()), (etag, 0));
}

async fn check_code(person: &Person, project: &str) -> Files {
    let code = person.get(&format!("/api/projects/{project}/code")).await;
    let files: Files = serde_json::from_value(code["all_files"].clone()).expect("files");
    assert_eq!(code["version"], 1);
    assert_eq!(code["html_code"].as_str(), files.get("index.html").map(String::as_str));
    let versions = person.client.get(&format!("/api/projects/{project}/versions")).send().await.expect(200);
    assert_eq!(versions.header("x-total-count"), "1");
    let version = &versions.json()[0];
    assert_eq!((&version["number"], &version["provider"]), (&json!(1), &json!("scaffold")));
    assert_eq!(version["file_count"], files.len());
    let shown = person.project(project).await;
    assert_eq!((&shown["status"], &shown["current_version"]), (&json!("completed"), &json!(1)));
    files
}

async fn check_zip(person: &Person, project: &str, files: &Files) {
    let path = format!("/api/projects/{project}/export/zip");
    let download = person.client.post(&path).send().await.expect(200);
    assert_eq!(download.header("content-type"), "application/zip");
    let disposition = download.header("content-disposition");
    assert!(disposition.starts_with("attachment; filename=\"reading-list"), "{disposition}");
    let mut archive = ZipArchive::new(Cursor::new(&download.bytes)).expect("a ZIP");
    let mut packed = Files::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("an entry");
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("text");
        packed.insert(entry.name().expect("a name").into_owned(), text);
    }
    assert_eq!(&packed, files);
    let again = person.client.post(&path).send().await.expect(200);
    assert!(again.bytes == download.bytes, "the same version is the same file");
}

/// Publishes the project and returns the path of its site.
pub(super) async fn publish(app: &TestApp, person: &Person, project: &str) -> String {
    let path = format!("/api/projects/{project}/deploy");
    let started = person.client.post(&path).json(&json!({"platform": "preview"})).send().await.expect(202);
    person.job_once(&job_id(&started), "succeeded").await;
    let status = person.get(&format!("/api/projects/{project}/deployment/status")).await;
    assert_eq!(status["status"], "live", "{status}");
    assert!(status["logs"].as_array().is_some_and(|lines| !lines.is_empty()), "{status}");
    app.path_of(status["url"].as_str().expect("a URL")).to_owned()
}

async fn check_site(app: &TestApp, person: &Person, project: &str, page: &str) {
    let before = person.get(&format!("/api/projects/{project}/deployment/status")).await;
    assert_eq!((&before["status"], &before["url"]), (&json!("not_deployed"), &Value::Null));
    let site = publish(app, person, project).await;
    assert!(site.starts_with("/preview/reading-list-") && site.ends_with('/'), "{site}");

    let visitor = app.client();
    let shown = visitor.get(&site).send().await.expect(200);
    let (before, after) = page.rsplit_once("</body>").expect("a body");
    let text = shown.text();
    assert!(text.starts_with(before) && text.ends_with(after), "{text}");
    let policy = shown.header("content-security-policy");
    for directive in ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "sandbox allow-scripts"] {
        assert!(policy.contains(directive), "{policy}");
    }
    for opening in ["allow-same-origin", "unsafe-eval", "script-src 'self' 'unsafe-inline'"] {
        assert!(!policy.contains(opening), "{policy}");
    }
    assert_eq!(shown.header("x-content-type-options"), "nosniff");
    let cached = visitor.get(&site).header("if-none-match", shown.header("etag")).send().await;
    assert_eq!(cached.status, 304);
    for link in local_links(page) {
        let file = visitor.get(&format!("{site}{link}")).send().await.expect(200);
        assert_eq!(file.header("content-security-policy"), policy, "{link}");
    }
    let _missing = visitor.get(&format!("{site}nothing.js")).send().await.expect(404);
    let folder = site.trim_end_matches('/');
    assert_eq!(visitor.get(folder).send().await.expect(308).header("location"), site);
    until("both views of the page are written", async || {
        (person.project(project).await["views"] == 2).then_some(())
    })
    .await;
}

/// The files that a page loads.
fn local_links(page: &str) -> Vec<&str> {
    let links: Vec<&str> = ["src=\"", "href=\""]
        .iter()
        .flat_map(|attribute| page.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .filter(|link| !link.contains(':') && !link.starts_with('#') && !link.starts_with('/'))
        .collect();
    assert!(!links.is_empty(), "the page loads nothing: {page}");
    links
}

async fn check_figures(app: &TestApp, person: &Person) {
    let own = person.get("/api/users/stats").await;
    assert_eq!(own, json!({"totalProjects": 1, "activeProjects": 1, "totalViews": 2}));
    let figures = until("the figures are counted", async || {
        app.queue().enqueue(NewJob::of(&AggregateStats {})).await.expect("enqueued");
        let figures = app.client().get("/api/stats").send().await.expect(200).json();
        (figures["total_apps"] == 1).then_some(figures)
    })
    .await;
    assert_eq!((&figures["users"], &figures["apps"]), (&json!("1"), &json!("1")));
    assert_eq!((&figures["total_users"], &figures["active_users_today"]), (&json!(1), &json!(1)));
    assert_eq!(figures["projects_created_today"], 1);
}

pub(super) async fn a_second_version_replaces_the_first_and_can_be_undone(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    ada.job_once(&ada.start_generation(&project).await, "succeeded").await;
    let first = publish(&app, &ada, &project).await;

    let wish = json!({"mode": "advanced", "prompt": "Add a list of publishers with a country"});
    let path = format!("/api/projects/{project}/generate");
    let started = ada.client.post(&path).json(&wish).send().await.expect(202);
    let job = ada.job_once(&job_id(&started), "succeeded").await;
    assert_eq!(job["result"]["version"], 2);
    assert_eq!(ada.balance().await, 4);
    let numbers = |versions: &Value| -> Vec<Value> {
        versions.as_array().expect("a list").iter().map(|version| version["number"].clone()).collect()
    };
    let versions = ada.get(&format!("/api/projects/{project}/versions")).await;
    assert_eq!(numbers(&versions), [2, 1]);
    assert_eq!(publish(&app, &ada, &project).await, first, "the address stays");

    let restore = format!("/api/projects/{project}/versions/1/restore");
    let restored = ada.client.post(&restore).send().await.expect(200).json();
    assert_eq!(restored["project"]["current_version"], 3);
    let files = async |version: &str| {
        ada.get(&format!("/api/projects/{project}/code{version}")).await["all_files"].clone()
    };
    assert_eq!(files("").await, files("?version=1").await);
    assert_eq!(ada.get(&format!("/api/projects/{project}/versions/3")).await["restored_from"], 1);
    let same = ada.get(&format!("/api/projects/{project}/versions/1/diff/3")).await;
    assert_eq!(same["files"], json!([]));
    let changed = ada.get(&format!("/api/projects/{project}/versions/1/diff/2")).await;
    assert_ne!(changed["files"], json!([]));
    let messages = ada.get(&format!("/api/projects/{project}/messages")).await;
    assert_eq!((&messages[0]["text"], &messages[0]["version"]), (&wish["prompt"], &json!(2)));
    let file = ada.get(&format!("/api/projects/{project}/versions/1/files/index.html")).await;
    assert_eq!(file["language"], "html");
    assert_eq!(ada.get(&format!("/api/projects/{project}/code?version=2")).await["version"], 2);
    let missing = ada.client.get(&format!("/api/projects/{project}/code?version=4")).send().await;
    let _refused = missing.refused(404, "VERSION_NOT_FOUND");
    app.finish().await;
}

pub(super) async fn a_deleted_project_takes_its_site_along(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    ada.job_once(&ada.start_generation(&project).await, "succeeded").await;
    let site = publish(&app, &ada, &project).await;

    let path = format!("/api/projects/{project}");
    let deleted = ada.client.call("DELETE", &path).send().await.expect(200);
    assert_eq!(deleted.json(), json!({"success": true}));

    let _gone = ada.client.get(&path).send().await.refused(404, "NOT_FOUND");
    let _gone = app.client().get(&site).send().await.refused(404, "NOT_FOUND");
    assert_eq!(ada.get("/api/projects").await, json!([]));
    app.finish().await;
}
