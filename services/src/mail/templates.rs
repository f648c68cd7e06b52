//! The mails, in every language of the product. `templates/<name>/<locale>/` holds
//! the subject, the text and the HTML.

use atelier_entities::Locale;
use minijinja::{Environment, UndefinedBehavior, context, value::Serde};
use serde_json::Value;

/// A kind of mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Template {
    /// An account was created. Shows `credits`, and `link` where the address is to be
    /// proven.
    Welcome,
    /// A mail address is to be proven. Shows `link`.
    ConfirmEmail,
    /// A password was forgotten. Shows `link`.
    ResetPassword,
    /// A password was changed.
    PasswordChanged,
    /// A generation succeeded. Shows `project_id`, `project_title`, `version`, `files`.
    GenerationFinished,
    /// A generation failed. Shows `project_id`, `project_title`, `reason`.
    GenerationFailed,
    /// A project went live. Shows `project_id`, `project_title`, `url`.
    DeploymentFinished,
}

/// A mail, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// The text version.
    pub text: String,
    /// The HTML version.
    pub html: String,
}

/// A mail whose data do not fit its template.
#[derive(Debug, thiserror::Error)]
#[error("mail template: {0}")]
pub struct RenderError(#[from] minijinja::Error);

/// Where one language's sources of a mail are.
struct Source {
    subject: &'static str,
    text: &'static str,
    html: &'static str,
}

/// The frame of every HTML version.
const LAYOUT: &str = include_str!("templates/layout.html");

macro_rules! source {
    ($name:literal, $locale:literal) => {
        Source {
            subject: include_str!(concat!("templates/", $name, "/", $locale, "/subject.txt")),
            text: include_str!(concat!("templates/", $name, "/", $locale, "/body.txt")),
            html: include_str!(concat!("templates/", $name, "/", $locale, "/body.html")),
        }
    };
}

impl Template {
    /// Every mail.
    pub const ALL: [Self; 7] = [
        Self::Welcome,
        Self::ConfirmEmail,
        Self::ResetPassword,
        Self::PasswordChanged,
        Self::GenerationFinished,
        Self::GenerationFailed,
        Self::DeploymentFinished,
    ];

    /// The name it is stored under.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::ConfirmEmail => "confirm_email",
            Self::ResetPassword => "reset_password",
            Self::PasswordChanged => "password_changed",
            Self::GenerationFinished => "generation_finished",
            Self::GenerationFailed => "generation_failed",
            Self::DeploymentFinished => "deployment_finished",
        }
    }

    /// The mail of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.name() == name)
    }

    /// Whether somebody waits for it or must learn of it, so that it is sent even to an
    /// address that refused a mail before, and cannot be unsubscribed from.
    #[must_use]
    pub const fn is_transactional(self) -> bool {
        matches!(self, Self::Welcome | Self::ConfirmEmail | Self::ResetPassword | Self::PasswordChanged)
    }

    /// Whether it says nothing without its link.
    #[must_use]
    pub const fn needs_link(self) -> bool {
        matches!(self, Self::ConfirmEmail | Self::ResetPassword)
    }

    /// The mail in that language with these values. Values are escaped in HTML; one
    /// that the template needs and `data` lacks is an error.
    pub fn render(self, locale: Locale, data: &Value, public_url: &str) -> Result<Rendered, RenderError> {
        let source = self.source(locale);
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let values = context! { public_url, locale => locale.as_str(), ..Serde(data) };
        let subject = environment.render_named_str("subject.txt", source.subject, &values)?;
        let text = environment.render_named_str("body.txt", source.text, &values)?;
        let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
        let content = environment.render_named_str("body.html", source.html, &values)?;
        let page = context! { subject => &subject, content, locale => locale.as_str() };
        let html = environment.render_named_str("layout.html", LAYOUT, page)?;
        Ok(Rendered { subject, text, html })
    }

    fn source(self, locale: Locale) -> Source {
        match (self, locale) {
            (Self::Welcome, Locale::En) => source!("welcome", "en"),
            (Self::Welcome, Locale::Fr) => source!("welcome", "fr"),
            (Self::ConfirmEmail, Locale::En) => source!("confirm_email", "en"),
            (Self::ConfirmEmail, Locale::Fr) => source!("confirm_email", "fr"),
            (Self::ResetPassword, Locale::En) => source!("reset_password", "en"),
            (Self::ResetPassword, Locale::Fr) => source!("reset_password", "fr"),
            (Self::PasswordChanged, Locale::En) => source!("password_changed", "en"),
            (Self::PasswordChanged, Locale::Fr) => source!("password_changed", "fr"),
            (Self::GenerationFinished, Locale::En) => source!("generation_finished", "en"),
            (Self::GenerationFinished, Locale::Fr) => source!("generation_finished", "fr"),
            (Self::GenerationFailed, Locale::En) => source!("generation_failed", "en"),
            (Self::GenerationFailed, Locale::Fr) => source!("generation_failed", "fr"),
            (Self::DeploymentFinished, Locale::En) => source!("deployment_finished", "en"),
            (Self::DeploymentFinished, Locale::Fr) => source!("deployment_finished", "fr"),
        }
    }
}

#[cfg(test)]
mod tests;
