//! What people say of subscriptions, and what is accepted.

use std::collections::{BTreeMap, BTreeSet};

use atelier_entities::{WebhookStatus, webhook_subscriptions as subscriptions};
use atelier_foundation::validation::paragraph;
use atelier_providers::http::GuardedClient;
use secrecy::SecretString;
use url::Url;

use super::{EVENTS, EVERY_EVENT, WebhookError, signature::is_secret};

/// Maximum length of an address, in characters.
pub const MAX_URL: usize = 2_000;
/// Maximum length of a description, in characters.
pub const MAX_DESCRIPTION: usize = 500;
/// Most events that a subscription names.
pub const MAX_EVENTS: usize = 50;

/// What to change of a subscription; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionChanges {
    /// Where events are sent to.
    pub url: Option<String>,
    /// The names of events, or `*`.
    pub events: Option<Vec<String>>,
    /// Up to [`MAX_DESCRIPTION`] characters.
    pub description: Option<String>,
    /// Enabled or paused.
    pub status: Option<WebhookStatus>,
}

/// The fields of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) url: String,
    pub(super) events: Vec<String>,
    pub(super) description: String,
    pub(super) status: WebhookStatus,
}

impl Fields {
    /// Those of a row.
    pub(super) fn of(row: &subscriptions::Model) -> Self {
        Self {
            url: row.url.clone(),
            events: events_of(row),
            description: row.description.clone(),
            status: row.status,
        }
    }

    /// Those of a subscription that is being made.
    pub(super) fn empty() -> Self {
        Self {
            url: String::new(),
            events: Vec::new(),
            description: String::new(),
            status: WebhookStatus::Enabled,
        }
    }

    /// The fields after changes. Only what is changed is checked.
    pub(super) fn apply(
        self,
        changes: SubscriptionChanges,
        http: &GuardedClient,
    ) -> Result<Self, WebhookError> {
        let SubscriptionChanges { url, events, description, status } = changes;
        let mut faults = BTreeMap::new();
        let mut fields = self;
        if let Some(url) = url {
            fields.url = check_url(&url, http).unwrap_or_else(|fault| {
                faults.insert("url".to_owned(), fault);
                url
            });
        }
        if let Some(events) = events {
            fields.events = check_events(events, &mut faults);
        }
        if let Some(text) = description {
            fields.description = paragraph(&text, MAX_DESCRIPTION).unwrap_or_else(|fault| {
                faults.insert("description".to_owned(), fault);
                text
            });
        }
        match status {
            Some(WebhookStatus::Disabled) => {
                faults.insert("status".to_owned(), "must be enabled or paused".to_owned());
            }
            Some(status) => fields.status = status,
            None => {}
        }
        if faults.is_empty() { Ok(fields) } else { Err(WebhookError::InvalidInput(faults)) }
    }
}

/// The events of a row. None if they cannot be read.
pub(super) fn events_of(row: &subscriptions::Model) -> Vec<String> {
    serde_json::from_value(row.events.clone()).unwrap_or_default()
}

/// Refuses a secret that cannot sign.
pub(super) fn check_secret(secret: &SecretString) -> Result<(), WebhookError> {
    if is_secret(secret) {
        return Ok(());
    }
    let fault = "must be whsec_ and 24 to 64 bytes in base64".to_owned();
    Err(WebhookError::InvalidInput(BTreeMap::from([("secret".to_owned(), fault)])))
}

fn check_url(text: &str, http: &GuardedClient) -> Result<String, String> {
    let text = text.trim();
    if text.chars().count() > MAX_URL {
        return Err(format!("must have at most {MAX_URL} characters"));
    }
    let url = Url::parse(text).map_err(|_| "is no address".to_owned())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or a password".to_owned());
    }
    if url.fragment().is_some() {
        return Err("must not hold a fragment".to_owned());
    }
    http.check(text).map_err(|error| format!("cannot be reached: {error}"))?;
    Ok(text.to_owned())
}

/// The events in order, each once. Every one that does not exist is a fault at its place.
fn check_events(events: Vec<String>, faults: &mut BTreeMap<String, String>) -> Vec<String> {
    if events.is_empty() || events.len() > MAX_EVENTS {
        faults.insert("events".to_owned(), format!("must have 1 to {MAX_EVENTS} entries"));
        return events;
    }
    for (place, event) in events.iter().enumerate() {
        if event != EVERY_EVENT && !EVENTS.contains(&event.as_str()) {
            let fault = format!("is no event: it must be {EVERY_EVENT} or one of {}", EVENTS.join(", "));
            faults.insert(format!("events.{place}"), fault);
        }
    }
    if events.iter().any(|event| event == EVERY_EVENT) {
        return vec![EVERY_EVENT.to_owned()];
    }
    events.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use atelier_providers::http::HttpOptions;

    use super::*;

    fn apply(changes: SubscriptionChanges) -> Result<Fields, BTreeMap<String, String>> {
        let http = GuardedClient::new(HttpOptions::default()).expect("a client");
        Fields::empty().apply(changes, &http).map_err(|error| match error {
            WebhookError::InvalidInput(faults) => faults,
            other => panic!("{other}"),
        })
    }

    fn url(url: &str) -> SubscriptionChanges {
        SubscriptionChanges { url: Some(url.to_owned()), ..SubscriptionChanges::default() }
    }

    fn events(events: &[&str]) -> SubscriptionChanges {
        let events = events.iter().map(|event| (*event).to_owned()).collect();
        SubscriptionChanges { events: Some(events), ..SubscriptionChanges::default() }
    }

    #[test]
    fn addresses_that_requests_may_not_reach_are_refused() {
        for refused in [
            "",
            "example.com/hook",
            "ftp://example.com/",
            "http://127.0.0.1/",
            "https://[::1]/",
            "http://2130706433/",
            "https://printer.local/",
            "https://example.com:22/",
            "https://user:pass@example.com/",
            "https://example.com/#part",
            "http://169.254.169.254/latest/meta-data",
        ] {
            let faults = apply(url(refused)).expect_err(refused);
            assert_eq!(faults.keys().collect::<Vec<_>>(), ["url"], "{refused}");
        }
        let long = format!("https://example.com/{}", "x".repeat(MAX_URL));
        assert!(apply(url(&long)).is_err());
        assert_eq!(
            apply(url(" https://example.com/a?b=c ")).expect("accepted").url,
            "https://example.com/a?b=c"
        );
    }

    #[test]
    fn an_unknown_event_is_named_by_its_place() {
        let faults = apply(events(&["run.succeeded", "run.started", "webhook.ping"])).expect_err("refused");
        assert_eq!(faults.keys().collect::<Vec<_>>(), ["events.1", "events.2"]);

        let faults = apply(events(&[])).expect_err("refused");
        assert_eq!(faults.keys().collect::<Vec<_>>(), ["events"]);
    }

    #[test]
    fn events_are_kept_once_and_a_star_stands_for_all() {
        let read = |names: &[&str]| apply(events(names)).expect("accepted").events;

        assert_eq!(read(&["run.failed", "job.failed", "run.failed"]), ["job.failed", "run.failed"]);
        assert_eq!(read(&["run.failed", "*"]), ["*"]);
    }

    #[test]
    fn nobody_disables_a_webhook_but_the_platform() {
        let status = |status| SubscriptionChanges { status: Some(status), ..SubscriptionChanges::default() };

        let faults = apply(status(WebhookStatus::Disabled)).expect_err("refused");
        assert_eq!(faults.keys().collect::<Vec<_>>(), ["status"]);
        assert_eq!(apply(status(WebhookStatus::Paused)).expect("accepted").status, WebhookStatus::Paused);
    }
}
