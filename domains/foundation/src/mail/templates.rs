//! The mails, in every language of the product. `templates/<name>/<locale>/` holds
//! the subject, the text and the HTML.

use atelier_entities::{Locale, MailCategory, Timestamp};
use chrono::NaiveDate;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, context, value::Serde};
use serde_json::Value;

use super::format;

/// A mail, ready to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// The text version.
    pub text: String,
    /// The HTML version.
    pub html: String,
}

/// For whom a mail is written.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// Their language.
    pub locale: Locale,
    /// IANA name; another is UTC.
    pub time_zone: &'a str,
    /// What links start with, without a slash at the end.
    pub public_url: &'a str,
    /// Where they say that they want no more of these.
    pub unsubscribe: Option<&'a str>,
}

/// A mail whose data do not fit its template.
#[derive(Debug, thiserror::Error)]
#[error("mail template: {0}")]
pub struct RenderError(#[from] Error);

/// Where one language's sources of a mail are.
struct Source {
    subject: &'static str,
    text: &'static str,
    html: &'static str,
}

/// The frames of every text and HTML version.
const TEXT_LAYOUT: &str = include_str!("templates/layout.txt");
const HTML_LAYOUT: &str = include_str!("templates/layout.html");

macro_rules! source {
    ($name:literal, $locale:literal) => {
        Source {
            subject: include_str!(concat!("templates/", $name, "/", $locale, "/subject.txt")),
            text: include_str!(concat!("templates/", $name, "/", $locale, "/body.txt")),
            html: include_str!(concat!("templates/", $name, "/", $locale, "/body.html")),
        }
    };
}

macro_rules! templates {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// A kind of mail.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Template {
            $($(#[$doc])* $variant),+
        }

        impl Template {
            /// Every mail.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name it is stored under.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            fn source(self, locale: Locale) -> Source {
                match (self, locale) {
                    $(
                        (Self::$variant, Locale::En) => source!($name, "en"),
                        (Self::$variant, Locale::Fr) => source!($name, "fr"),
                    )+
                }
            }
        }
    };
}

templates! {
    /// An account was created. Shows `credits`, and `link` where the address is to be
    /// proven.
    Welcome = "welcome",
    /// A mail address is to be proven. Shows `link`.
    ConfirmEmail = "confirm_email",
    /// A password was forgotten. Shows `link`.
    ResetPassword = "reset_password",
    /// A password was changed. Shows what was `closed` for it and what is still `open`,
    /// each as `api_tokens` and `providers`, and `reclaimed` where the account went to the
    /// owner of its address.
    PasswordChanged = "password_changed",
    /// An operator changed the mail address of the account; to the former one.
    EmailChanged = "email_changed",
    /// An account may operate the platform from now on; to its person, `own`, and to the
    /// other operators. Shows its id as `account`.
    OperatorAdded = "operator_added",
    /// An API token was made. Shows `prefix`, `scopes` and `expires_at`.
    ApiTokenCreated = "api_token_created",
    /// Somebody tried to register an address that has an account.
    AccountExists = "account_exists",
    /// A sign-in provider opens the account from now on. Shows `provider`, and `claimed`
    /// where the account was handed to the owner of its address.
    ProviderLinked = "provider_linked",
    /// A sign-in provider does not open the account any more. Shows `provider`.
    ProviderUnlinked = "provider_unlinked",
    /// An operator deactivated the account. Shows how many jobs were `stopped`.
    AccountDeactivated = "account_deactivated",
    /// A generation succeeded. Shows `project_id`, `project_title`, `version`, `files`.
    GenerationFinished = "generation_finished",
    /// A generation failed. Shows `project_id`, `project_title`, `reason`.
    GenerationFailed = "generation_failed",
    /// A project went live. Shows `project_id`, `project_title`, `url`.
    DeploymentFinished = "deployment_finished",
    /// How a day was spent: a [`super::DailyReminder`].
    DailyReminder = "daily_reminder",
    /// A challenge ended: [`super::ChallengeResults`].
    ChallengeResults = "challenge_results",
    /// A limit is near or reached: a [`super::LimitAlert`].
    LimitAlert = "limit_alert",
    /// Something was paid: a [`super::PaymentReceipt`].
    PaymentReceipt = "payment_receipt",
}

impl Template {
    /// The mail of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|template| template.name() == name)
    }

    /// What it is about, where people can do without it; none where somebody waits for
    /// it or must learn of it.
    #[must_use]
    pub const fn category(self) -> Option<MailCategory> {
        match self {
            Self::Welcome
            | Self::ConfirmEmail
            | Self::ResetPassword
            | Self::PasswordChanged
            | Self::EmailChanged
            | Self::OperatorAdded
            | Self::ApiTokenCreated
            | Self::AccountExists
            | Self::ProviderLinked
            | Self::ProviderUnlinked
            | Self::AccountDeactivated
            | Self::PaymentReceipt => None,
            Self::GenerationFinished | Self::GenerationFailed | Self::DeploymentFinished => {
                Some(MailCategory::Activity)
            }
            Self::DailyReminder => Some(MailCategory::Reminders),
            Self::ChallengeResults => Some(MailCategory::Results),
            Self::LimitAlert => Some(MailCategory::Alerts),
        }
    }

    /// Whether it is sent even to an address that refused a mail before, and cannot be
    /// unsubscribed from.
    #[must_use]
    pub const fn is_transactional(self) -> bool {
        self.category().is_none()
    }

    /// Whether it says nothing without its link.
    #[must_use]
    pub const fn needs_link(self) -> bool {
        matches!(self, Self::ConfirmEmail | Self::ResetPassword)
    }

    /// The mail for that reader with these values. Values are escaped in HTML; one
    /// that the template needs and `data` lacks is an error.
    pub fn render(self, reader: &Reader<'_>, data: &Value) -> Result<Rendered, RenderError> {
        let source = self.source(reader.locale);
        let environment = environment(reader);
        let locale = reader.locale.as_str();
        let values = context! { public_url => reader.public_url, locale, ..Serde(data) };
        let subject = environment.render_named_str("subject.txt", source.subject, &values)?;
        let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
        let frame = |content: String| {
            context! { subject => &subject, content, locale, unsubscribe => reader.unsubscribe }
        };
        let text = environment.render_named_str("body.txt", source.text, &values)?;
        let text = environment.render_named_str("layout.txt", TEXT_LAYOUT, frame(text))?;
        let html = environment.render_named_str("body.html", source.html, &values)?;
        let html = environment.render_named_str("layout.html", HTML_LAYOUT, frame(html))?;
        Ok(Rendered { subject, text, html })
    }
}

/// Knows how the reader's language writes values.
fn environment(reader: &Reader<'_>) -> Environment<'static> {
    let (locale, time_zone) = (reader.locale, reader.time_zone.to_owned());
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("number", move |value: i64| format::number(locale, value));
    environment.add_filter("rank", move |value: u64| format::rank(locale, value));
    environment.add_filter("duration", format::duration);
    environment.add_filter("money", move |minor: i64, currency: String| {
        format::money(locale, minor, &currency).ok_or_else(|| unfit("a currency"))
    });
    environment.add_filter("day", move |day: String| {
        day.parse::<NaiveDate>().map(|day| format::day(locale, day)).map_err(|_| unfit("a day"))
    });
    environment.add_filter("moment", move |at: String| {
        let at = at.parse::<Timestamp>().map_err(|_| unfit("a moment"))?;
        Ok::<_, Error>(format::moment(locale, at, &time_zone))
    });
    environment
}

fn unfit(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("expected {what}"))
}

#[cfg(test)]
mod tests;
