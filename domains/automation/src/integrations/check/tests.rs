use super::*;
use crate::integrations::kinds::find_kind;

fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, Option<String>> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect()
}

fn secrets(pairs: &[(&str, &str)]) -> BTreeMap<String, Option<SecretString>> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Some(SecretString::from(*value)))).collect()
}

fn hosts(texts: &[&str]) -> Option<Option<Vec<String>>> {
    Some(Some(texts.iter().map(|text| (*text).to_owned()).collect()))
}

fn rules(texts: &[&str]) -> Vec<HostRule> {
    texts.iter().map(|text| HostRule::parse(text).expect(text)).collect()
}

fn faults(kind: &str, before: &Before, changes: IntegrationChanges) -> Vec<String> {
    match apply(find_kind(kind).expect(kind), before, changes) {
        Err(IntegrationError::InvalidInput(faults)) => {
            faults.into_iter().map(|(field, problem)| format!("{field}: {problem}")).collect()
        }
        Err(other) => panic!("{other}"),
        Ok(wanted) => panic!("accepted: {wanted:?}"),
    }
}

fn bearer() -> Before {
    Before {
        name: "Shop".to_owned(),
        settings: Settings::new(),
        hosts: rules(&["api.example.com"]),
        secrets: BTreeSet::from(["token".to_owned()]),
    }
}

#[test]
fn every_fault_is_named_by_its_field() {
    let changes = IntegrationChanges {
        name: Some(" ".to_owned()),
        settings: settings(&[
            ("in", "body"),
            ("name", "a b"),
            ("colour", "red"),
            ("test_url", "ftp://a.example"),
        ]),
        secrets: secrets(&[("api_key", "line\nbreak"), ("token", "x")]),
        allowed_hosts: None,
    };
    let found = faults("http_api_key", &Before::default(), changes);

    assert_eq!(
        found,
        [
            "allowed_hosts: must name where the credentials may be sent",
            "name: must not be empty",
            "secrets.api_key: must not hold control characters",
            "secrets.token: is no secret of this type",
            "settings.colour: is no setting of this type",
            "settings.in: must be one of header, query",
            "settings.name: is no name of a header",
            "settings.test_url: must begin with https:// or http://",
        ]
    );
}

#[test]
fn what_a_type_requires_cannot_be_left_out_or_removed() {
    let missing = IntegrationChanges {
        name: Some("Shop".into()),
        allowed_hosts: hosts(&["a.example"]),
        ..Default::default()
    };
    assert_eq!(faults("http_bearer", &Before::default(), missing), ["secrets.token: is required"]);

    let removed =
        IntegrationChanges { secrets: BTreeMap::from([("token".to_owned(), None)]), ..Default::default() };
    assert_eq!(faults("http_bearer", &bearer(), removed), ["secrets.token: is required"]);
}

#[test]
fn what_is_left_out_stays() {
    let kind = find_kind("http_bearer").expect("a type");
    let wanted =
        apply(kind, &bearer(), IntegrationChanges { name: Some("New".into()), ..Default::default() });
    let wanted = wanted.expect("accepted");

    assert_eq!(
        (wanted.name.as_str(), wanted.hosts, wanted.secrets.len()),
        ("New", rules(&["api.example.com"]), 0)
    );
}

#[test]
fn the_hosts_of_a_type_follow_its_address() {
    let kind = find_kind("github").expect("a type");
    let new = |settings: BTreeMap<String, Option<String>>| IntegrationChanges {
        name: Some("Code".into()),
        settings,
        secrets: secrets(&[("token", "ghp_1")]),
        allowed_hosts: Some(None),
    };
    let own = apply(kind, &Before::default(), new(BTreeMap::new())).expect("accepted");
    assert_eq!(own.hosts, rules(&["api.github.com"]));

    let enterprise = new(settings(&[("base_url", "https://code.example:8443/api/v3")]));
    let enterprise = apply(kind, &Before::default(), enterprise).expect("accepted");
    assert_eq!(enterprise.hosts, rules(&["code.example:8443"]));
}

#[test]
fn a_secret_that_may_go_elsewhere_must_be_sent_again() {
    const AGAIN: &str = "secrets.token: must be sent again, since the change lets it go to another host";
    let kind = find_kind("http_bearer").expect("a type");
    let more = || hosts(&["api.example.com", "evil.example"]);
    assert_eq!(
        faults("http_bearer", &bearer(), IntegrationChanges { allowed_hosts: more(), ..Default::default() }),
        [AGAIN]
    );

    let known = IntegrationChanges {
        allowed_hosts: more(),
        secrets: secrets(&[("token", "new")]),
        ..Default::default()
    };
    assert!(apply(kind, &bearer(), known).is_ok());

    let before = Before { hosts: rules(&["api.example.com", "b.example"]), ..bearer() };
    let fewer = IntegrationChanges { allowed_hosts: hosts(&["b.example"]), ..Default::default() };
    assert!(apply(kind, &before, fewer).is_ok());
}

#[test]
fn a_client_secret_goes_to_another_address_of_tokens_only_if_it_is_known() {
    let before = Before {
        name: "API".to_owned(),
        settings: Settings::from([
            ("token_url".to_owned(), "https://login.example/token".to_owned()),
            ("client_id".to_owned(), "id".to_owned()),
        ]),
        hosts: rules(&["api.example.com"]),
        secrets: BTreeSet::from(["client_secret".to_owned()]),
    };
    let change =
        |url: &str| IntegrationChanges { settings: settings(&[("token_url", url)]), ..Default::default() };

    let found = faults("oauth2_client_credentials", &before, change("https://evil.example/token"));
    assert_eq!(
        found,
        ["secrets.client_secret: must be sent again, since the change lets it go to another host"]
    );
    let found = faults("oauth2_client_credentials", &before, change("http://login.example/token"));
    assert!(
        found.contains(&"settings.token_url: its host is not among allowed_hosts".to_owned()),
        "{found:?}"
    );
    let kind = find_kind("oauth2_client_credentials").expect("a type");
    assert!(apply(kind, &before, change("https://login.example/other")).is_ok());
}

#[test]
fn an_address_must_be_among_the_hosts() {
    let elsewhere = IntegrationChanges {
        name: Some("Chat".into()),
        secrets: secrets(&[("webhook_url", "https://evil.example/services/x")]),
        allowed_hosts: Some(None),
        ..Default::default()
    };
    assert_eq!(
        faults("slack_webhook", &Before::default(), elsewhere),
        ["secrets.webhook_url: its host is not among allowed_hosts"]
    );
}
