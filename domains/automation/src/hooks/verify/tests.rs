//! Signatures that the services have published, and those of a construction of our own.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;

const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const STANDARD_BODY: &str = r#"{"test": 2432232314}"#;
const STANDARD_TIME: i64 = 1_614_265_330;
const SLACK_BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

/// HMAC with SHA-256 as RFC 2104 writes it, for keys of at most 64 bytes.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad =
        |with: u8| (0..64).map(|at| key.get(at).copied().unwrap_or_default() ^ with).collect::<Vec<_>>();
    let inner = Sha256::digest([pad(0x36), message.to_vec()].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(seconds, 0).expect("a time")
}

struct Case {
    rules: Verify,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    secret: &'static str,
    now: i64,
}

impl Case {
    fn new(
        rules: Value,
        headers: &[(&'static str, &str)],
        body: &str,
        secret: &'static str,
        now: i64,
    ) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let rules = serde_json::from_value(rules).expect("rules");
        Self { rules, headers, body: body.as_bytes().to_vec(), secret, now }
    }

    fn check(&self, secrets: &[&str], once_per_body: bool) -> Result<Verified, Refused> {
        let headers: Headers = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let secrets: Vec<_> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        let received = Received { method: "POST", query: "", headers: &headers, body: &self.body };
        verify(&self.rules, once_per_body, received, &secrets, at(self.now))
    }

    fn run(&self) -> Result<Verified, Refused> {
        self.check(&[self.secret], false)
    }

    fn is_refused(&self) -> bool {
        self.run().is_err()
    }
}

fn scheme(name: &str) -> Value {
    json!({"scheme": name})
}

fn standard() -> Case {
    let headers = [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ];
    Case::new(scheme("standard"), &headers, STANDARD_BODY, STANDARD_SECRET, STANDARD_TIME)
}

fn github() -> Case {
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let headers = [("X-Hub-Signature-256", signature), ("X-GitHub-Delivery", "1")];
    Case::new(scheme("github"), &headers, "Hello, World!", "It's a Secret to Everybody", 0)
}

fn slack() -> Case {
    let headers = [
        ("X-Slack-Request-Timestamp", "1531420618"),
        ("X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
    ];
    Case::new(scheme("slack"), &headers, SLACK_BODY, "8f742231b10e8888abcd99yyyzzz85a5", 1_531_420_618)
}

fn stripe() -> Case {
    let body = r#"{"id": "evt_1"}"#;
    let signature = hex::encode(hmac(b"whsec_test", format!("1700000000.{body}").as_bytes()));
    let header = format!("t=1700000000,v1={},v1={signature},v0=old", "00".repeat(32));
    Case::new(scheme("stripe"), &[("Stripe-Signature", &header)], body, "whsec_test", 1_700_000_000)
}

fn shopify() -> Case {
    let signature = STANDARD.encode(hmac(b"hush", b"{}"));
    Case::new(scheme("shopify"), &[("X-Shopify-Hmac-Sha256", &signature)], "{}", "hush", 0)
}

fn generic(timed: bool) -> Case {
    let signed: &[u8] = if timed { b"1700000000.body" } else { b"body" };
    let signature = format!("v1:{}", STANDARD.encode(hmac(b"hush", signed)));
    let mut rules = json!({"scheme": "generic", "header": "X-Proof", "encoding": "base64", "prefix": "v1:"});
    if timed {
        rules["timestamp_header"] = json!("X-Time");
    }
    let headers = [("x-proof", signature.as_str()), ("x-time", "1700000000")];
    Case::new(rules, &headers, "body", "hush", 1_700_000_000)
}

fn tokens() -> [Case; 2] {
    let gitlab = [("X-Gitlab-Token", "hush")];
    let telegram = [("X-Telegram-Bot-Api-Secret-Token", "hush")];
    [
        Case::new(scheme("gitlab"), &gitlab, "{}", "hush", 0),
        Case::new(scheme("telegram"), &telegram, "{}", "hush", 0),
    ]
}

fn signed() -> Vec<Case> {
    vec![standard(), github(), slack(), stripe(), shopify(), generic(false), generic(true)]
}

#[test]
fn published_signatures_are_accepted() {
    for case in signed().into_iter().chain(tokens()) {
        assert!(!case.is_refused(), "{:?}", case.rules);
    }
}

#[test]
fn another_secret_another_body_and_missing_headers_are_refused() {
    for mut case in signed() {
        assert_eq!(case.check(&["another"], false), Err(Refused), "{:?}", case.rules);
        assert_eq!(case.check(&[], false), Err(Refused), "{:?}", case.rules);
        case.body.push(b' ');
        assert!(case.is_refused(), "whitespace is a part of what was signed: {:?}", case.rules);
        case.body.pop();
        case.headers.clear();
        assert!(case.is_refused(), "{:?}", case.rules);
    }
    for case in tokens() {
        assert_eq!(case.check(&["hus"], false), Err(Refused));
        assert_eq!(case.check(&["hush1"], false), Err(Refused));
    }
}

#[test]
fn either_of_two_secrets_proves_a_call() {
    for case in signed().into_iter().chain(tokens()) {
        assert!(case.check(&["another", case.secret], false).is_ok(), "{:?}", case.rules);
    }
}

#[test]
fn a_signed_time_is_near_in_both_directions() {
    for case in [standard(), slack(), stripe(), generic(true)] {
        let signed_at = case.now;
        for (offset, expected) in [(-301, false), (-300, true), (300, true), (301, false)] {
            let moved = Case { now: signed_at + offset, ..copy(&case) };
            assert_eq!(!moved.is_refused(), expected, "{:?} {offset}", case.rules);
        }
    }
}

fn copy(case: &Case) -> Case {
    let Case { rules, headers, body, secret, now } = case;
    Case { rules: rules.clone(), headers: headers.clone(), body: body.clone(), secret, now: *now }
}

#[test]
fn a_time_is_written_in_digits_alone() {
    for time in ["", " 1614265330", "+1614265330", "1614265330.0", "99999999999999999999"] {
        let mut case = standard();
        case.headers[1].1 = time.to_owned();
        assert!(case.is_refused(), "{time:?}");
    }
}

#[test]
fn an_id_with_a_dot_could_be_signed_for_two_calls() {
    let mut case = standard();
    let signature = hmac(b"hush", b"a.1614265330.1614265330.{}");
    case.secret = "hush";
    case.body = b"{}".to_vec();
    case.headers[0].1 = "a.1614265330".to_owned();
    case.headers[2].1 = format!("v1,{}", STANDARD.encode(signature));
    assert!(case.is_refused());
}

#[test]
fn a_call_is_recognized_by_what_was_signed() {
    for case in [slack(), stripe(), generic(true)] {
        let keys = case.run().expect("proven").replay_keys;
        assert_eq!(keys.len(), 1, "{:?}", case.rules);
        let mut again = copy(&case);
        again.headers.push(("x-delivery", "another".to_owned()));
        assert_eq!(again.run().expect("proven").replay_keys, keys, "an unsigned id tells nothing");
        assert_eq!(keys[0].kept, Duration::from_secs(600));
    }
}

#[test]
fn an_id_of_standard_webhooks_stays_over_attempts() {
    let first = standard().run().expect("proven");
    let mut later = standard();
    later.now += 3_600;
    let time = later.now.to_string();
    let signed = format!("msg_p5jXN8AQM9LWM0D4loKWxJek.{time}.{STANDARD_BODY}");
    let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
    later.headers[1].1 = time;
    later.headers[2].1 = format!("v1a,none v1,{}", STANDARD.encode(hmac(&key, signed.as_bytes())));
    let later = later.run().expect("proven");
    assert_eq!(first.id.as_deref(), Some("msg_p5jXN8AQM9LWM0D4loKWxJek"));
    assert_eq!(first, later);
}

#[test]
fn equal_bodies_are_one_call_only_if_that_is_asked_for() {
    let case = github();
    assert_eq!(case.run().expect("proven").replay_keys, []);
    let first = case.check(&[case.secret], true).expect("proven");
    let mut again = github();
    again.headers[1].1 = "another delivery".to_owned();
    assert_eq!(again.check(&[case.secret], true).expect("proven"), first);
    assert_eq!(first.replay_keys.len(), 1);
}

#[test]
fn without_a_scheme_the_query_belongs_to_what_is_equal() {
    let headers = Headers::default();
    let key = |query| {
        let received = Received { method: "GET", query, headers: &headers, body: b"" };
        verify(&Verify::default(), true, received, &[], at(0)).expect("nothing to prove").replay_keys
    };
    assert_eq!(key("a=1"), key("a=1"));
    assert_ne!(key("a=1"), key("a=2"));
}

#[test]
fn a_new_secret_proves_what_it_signs() {
    let text = new_secret(Scheme::Standard);
    let encoded = text.expose_secret().strip_prefix("whsec_").expect("the prefix").to_owned();
    assert_eq!(STANDARD.decode(encoded).expect("base64").len(), 32);
    assert_eq!(new_secret(Scheme::Github).expose_secret().len(), 64);
}
