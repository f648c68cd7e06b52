//! Profiles, and the statistics of a person.

use atelier_entities::{Locale, users};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel};
use serde_json::{Value, json};
use url::Url;

use super::{Identity, IdentityError, accounts::lock_user, user_target};
use crate::{Actor, FieldErrors, audit, credits, projects::figures_of, validation};

/// Maximum size of an account's settings as JSON, in bytes.
const MAX_SETTINGS: usize = 16 * 1024;
const MAX_URL: usize = 2_000;

/// The changes of a profile. A field that is none stays as it is; an inner none clears it.
#[derive(Clone, Debug, Default)]
pub struct ProfileChanges {
    /// 1 to 120 characters.
    pub full_name: Option<String>,
    /// An https address.
    pub avatar_url: Option<Option<String>>,
    /// Language of mails.
    pub locale: Option<Locale>,
    /// IANA name.
    pub time_zone: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<Option<String>>,
    /// The client's settings for the person: a JSON object of at most 16 KiB, which
    /// replaces the stored one.
    pub settings: Option<Value>,
}

/// The statistics of a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PersonalStats {
    /// Projects.
    pub projects: u64,
    /// Projects that are complete.
    pub completed_projects: u64,
    /// Views of all published sites.
    pub views: u64,
    /// Credits left.
    pub credits: i64,
    /// Credits used, without refunds.
    pub credits_used: i64,
}

impl Identity {
    /// Changes a profile.
    pub async fn update_profile(
        &self,
        actor: &Actor,
        changes: ProfileChanges,
    ) -> Result<users::Model, IdentityError> {
        let user = actor.person()?;
        let changes = check(changes)?;
        let tx = self.queue.begin().await?;
        let account = lock_user(&tx, user).await?.ok_or(IdentityError::NotFound)?;
        let mut row = account.into_active_model();
        let changed = apply(&mut row, changes);
        row.updated_at = Set(tx.now());
        let account = row.update(&*tx).await?;
        audit::record(&tx, actor, "account.update", user_target(user), json!({"fields": changed})).await?;
        tx.commit().await?;
        Ok(account)
    }

    /// The statistics of the person.
    pub async fn personal_stats(&self, actor: &Actor) -> Result<PersonalStats, IdentityError> {
        let user = actor.person()?;
        let db = self.queue.db();
        let own = figures_of(db, user).await?;
        Ok(PersonalStats {
            projects: own.total,
            completed_projects: own.completed,
            views: own.views,
            credits: credits::balance(db, user).await?,
            credits_used: credits::used(db, user).await?,
        })
    }
}

fn check(changes: ProfileChanges) -> Result<ProfileChanges, FieldErrors> {
    let mut errors = FieldErrors::default();
    let full_name = changes.full_name.map(|name| validation::full_name(&name)).transpose();
    let full_name = errors.take("full_name", full_name);
    let avatar_url = errors.take("avatar_url", inner(changes.avatar_url, check_avatar));
    let time_zone = changes.time_zone.map(|zone| validation::time_zone(&zone)).transpose();
    let time_zone = errors.take("time_zone", time_zone);
    let country = errors.take("country", inner(changes.country, validation::country));
    let settings = errors.take("settings", changes.settings.map(check_settings).transpose());
    let locale = changes.locale;
    let checked = || {
        Some(ProfileChanges {
            full_name: full_name?,
            avatar_url: avatar_url?,
            locale,
            time_zone: time_zone?,
            country: country?,
            settings: settings?,
        })
    };
    let checked = checked();
    errors.finish(checked)
}

/// Checks the inner value, if there is one.
fn inner(
    wanted: Option<Option<String>>,
    check: fn(&str) -> Result<String, String>,
) -> Result<Option<Option<String>>, String> {
    match wanted {
        Some(Some(text)) => check(&text).map(|text| Some(Some(text))),
        other => Ok(other),
    }
}

/// An https address with a host, without user name and password.
pub(super) fn check_avatar(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.len() > MAX_URL {
        return Err(format!("must have at most {MAX_URL} characters"));
    }
    match Url::parse(text) {
        Ok(url) if url.scheme() == "https" && url.username().is_empty() && url.password().is_none() => {
            Ok(url.into())
        }
        _ => Err("must be an address that starts with https://".to_owned()),
    }
}

fn check_settings(settings: Value) -> Result<Value, String> {
    if !settings.is_object() {
        return Err("must be an object".to_owned());
    }
    let text = settings.to_string();
    if text.len() > MAX_SETTINGS {
        return Err(format!("must have at most {MAX_SETTINGS} bytes as JSON"));
    }
    // PostgreSQL cannot store NUL.
    if text.contains("\\u0000") {
        return Err("must not hold NUL characters".to_owned());
    }
    Ok(settings)
}

/// Applies the changes and returns the names of the changed fields.
fn apply(row: &mut users::ActiveModel, changes: ProfileChanges) -> Vec<&'static str> {
    let ProfileChanges { full_name, avatar_url, locale, time_zone, country, settings } = changes;
    let mut changed = Vec::new();
    if let Some(full_name) = full_name {
        row.full_name = Set(full_name);
        changed.push("full_name");
    }
    if let Some(avatar_url) = avatar_url {
        row.avatar_url = Set(avatar_url);
        changed.push("avatar_url");
    }
    if let Some(locale) = locale {
        row.locale = Set(locale);
        changed.push("locale");
    }
    if let Some(time_zone) = time_zone {
        row.time_zone = Set(time_zone);
        changed.push("time_zone");
    }
    if let Some(country) = country {
        row.country = Set(country);
        changed.push("country");
    }
    if let Some(settings) = settings {
        row.settings = Set(settings);
        changed.push("settings");
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fixture, acting};

    #[test]
    fn avatars_are_fetched_over_https_only() {
        for (text, good) in [
            ("https://img.example/ada.png", true),
            (" https://img.example/ada.png?s=80 ", true),
            ("http://img.example/ada.png", false),
            ("javascript:alert(1)", false),
            ("data:image/png;base64,AAAA", false),
            ("https://ada:secret@img.example/", false),
            ("//img.example/ada.png", false),
            ("", false),
        ] {
            assert_eq!(check_avatar(text).is_ok(), good, "{text}");
        }
        assert!(check_avatar(&format!("https://img.example/{}", "a".repeat(MAX_URL))).is_err());
    }

    #[test]
    fn settings_are_a_bounded_object() {
        for (settings, good) in [
            (json!({"theme": "dark"}), true),
            (json!([1]), false),
            (json!("dark"), false),
            (json!({"text": "a".repeat(MAX_SETTINGS)}), false),
            (json!({"text": "\u{0}"}), false),
        ] {
            assert_eq!(check_settings(settings.clone()).is_ok(), good, "{settings}");
        }
    }

    #[tokio::test]
    async fn only_the_given_fields_of_a_profile_change() {
        let fixture = Fixture::new().await;
        let (ada, identity) = (fixture.register("ada@example.org").await, &fixture.services.identity);
        let update = async |changes| identity.update_profile(&acting(ada.id), changes).await;
        let changes = ProfileChanges {
            full_name: Some(" Ada King ".to_owned()),
            avatar_url: Some(Some("https://img.example/ada.png".to_owned())),
            country: Some(None),
            settings: Some(json!({"theme": "dark"})),
            ..ProfileChanges::default()
        };

        let changed = update(changes).await.expect("changed");
        assert_eq!((changed.full_name.as_str(), changed.country), ("Ada King", None));
        assert_eq!((changed.time_zone.as_str(), &changed.settings["theme"]), ("UTC", &json!("dark")));
        let taken = update(ProfileChanges { avatar_url: Some(None), ..ProfileChanges::default() }).await;
        assert_eq!(taken.expect("changed").avatar_url, None);
        let wrong = ProfileChanges {
            country: Some(Some("ZZ".to_owned())),
            settings: Some(json!(7)),
            ..ProfileChanges::default()
        };
        let Err(IdentityError::InvalidInput(errors)) = update(wrong).await else { panic!("refused") };
        assert_eq!(errors.0.keys().copied().collect::<Vec<_>>(), ["country", "settings"]);
    }
}
