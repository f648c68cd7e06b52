//! What an integration becomes by a command, decided without the database.

use std::collections::{BTreeMap, BTreeSet};

use atelier_foundation::validation;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{
    IntegrationError, MAX_NAME,
    hosts::{HostRule, MAX_HOSTS, allow},
    kinds::{Form, Kind, Settings},
};

/// The changes of an integration. What is none stays as it is; a field that is none is removed.
#[derive(Debug, Default)]
pub struct IntegrationChanges {
    /// 1 to [`MAX_NAME`] characters.
    pub name: Option<String>,
    /// Settings by their names.
    pub settings: BTreeMap<String, Option<String>>,
    /// Secrets by their names.
    pub secrets: BTreeMap<String, Option<SecretString>>,
    /// Where its credentials may be sent, or none for what its type says.
    pub allowed_hosts: Option<Option<Vec<String>>>,
}

/// An integration as it is.
#[derive(Debug, Default)]
pub(super) struct Before {
    pub(super) name: String,
    pub(super) settings: Settings,
    pub(super) hosts: Vec<HostRule>,
    /// The names of the secrets that are set.
    pub(super) secrets: BTreeSet<String>,
}

/// An integration as it is to be.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) settings: Settings,
    pub(super) hosts: Vec<HostRule>,
    /// The secrets to set, and those to remove.
    pub(super) secrets: BTreeMap<&'static str, Option<SecretString>>,
}

/// Applies changes to an integration of a type.
///
/// A host that is added could be told the secrets that are there. So whoever adds one, or another
/// address of tokens, has to know them: they must be sent again.
///
/// # Errors
/// All fields that are not valid.
pub(super) fn apply(
    kind: &'static Kind,
    before: &Before,
    changes: IntegrationChanges,
) -> Result<Wanted, IntegrationError> {
    let mut faults = BTreeMap::new();
    let name = match changes.name {
        Some(name) => validation::line(&name, 1, MAX_NAME).unwrap_or_else(|problem| {
            faults.insert("name".to_owned(), problem);
            String::new()
        }),
        None => before.name.clone(),
    };
    let settings = apply_settings(kind, before, changes.settings, &mut faults);
    let secrets = apply_secrets(kind, before, changes.secrets, &mut faults);
    let hosts = apply_hosts(kind, before, &settings, changes.allowed_hosts, &mut faults);
    check_addresses(kind, &settings, &hosts, &secrets, &mut faults);
    if !before.secrets.is_empty() && reaches_more(kind, before, &settings, &hosts) {
        let sent = |name: &String| secrets.contains_key(name.as_str());
        for name in before.secrets.iter().filter(|name| !sent(name)) {
            let problem = "must be sent again, since the change lets it go to another host";
            faults.insert(format!("secrets.{name}"), problem.to_owned());
        }
    }
    if faults.is_empty() {
        Ok(Wanted { name, settings, hosts, secrets })
    } else {
        Err(IntegrationError::InvalidInput(faults))
    }
}

type Faults = BTreeMap<String, String>;

fn apply_settings(
    kind: &Kind,
    before: &Before,
    changes: BTreeMap<String, Option<String>>,
    faults: &mut Faults,
) -> Settings {
    let mut settings = before.settings.clone();
    for (name, value) in changes {
        let field = kind.find_field(&name).filter(|field| !field.is_secret);
        match (field, value) {
            (None, _) => {
                faults.insert(format!("settings.{name}"), "is no setting of this type".to_owned());
            }
            (Some(_), None) => {
                settings.remove(&name);
            }
            (Some(field), Some(value)) => match field.check(&value) {
                Ok(value) => {
                    settings.insert(name, value);
                }
                Err(problem) => {
                    faults.insert(format!("settings.{name}"), problem);
                }
            },
        }
    }
    for field in kind.fields.iter().filter(|field| !field.is_secret && field.is_required) {
        if !settings.contains_key(field.name) {
            faults.entry(format!("settings.{}", field.name)).or_insert_with(|| "is required".to_owned());
        }
    }
    settings
}

fn apply_secrets(
    kind: &'static Kind,
    before: &Before,
    changes: BTreeMap<String, Option<SecretString>>,
    faults: &mut Faults,
) -> BTreeMap<&'static str, Option<SecretString>> {
    let mut secrets = BTreeMap::new();
    for (name, value) in changes {
        let Some(field) = kind.find_field(&name).filter(|field| field.is_secret) else {
            faults.insert(format!("secrets.{name}"), "is no secret of this type".to_owned());
            continue;
        };
        match value.map(|value| field.check(value.expose_secret())).transpose() {
            Ok(value) => {
                secrets.insert(field.name, value.map(SecretString::from));
            }
            Err(problem) => {
                faults.insert(format!("secrets.{name}"), problem);
            }
        }
    }
    for field in kind.fields.iter().filter(|field| field.is_secret && field.is_required) {
        let is_set = match secrets.get(field.name) {
            Some(value) => value.is_some(),
            None => before.secrets.contains(field.name),
        };
        if !is_set {
            faults.entry(format!("secrets.{}", field.name)).or_insert_with(|| "is required".to_owned());
        }
    }
    secrets
}

fn apply_hosts(
    kind: &Kind,
    before: &Before,
    settings: &Settings,
    change: Option<Option<Vec<String>>>,
    faults: &mut Faults,
) -> Vec<HostRule> {
    const FIELD: &str = "allowed_hosts";
    let default = (kind.default_hosts)(settings);
    let hosts = match change {
        Some(Some(texts)) => {
            let rules: Result<BTreeSet<_>, _> = texts.iter().map(|text| HostRule::parse(text)).collect();
            match rules {
                Ok(rules) => rules.into_iter().collect(),
                Err(problem) => {
                    faults.insert(FIELD.to_owned(), problem);
                    return Vec::new();
                }
            }
        }
        Some(None) => default,
        None if before.hosts == (kind.default_hosts)(&before.settings) => default,
        None => before.hosts.clone(),
    };
    if hosts.is_empty() {
        faults.insert(FIELD.to_owned(), "must name where the credentials may be sent".to_owned());
    } else if hosts.len() > MAX_HOSTS {
        faults.insert(FIELD.to_owned(), format!("must have at most {MAX_HOSTS} hosts"));
    }
    hosts
}

/// Every address is one that the credentials may be sent to. Tokens may be got anywhere by https.
fn check_addresses(
    kind: &Kind,
    settings: &Settings,
    hosts: &[HostRule],
    secrets: &BTreeMap<&'static str, Option<SecretString>>,
    faults: &mut Faults,
) {
    use super::kinds::oauth2_client_credentials::TOKEN_URL;
    for field in kind.fields.iter().filter(|field| matches!(field.form, Form::Address)) {
        let (place, value) = if field.is_secret {
            let value = secrets.get(field.name).and_then(Option::as_ref);
            ("secrets", value.map(ExposeSecret::expose_secret))
        } else {
            ("settings", settings.get(field.name).map(String::as_str))
        };
        let Some(url) = value.and_then(|value| Url::parse(value).ok()) else { continue };
        let is_token_url = field.name == TOKEN_URL.name && url.scheme() == "https";
        if !is_token_url && !allow(hosts, &url) {
            let problem = "its host is not among allowed_hosts";
            faults.entry(format!("{place}.{}", field.name)).or_insert_with(|| problem.to_owned());
        }
    }
}

/// Whether secrets could be sent to a host that they could not be sent to before.
fn reaches_more(kind: &Kind, before: &Before, settings: &Settings, hosts: &[HostRule]) -> bool {
    let origin = |settings: &Settings, name: &str| {
        settings.get(name).and_then(|value| Url::parse(value).ok()).map(|url| url.origin())
    };
    let addresses =
        kind.fields.iter().filter(|field| !field.is_secret && matches!(field.form, Form::Address));
    hosts.iter().any(|host| !before.hosts.contains(host))
        || addresses
            .map(|field| (origin(&before.settings, field.name), origin(settings, field.name)))
            .any(|(before, now)| now.is_some() && before != now)
}

#[cfg(test)]
mod tests;
