//! What people tell of themselves, and how much they have.

use atelier_entities::{Locale, users};
use atelier_foundation::identity::ProfileChanges;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::account::UserView;
use crate::schema::{ToSchema, free::JsonObject, sets};

/// An account with its settings.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProfileView {
    #[serde(flatten)]
    user: UserView,
    /// What clients keep for the person.
    #[schema(value_type = JsonObject)]
    settings: Value,
}

impl From<users::Model> for ProfileView {
    fn from(user: users::Model) -> Self {
        let settings = user.settings.clone();
        Self { user: user.into(), settings }
    }
}

/// The caller's profile.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProfileAnswer {
    /// The account with its settings.
    pub(crate) user: ProfileView,
}

/// What to change of a profile. What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
pub(crate) struct UpdateProfileInput {
    /// 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120, example = "Ada Lovelace")]
    full_name: Option<String>,
    /// An https address; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "https://img.example/ada.png")]
    avatar_url: Option<Option<String>>,
    /// Language of mails.
    #[schema(value_type = Option<sets::Locale>)]
    locale: Option<Locale>,
    /// IANA name.
    #[schema(example = "Europe/Paris")]
    time_zone: Option<String>,
    /// ISO 3166-1 alpha-2; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "FR")]
    country: Option<Option<String>>,
    /// Anything to keep for the person: an object of at most 16 KiB, which takes the
    /// place of the one before.
    #[schema(value_type = Option<JsonObject>)]
    settings: Option<Value>,
}

impl From<UpdateProfileInput> for ProfileChanges {
    fn from(input: UpdateProfileInput) -> Self {
        let UpdateProfileInput { full_name, avatar_url, locale, time_zone, country, settings } = input;
        Self { full_name, avatar_url, locale, time_zone, country, settings }
    }
}

/// Tells a null from a field that was left out.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Another password.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ChangePasswordInput {
    /// The one until now.
    #[schema(format = Password)]
    pub(crate) current_password: String,
    /// 8 to 128 characters.
    #[schema(format = Password, min_length = 8, max_length = 128)]
    pub(crate) new_password: String,
}

/// The deletion of an account.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct DeleteAccountInput {
    /// The account's password. A sign-in of the last ten minutes at another provider stands
    /// for it where it is left out; of an account without one, any sign-in does.
    #[serde(default)]
    #[schema(format = Password)]
    pub(crate) password: String,
}

/// What a person has and did.
#[derive(Serialize, ToSchema)]
pub(crate) struct PersonalStatsView {
    /// Projects.
    pub(crate) projects: u64,
    /// Projects that are complete.
    pub(crate) completed_projects: u64,
    /// Versions of all projects.
    pub(crate) versions: u64,
    /// Sites that are online.
    pub(crate) live_sites: u64,
    /// Views of all published sites.
    pub(crate) views: u64,
    /// Credits left.
    pub(crate) credits: i64,
    /// Credits used, without those that were given back.
    pub(crate) credits_used: i64,
    /// When the account was made.
    pub(crate) member_since: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_takes_away_and_silence_leaves() {
        let read = |json: &str| {
            let input: UpdateProfileInput = serde_json::from_str(json).expect("an input");
            input.avatar_url
        };

        assert_eq!(read("{}"), None);
        assert_eq!(read("{\"avatar_url\": null}"), Some(None));
        assert_eq!(read("{\"avatar_url\": \"x\"}"), Some(Some("x".to_owned())));
    }
}
