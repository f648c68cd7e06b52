use std::collections::BTreeMap;
use std::sync::Mutex;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::*;

fn folder() -> (tempfile::TempDir, Objects) {
    let folder = tempfile::tempdir().expect("a folder");
    let objects =
        Objects::open(&ObjectStoreOptions::Folder(folder.path().join("new/objects"))).expect("a store");
    (folder, objects)
}

fn s3_options() -> S3Options {
    S3Options {
        bucket: "kept".into(),
        prefix: String::new(),
        endpoint: String::new(),
        region: "us-east-1".into(),
        access_key_id: "id".into(),
        secret_access_key: "secret".to_owned().into(),
    }
}

async fn put(objects: &Objects, key: &str, text: &'static str) {
    objects.put(key, Bytes::from_static(text.as_bytes()), "text/plain").await.expect(key);
}

#[tokio::test]
async fn keeps_replaces_lists_and_deletes() {
    let (_folder, objects) = folder();
    put(&objects, "sites/a/index.html", "old").await;
    put(&objects, "sites/a/index.html", "new").await;
    put(&objects, "sites/a/src/[id] é 100%.tsx", "odd").await;
    put(&objects, "sites/ab/index.html", "other").await;
    let (bytes, content_type) = objects.get("sites/a/index.html").await.expect("a store").expect("kept");
    assert_eq!((bytes.as_ref(), content_type.as_str()), (b"new".as_slice(), "text/html; charset=utf-8"));
    assert_eq!(objects.get("sites/a/none.css").await.expect("a store"), None);
    assert_eq!(objects.get("sites/a").await.ok().flatten(), None);
    let listed = objects.list_prefix("sites/a").await.expect("a store");
    assert_eq!(listed, ["sites/a/index.html", "sites/a/src/[id] é 100%.tsx"]);
    for _ in 0..2 {
        objects.delete("sites/a/index.html").await.expect("a store");
    }
    assert_eq!(objects.delete_prefix("sites/a").await.expect("a store"), 1);
    assert_eq!(objects.delete_prefix("sites/a").await.expect("a store"), 0);
    assert_eq!(objects.list_prefix("sites").await.expect("a store"), ["sites/ab/index.html"]);
}

#[tokio::test]
async fn rejects_keys_that_climb_out() {
    let (folder, objects) = folder();
    let long = "x/".repeat(MAX_KEY_BYTES / 2) + "x";
    let long_name = format!("a/{}.html", "x".repeat(300));
    for key in [
        "",
        "/",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a/./b",
        "a//b",
        "a/",
        "a\\..\\b",
        "a\0b",
        "a\nb",
        "a/b#1",
        &long,
        &long_name,
    ] {
        let put = objects.put(key, Bytes::new(), "text/plain").await.expect_err(key);
        assert!(matches!(put, ObjectError::InvalidKey { .. }), "{key:?}: {put:?}");
        assert!(objects.get(key).await.is_err(), "{key:?}");
        assert!(objects.delete_prefix(key).await.is_err(), "{key:?}");
        assert!(objects.list_prefix(key).await.is_err(), "{key:?}");
    }
    let strays = std::fs::read_dir(folder.path()).expect("the folder").count();
    assert_eq!(strays, 1);
}

#[tokio::test]
async fn names_that_cannot_be_are_not_there() {
    let (folder, objects) = folder();
    put(&objects, "sites/a/index.html", "page").await;
    let odd = ["\u{202e}", "%00", "%2e%2e", "..%2f", "?", "#", "#1a", "*", ":", "~", "\u{7f}é", " ", "con"];
    let odd = odd.map(|name| format!("sites/a/{name}"));
    let known = ["sites/a/index.html/", "sites/a/index.html/b", "sites/a/index.html/b/c", "sites/a", "sites"];
    let long = format!("sites/a/{}", "x".repeat(MAX_NAME_BYTES));
    for key in odd.iter().map(String::as_str).chain(known).chain([long.as_str()]) {
        let found = objects.get(key).await;
        let is_absent = matches!(&found, Ok(None) | Err(ObjectError::InvalidKey { .. }));
        assert!(is_absent, "{key:?}: {found:?}");
        let deleted = objects.delete(key).await;
        let is_fine = matches!(&deleted, Ok(()) | Err(ObjectError::InvalidKey { .. }));
        assert!(is_fine, "{key:?}: {deleted:?}");
    }
    assert!(objects.get("sites/a/index.html").await.expect("a store").is_some());
    put(&objects, &long, "as long as may be").await;
    drop(folder);
}

#[tokio::test]
async fn a_bucket_is_never_asked_for_a_key_beyond_its_bound() {
    let options =
        S3Options { prefix: "p".repeat(200), endpoint: "http://127.0.0.1:9".into(), ..s3_options() };
    let objects = Objects::open(&ObjectStoreOptions::S3(options)).expect("a store");

    let refused = objects.get(&format!("{}a", "abcdefg/".repeat(103))).await;

    assert!(matches!(refused, Err(ObjectError::InvalidKey { .. })), "{refused:?}");
}

#[test]
fn reads_store_urls() {
    let read = |url: &str| ObjectStoreOptions::from_url(url, PathBuf::from("/data/objects"), s3_options());
    assert!(matches!(read(""), Ok(ObjectStoreOptions::Folder(path)) if path.ends_with("data/objects")));
    assert!(matches!(read("file:///srv/x"), Ok(ObjectStoreOptions::Folder(path)) if path.ends_with("srv/x")));
    let Ok(ObjectStoreOptions::S3(options)) = read("s3://bucket/a/b/") else { panic!("not S3") };
    assert_eq!((options.bucket.as_str(), options.prefix.as_str()), ("bucket", "a/b"));
    for url in ["ftp://x/y", "s3://", "nonsense"] {
        assert!(matches!(read(url), Err(ObjectError::Misconfigured { .. })), "{url}");
    }
}

#[test]
fn knows_content_types() {
    let table = [
        ("a/index.html", "text/html; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("data.json", "application/json"),
        ("icon.svg", "image/svg+xml"),
        ("project.zip", "application/zip"),
        ("LICENSE", "application/octet-stream"),
    ];
    for (key, expected) in table {
        assert_eq!(content_type_of(key), expected, "{key}");
    }
}

type Bucket = Arc<Mutex<BTreeMap<String, (String, Bytes)>>>;

async fn answer_s3(State(bucket): State<Bucket>, request: Request) -> Response {
    assert!(request.headers().contains_key("authorization"), "the request is not signed");
    let key = request.uri().path().trim_start_matches("/kept/").to_owned();
    let content_type =
        request.headers().get("content-type").map_or("", |value| value.to_str().expect("text")).to_owned();
    let method = request.method().clone();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.expect("a body");
    let mut bucket = bucket.lock().expect("the bucket");
    match method {
        Method::PUT => {
            bucket.insert(key, (content_type, body));
            [("etag", "\"1\"")].into_response()
        }
        _ => match bucket.get(&key) {
            Some((_, bytes)) => {
                let headers = [("etag", "\"1\""), ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT")];
                (headers, bytes.clone()).into_response()
            }
            None => StatusCode::NOT_FOUND.into_response(),
        },
    }
}

#[tokio::test]
async fn speaks_s3_below_its_prefix() {
    let bucket = Bucket::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(answer_s3).with_state(bucket.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let options = S3Options { endpoint, prefix: "atelier".into(), ..s3_options() };
    let objects = Objects::open(&ObjectStoreOptions::S3(options)).expect("a store");
    objects.put("zips/a.zip", Bytes::from_static(b"zip"), "application/zip").await.expect("kept");
    let (bytes, _) = objects.get("zips/a.zip").await.expect("a store").expect("kept");
    assert_eq!(bytes, "zip");
    assert_eq!(objects.get("zips/b.zip").await.expect("a store"), None);
    let kept = bucket.lock().expect("the bucket").get("atelier/zips/a.zip").cloned();
    assert_eq!(kept.expect("under the prefix").0, "application/zip");
}
