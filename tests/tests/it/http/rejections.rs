//! Rejected requests: status, code and fields.

use atelier_tests::{AppSetup, Client, PASSWORD, Person};
use futures::stream;
use serde_json::{Value, json};

use super::document::NOBODYS;

/// Small enough that a larger body arrives together with its headers: otherwise the server may
/// close the connection before the client has read the response.
const MAX_BODY: usize = 1000;

/// A request with an invalid JSON body, and the field in the response.
type Invalid<'a> = (&'a str, &'a str, Value, &'a str);

async fn check_invalid(client: &Client, cases: &[Invalid<'_>]) {
    for (method, path, body, field) in cases {
        let reply = client.call(method, path).json(body).send().await.refused(422, "VALIDATION_FAILED");
        let details = reply.json()["details"].take();
        let named: Vec<_> = details.as_object().expect("an object").keys().collect();
        assert_eq!(named, [field], "{method} {path} {details}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_are_validated() {
    let app = AppSetup::embedded().start().await;
    let register = |change: (&str, Value)| {
        let mut body = json!({"email": "ada@example.org", "password": PASSWORD, "full_name": "Ada"});
        body[change.0] = change.1;
        ("POST", "/api/auth/register", body, "")
    };
    let long_mail = format!("{}@example.org", "a".repeat(250));
    let cases = [
        ("password", json!("1234567")),
        ("password", json!("p".repeat(129))),
        ("password", json!(12_345_678)),
        ("password", Value::Null),
        ("email", json!("")),
        ("email", json!("ada")),
        ("email", json!("ada@localhost")),
        ("email", json!("ada@example.org\r\nBcc: eve@example.org")),
        ("email", json!(long_mail)),
        ("full_name", json!("")),
        ("full_name", json!("   ")),
        ("full_name", json!("n".repeat(121))),
        ("full_name", json!("Ada\nLovelace")),
        ("locale", json!("de")),
        ("time_zone", json!("not a zone")),
        ("country", json!("FRA")),
    ];
    let cases = cases.map(|(field, value)| {
        let (method, path, body, _) = register((field, value));
        (method, path, body, field)
    });
    check_invalid(&app.client(), &cases).await;
    let missing = [
        ("POST", "/api/auth/register", json!({"password": PASSWORD, "full_name": "Ada"}), "email"),
        ("POST", "/api/auth/login", json!({"email": "ada@example.org"}), "password"),
        ("POST", "/api/auth/refresh", json!({}), "refresh_token"),
    ];
    check_invalid(&app.client(), &missing).await;

    let fine = [("password", "p".repeat(128)), ("password", "é".repeat(8)), ("full_name", "n".repeat(120))];
    for (number, (field, value)) in fine.into_iter().enumerate() {
        let (_, path, mut body, _) = register((field, value.into()));
        body["email"] = json!(format!("ada{number}@example.org"));
        let _taken = app.client().post(path).json(&body).send().await.expect(201);
    }
    let (_, path, body, _) = register(("email", json!("ADA0@example.org")));
    let _taken = app.client().post(path).json(&body).send().await.refused(409, "EMAIL_TAKEN");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projects_are_validated() {
    let app = AppSetup::embedded().start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = format!("/api/projects/{}", ada.create_project("Reading list").await);
    let (generate, deploy) = (format!("{project}/generate"), format!("{project}/deploy"));
    let (long_title, long_text) = ("t".repeat(121), "d".repeat(5001));
    let cases = [
        ("POST", "/api/projects", json!({}), "title"),
        ("POST", "/api/projects", json!({"title": ""}), "title"),
        ("POST", "/api/projects", json!({"title": " \t "}), "title"),
        ("POST", "/api/projects", json!({"title": long_title}), "title"),
        ("POST", "/api/projects", json!({"title": "x", "description": long_text}), "description"),
        ("POST", "/api/projects", json!({"title": "x", "description": "nul\u{0}"}), "description"),
        ("POST", "/api/projects", json!({"title": "x", "type": "game"}), "type"),
        ("PUT", &project, json!({"title": ""}), "title"),
        ("PUT", &project, json!({"title": long_title}), "title"),
        ("PUT", &project, json!({"description": long_text}), "description"),
        ("PUT", &project, json!({"status": "perfect"}), "status"),
        ("PUT", &project, json!({"status": "generating"}), "status"),
        ("POST", &generate, json!({"mode": "slow"}), "mode"),
        ("POST", &generate, json!({"prompt": long_text}), "prompt"),
        ("POST", &generate, json!({"stack": "cobol"}), "stack"),
        ("POST", &deploy, json!({"platform": "moon"}), "platform"),
        ("POST", &deploy, json!({"version": "one"}), "version"),
    ];
    check_invalid(&ada.client, &cases).await;

    let largest = json!({"title": "é".repeat(120), "description": "é".repeat(5000)});
    let _taken = ada.client.post("/api/projects").json(&largest).send().await.expect(201);
    for (method, path) in [
        ("GET", "code"),
        ("GET", "versions/1"),
        ("GET", "versions/1/diff/2"),
        ("GET", "versions/1/files/index.html"),
        ("POST", "versions/1/restore"),
        ("POST", "export/zip"),
        ("POST", "deploy"),
    ] {
        let reply = ada.client.call(method, &format!("{project}/{path}")).send().await;
        let _none_yet = reply.refused(404, "VERSION_NOT_FOUND");
    }
    assert_eq!((ada.balance().await, app.jobs_of("generation.run").await.len()), (10, 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_validated_before_they_are_read() {
    let app = AppSetup::embedded().with(|settings| settings.server.max_body_bytes = MAX_BODY).start().await;
    let ada = app.client().register("ada@example.org").await;
    let post = |kind: &str, body: &str| ada.client.post("/api/projects").body(kind, body.to_owned());
    let large = format!("{{\"title\": \"x\", \"padding\": \"{}\"}}", "p".repeat(MAX_BODY));
    for (kind, body, status, code) in [
        ("text/plain", "{\"title\": \"x\"}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("application/x-www-form-urlencoded", "title=x", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("application/json", "", 400, "INVALID_JSON"),
        ("application/json", "{\"title\": \"x\"", 400, "INVALID_JSON"),
        ("application/json", "{\"title\": \"x\"}}", 400, "INVALID_JSON"),
        ("application/json", "title", 400, "INVALID_JSON"),
        ("application/json", "\u{feff}{\"title\": \"x\"}", 400, "INVALID_JSON"),
        ("application/json", "[]", 422, "VALIDATION_FAILED"),
        ("application/json", "null", 422, "VALIDATION_FAILED"),
        ("application/json", &large, 413, "PAYLOAD_TOO_LARGE"),
    ] {
        let _refused = post(kind, body).send().await.refused(status, code);
    }
    let keyed = post("application/json", &large).header("idempotency-key", "one").send().await;
    let _refused = keyed.refused(413, "PAYLOAD_TOO_LARGE");
    let _no_type = ada.client.post("/api/projects").send().await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    let deep = format!("{{\"title\": {}1{}}}", "[".repeat(300), "]".repeat(300));
    assert!(matches!(post("application/json", &deep).send().await.status, 400 | 422));

    // Without a Content-Length.
    let pieces: Vec<Result<String, std::io::Error>> =
        large.as_bytes().chunks(300).map(|piece| Ok(String::from_utf8_lossy(piece).into_owned())).collect();
    let body = reqwest::Body::wrap_stream(stream::iter(pieces));
    let reply = ada.client.post("/api/projects").body("application/json", body).send().await;
    let _refused = reply.refused(413, "PAYLOAD_TOO_LARGE");

    let _taken =
        post("application/json; charset=utf-8", "{\"title\": \"x\", \"new\": 1}").send().await.expect(201);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn urls_and_parameters_are_validated() {
    let app = AppSetup::embedded().start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    for (method, path) in [
        ("GET", "/api/projects/seven"),
        ("PUT", "/api/projects/7"),
        ("DELETE", "/api/projects/seven"),
        ("GET", "/api/projects/seven/code"),
        ("POST", "/api/projects/seven/generate"),
        ("POST", "/api/projects/%F0%9F%8E%89/deploy"),
        ("GET", "/api/jobs/seven"),
        ("GET", "/api/jobs/seven/events"),
        ("POST", "/api/jobs/seven/cancel"),
        ("POST", &format!("/api/projects/{project}/versions/first/restore")),
        ("GET", &format!("/api/projects/{project}/versions/1/diff/last")),
    ] {
        let call = ada.client.call(method, path);
        let call = if method == "PUT" { call.json(&json!({})) } else { call };
        let reply = call.send().await.refused(400, "INVALID_PATH");
        assert!(reply.json()["details"].as_object().is_some_and(|details| details.len() == 1), "{path}");
    }
    let versions = format!("/api/projects/{project}/versions");
    let (messages, usage) =
        (format!("/api/projects/{project}/messages"), format!("/api/projects/{project}/usage"));
    for list in ["/api/projects", "/api/jobs", "/api/credits/history", &versions, &messages, &usage] {
        for (query, field) in [
            ("page_size=101", "page_size"),
            ("page_size=0", "page_size"),
            ("page_size=-1", "page_size"),
            ("page_size=many", "page_size"),
            ("page=0", "page"),
            ("page=-1", "page"),
            ("page=18446744073709551616", "page"),
        ] {
            let reply = ada.client.get(&format!("{list}?{query}")).send().await;
            let refused = reply.refused(422, "VALIDATION_FAILED");
            assert!(refused.json()["details"][field].is_string(), "{list}?{query}: {}", refused.text());
        }
        let largest = ada.client.get(&format!("{list}?page=1000000&page_size=100")).send().await.expect(200);
        assert_eq!(largest.json(), json!([]), "{list}");
    }
    for query in ["status=done", "project=seven"] {
        let reply = ada.client.get(&format!("/api/jobs?{query}")).send().await;
        let _refused = reply.refused(422, "VALIDATION_FAILED");
    }
    for version in ["x", "1.5", "2147483648"] {
        let code = ada.client.get(&format!("/api/projects/{project}/code?version={version}")).send().await;
        let _refused = code.refused(422, "VALIDATION_FAILED");
    }
    for version in ["0", "-1", "2147483647"] {
        let code = ada.client.get(&format!("/api/projects/{project}/code?version={version}")).send().await;
        let _missing = code.refused(404, "VERSION_NOT_FOUND");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_resources_get_the_common_error_body() {
    let app = AppSetup::embedded().start().await;
    let ada = app.client().register("ada@example.org").await;
    for (path, code) in [
        ("//", "NOT_FOUND"),
        ("/nowhere", "NOT_FOUND"),
        ("/api/nowhere", "NOT_FOUND"),
        ("/api/projects/", "NOT_FOUND"),
        ("/preview/nobody/", "NOT_FOUND"),
        ("/preview/nobody/../../../etc/passwd", "NOT_FOUND"),
        ("/preview/nobody/..%2f..%2fetc%2fpasswd", "NOT_FOUND"),
        (&format!("/api/projects/{NOBODYS}"), "NOT_FOUND"),
        (&format!("/api/jobs/{NOBODYS}/why"), "NOT_FOUND"),
    ] {
        let _missing = ada.client.get(path).send().await.refused(404, code);
    }
    for (method, path, allowed) in [
        ("PATCH", "/api/projects", "GET,HEAD,POST"),
        ("DELETE", "/api/auth/login", "POST"),
        ("POST", "/api/stats", "GET,HEAD"),
        ("PUT", "/healthz", "GET,HEAD"),
    ] {
        let reply = ada.client.call(method, path).send().await.refused(405, "METHOD_NOT_ALLOWED");
        assert_eq!(reply.header("allow"), allowed, "{method} {path}");
    }
    check_request_ids(&ada).await;
    app.finish().await;
}

/// PostgreSQL rejects a NUL in a text, so it must be rejected earlier.
pub(super) async fn a_nul_is_rejected_without_an_internal_error(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;

    let login = app.client().login("ada\u{0}@example.org", PASSWORD).await;
    let _unknown = login.refused(401, "BAD_CREDENTIALS");
    let _wrong =
        app.client().login("ada@example.org", "nul\u{0}nul\u{0}").await.refused(401, "BAD_CREDENTIALS");
    let _unknown = app.client().refresh("\u{0}").await.refused(401, "INVALID_TOKEN");
    for path in ["/api/jobs?kind=%00", "/preview/%00/", "/preview/nobody/%00", "/preview/%00/index.html"] {
        let _refused = ada.client.get(path).send().await.refused(400, "BAD_REQUEST");
    }
    let cases = [
        ("POST", "/api/projects", json!({"title": "nul\u{0}"}), "title"),
        ("POST", "/api/projects", json!({"title": "x", "description": "nul\u{0}"}), "description"),
    ];
    check_invalid(&ada.client, &cases).await;
    app.finish().await;
}

async fn check_request_ids(person: &Person) {
    let given = person.client.get("/nowhere").header("x-request-id", "from-the-client.7").send().await;
    assert_eq!(given.refused(404, "NOT_FOUND").header("x-request-id"), "from-the-client.7");
    for not_sane in ["two words", &"x".repeat(129), "{\"forged\":true}"] {
        let reply = person.client.get("/nowhere").header("x-request-id", not_sane).send().await;
        let id = reply.refused(404, "NOT_FOUND").header("x-request-id").to_owned();
        assert!(!id.is_empty() && id != not_sane, "{id}");
    }
}
