//! Impossible paths in a published site.

use atelier_tests::{AppSetup, TestApp};
use serde_json::json;

use super::{bodies::raw, journey::publish};

async fn status_of(app: &TestApp, path: &str) -> u16 {
    let answer = raw(app, &format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")).await;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("{path}: {answer:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn impossible_paths_of_a_site_are_404() {
    let app = AppSetup::embedded().with(|settings| settings.limits.preview_per_minute = 10_000).start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    ada.job_once(&ada.start_generation(&project).await, "succeeded").await;
    let site = publish(&app, &ada, &project).await;
    let page = app.client().get(&site).send().await.expect(200).text();
    let style = page.split("href=\"").find_map(|rest| rest.split_once(".css\"")).expect("a style").0;
    let file = format!("{style}.css");
    assert_eq!(status_of(&app, &format!("{site}{file}")).await, 200);

    for path in [
        "index.html/".to_owned(),
        "index.html/index.html".to_owned(),
        format!("{file}/a"),
        format!("{file}/a/b/c.js"),
        "x".repeat(300),
        format!("{}/index.html", "x".repeat(300)),
        format!("{}.css", "é".repeat(200).replace('é', "%C3%A9")),
        "a/".repeat(300),
        "a%2F..%2F..%2F..%2Fatelier.db".to_owned(),
        "..%2f..%2fatelier.db".to_owned(),
        "%2e%2e/%2e%2e/atelier.db".to_owned(),
        "../../../atelier.db".to_owned(),
        "%2Fetc%2Fpasswd".to_owned(),
        "..%5C..%5Catelier.db".to_owned(),
        "a%231".to_owned(),
        "%0A".to_owned(),
        "%7F".to_owned(),
        "CON".to_owned(),
        "*".to_owned(),
        "a%3Fb".to_owned(),
    ] {
        let status = status_of(&app, &format!("{site}{path}")).await;
        assert_eq!(status, 404, "{path}");
    }
    for path in ["%00", "index.html%00", "%FF", "%C3%28/index.html"] {
        assert_eq!(status_of(&app, &format!("{site}{path}")).await, 400, "{path}");
    }
    assert_eq!(status_of(&app, &format!("/preview/{}/", "s".repeat(300))).await, 404);
    assert_eq!(ada.get(&format!("/api/projects/{project}/deployment/status")).await["status"], json!("live"));
    app.finish().await;
}
