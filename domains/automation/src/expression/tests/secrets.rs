//! Secrets are handles until they are sent, and are removed from what is shown.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use secrecy::SecretString;
use serde_json::json;

use super::*;

const SECRET: &str = "p\u{e4}ss/w+rd \"42\"?";

fn find(name: &str) -> Option<SecretString> {
    (name == "key").then(|| SECRET.into())
}

fn resolved(value: Value) -> Resolved {
    Parameter::parse(&value).expect("parameters").resolve(&context()).expect("resolved")
}

#[test]
fn a_secret_is_a_handle_until_it_is_sent() {
    let parameters = resolved(json!({
        "url": "https://example.com/{{ input.name }}",
        "alone": "{{ secrets.key }}",
        "header": "Bearer {{ secrets['key'] }}, {{ input.count }}",
        "list": [1, "{{ secrets.key }}"],
    }));
    assert_eq!(parameters.secrets().into_iter().collect::<Vec<_>>(), ["key"]);
    assert!(!format!("{parameters:?}").contains(SECRET));
    assert_eq!(
        parameters.redacted(),
        json!({
            "url": "https://example.com/Ada",
            "alone": "[secret key]",
            "header": "Bearer [secret key], 5",
            "list": [1, "[secret key]"],
        })
    );
    let revealed = parameters.reveal(find).expect("revealed");
    assert_eq!(
        revealed.expose(),
        &json!({
            "url": "https://example.com/Ada",
            "alone": SECRET,
            "header": format!("Bearer {SECRET}, 5"),
            "list": [1, SECRET],
        })
    );
    assert_eq!(format!("{revealed:?}"), "Revealed([hidden])");
    assert_eq!(parameters.clone().into_value(), Err(Fault::SecretMisused));
    let unknown = Fault::SecretUnknown { name: "other".into() };
    assert_eq!(resolved(json!("{{ secrets.other }}")).reveal(find).expect_err("unknown"), unknown);
}

/// [Nexus-Stack#848]: masks are defeated by any filter, so a filter never gets a secret.
#[test]
fn no_expression_can_touch_a_secret() {
    expect_codes(&[
        ("secrets.key | upper", "EXPR_SECRET_MISUSED"),
        ("secrets.key | base64", "EXPR_SECRET_MISUSED"),
        ("secrets.key[0]", "EXPR_SECRET_MISUSED"),
        ("secrets.key[1:]", "EXPR_SECRET_MISUSED"),
        ("'Bearer ' ~ secrets.key", "EXPR_SECRET_MISUSED"),
        ("secrets.key == 'a'", "EXPR_SECRET_MISUSED"),
        ("secrets.key is defined", "EXPR_SECRET_MISUSED"),
        ("secrets.key | default('')", "EXPR_SECRET_MISUSED"),
        ("secrets.key if input.yes else ''", "EXPR_SECRET_MISUSED"),
        ("[secrets.key]", "EXPR_SECRET_MISUSED"),
        ("{'a': secrets.key}", "EXPR_SECRET_MISUSED"),
        ("hmac('a', secrets.key)", "EXPR_SECRET_MISUSED"),
        ("secrets.key.upper()", "EXPR_SECRET_MISUSED"),
        ("secrets", "EXPR_SECRET_MISUSED"),
        ("secrets | to_json", "EXPR_SECRET_MISUSED"),
        ("secrets[input.name]", "EXPR_SECRET_MISUSED"),
        ("input[secrets.key]", "EXPR_SECRET_MISUSED"),
    ]);
}

#[test]
fn a_condition_cannot_compare_a_secret() {
    let conditions: Conditions = serde_json::from_value(
        json!({"conditions": [{"left": "{{ secrets.key }}", "operator": "starts_with", "right": "a"}]}),
    )
    .expect("conditions");
    let decided = conditions.prepare().expect("conditions").decide(&context());
    assert_eq!(decided.expect_err("refused").code(), "EXPR_SECRET_MISUSED");
}

fn redactor() -> Redactor {
    Redactor::new([&SecretString::from(SECRET)]).expect("a redactor")
}

/// [activepieces#9599] [kestra#8092] [dify#37047]
#[test]
fn a_secret_is_removed_in_every_form() {
    let redactor = redactor();
    let basic = STANDARD.encode(format!("user:{SECRET}"));
    for form in [
        SECRET.to_owned(),
        STANDARD.encode(SECRET),
        STANDARD_NO_PAD.encode(SECRET),
        URL_SAFE.encode(SECRET),
        URL_SAFE_NO_PAD.encode(SECRET),
        hex::encode(SECRET),
        hex::encode_upper(SECRET),
        "p%C3%A4ss%2Fw%2Brd%20%2242%22%3F".to_owned(),
        "p%c3%a4ss%2fw%2brd%20%2242%22%3f".to_owned(),
        "p%C3%A4ss%2Fw%2Brd+%2242%22%3F".to_owned(),
        json!(SECRET).to_string(),
        json!(SECRET).to_string().replace('/', "\\/"),
    ] {
        let text = format!("before {form} after");
        let clean = redactor.redact_text(&text);
        assert!(
            clean.starts_with("before ") && clean.contains("[secret]") && clean.ends_with(" after"),
            "{clean}"
        );
        assert!(clean.len() < "before [secret] after".len() + 5, "{form}: {clean}");
        assert_eq!(redactor.redact_bytes(text.as_bytes()), clean.as_bytes());
    }
    for shifted in 0..3 {
        let encoded = STANDARD.encode(format!("{}{SECRET}{}", "u".repeat(shifted), "t".repeat(shifted)));
        let clean = redactor.redact_text(&encoded);
        assert!(clean.contains("[secret]") && clean.len() < 8 + 10, "{encoded}: {clean}");
    }
    assert!(redactor.redact_text(&basic).contains("[secret]"), "{basic}");
}

#[test]
fn a_secret_is_removed_from_values_and_bytes_that_are_no_text() {
    let value =
        json!({"a": [SECRET, 1, null], format!("key {SECRET}"): {"b": format!("x{SECRET}{SECRET}y")}});
    let clean = redactor().redact_json(&value);
    assert_eq!(clean, json!({"a": ["[secret]", 1, null], "key [secret]": {"b": "x[secret][secret]y"}}));
    let bytes = [&[0xff, 0xfe], SECRET.as_bytes(), &[0x80]].concat();
    assert_eq!(redactor().redact_bytes(&bytes), [&[0xff, 0xfe], &b"[secret]"[..], &[0x80]].concat());
}

/// [actions/runner#507]
#[test]
fn a_short_secret_does_not_blank_ordinary_words() {
    let secrets = ["", "a", "true", "12345"].map(SecretString::from);
    let redactor = Redactor::new(&secrets).expect("a redactor");
    let text = "a true story of 12345";
    assert_eq!(redactor.redact_text(text), text);
    let six = Redactor::new([&SecretString::from("123456")]).expect("a redactor");
    assert_eq!(six.redact_text("of 123456!"), "of [secret]!");
}

#[test]
fn a_redactor_learns_further_secrets() {
    let [first, second] = ["first-secret", "second-secret"].map(SecretString::from);
    let redactor = Redactor::new([&first]).expect("a redactor").with([&second]).expect("a redactor");
    assert_eq!(redactor.redact_text("first-secret, second-secret"), "[secret], [secret]");
    assert_eq!(redactor.redact_bytes(b"second-secret first-secret"), b"[secret] [secret]");
}

#[test]
fn the_longest_secret_wins() {
    let secrets = ["token-1", "token-1-longer"].map(SecretString::from);
    let redactor = Redactor::new(&secrets).expect("a redactor");
    assert_eq!(redactor.redact_text("token-1-longer token-1"), "[secret] [secret]");
    assert!(!format!("{redactor:?}").contains("token"));
}
