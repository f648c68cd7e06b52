//! Kinds of mails, in every language of the product, and how they are rendered.

use std::fmt;

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

/// A mail in one language: the sources of its parts.
#[derive(Clone, Copy)]
pub struct Source {
    /// The subject.
    pub subject: &'static str,
    /// The text version.
    pub text: &'static str,
    /// The HTML version.
    pub html: &'static str,
}

/// A kind of mail. [`mail_template!`](crate::mail_template) makes one.
pub struct Template {
    name: &'static str,
    category: Option<MailCategory>,
    needs_link: bool,
    english: Source,
    french: Source,
    sample: fn() -> Value,
}

/// The frames of every text and HTML version.
const TEXT_LAYOUT: &str = include_str!("template/layout.txt");
const HTML_LAYOUT: &str = include_str!("template/layout.html");

/// The [`Template`](crate::mail::Template) of that name. Its sources are the files
/// `src/mail/templates/<name>/<locale>/` of the crate: `subject.txt`, `body.txt` and
/// `body.html`. The function makes data that it could show.
#[macro_export]
macro_rules! mail_template {
    (@file $name:literal, $file:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/mail/templates/", $name, "/", $file))
    };
    ($name:literal, $sample:expr) => {
        $crate::mail::Template::new(
            $name,
            $crate::mail::Source {
                subject: $crate::mail_template!(@file $name, "en/subject.txt"),
                text: $crate::mail_template!(@file $name, "en/body.txt"),
                html: $crate::mail_template!(@file $name, "en/body.html"),
            },
            $crate::mail::Source {
                subject: $crate::mail_template!(@file $name, "fr/subject.txt"),
                text: $crate::mail_template!(@file $name, "fr/body.txt"),
                html: $crate::mail_template!(@file $name, "fr/body.html"),
            },
            $sample,
        )
    };
}

impl Template {
    /// A mail that everybody gets: somebody waits for it or must learn of it. `sample` makes
    /// data that it could show, without the person's name, which every mail shows.
    #[must_use]
    pub const fn new(name: &'static str, english: Source, french: Source, sample: fn() -> Value) -> Self {
        Self { name, category: None, needs_link: false, english, french, sample }
    }

    /// The same as a mail that people can do without.
    #[must_use]
    pub const fn of_category(self, category: MailCategory) -> Self {
        Self { category: Some(category), ..self }
    }

    /// The same as a mail that says nothing without its link.
    #[must_use]
    pub const fn needing_link(self) -> Self {
        Self { needs_link: true, ..self }
    }

    /// The name it is stored under.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it is about, where people can do without it; none where somebody waits for
    /// it or must learn of it.
    #[must_use]
    pub const fn category(&self) -> Option<MailCategory> {
        self.category
    }

    /// Whether it is sent even to an address that refused a mail before, and cannot be
    /// unsubscribed from.
    #[must_use]
    pub const fn is_transactional(&self) -> bool {
        self.category.is_none()
    }

    /// Whether it says nothing without its link.
    #[must_use]
    pub const fn needs_link(&self) -> bool {
        self.needs_link
    }

    /// Data that this mail could show.
    #[must_use]
    pub fn sample(&self) -> Value {
        let mut data = (self.sample)();
        data["full_name"] = "Ada Lovelace".into();
        data
    }

    fn source(&self, locale: Locale) -> &Source {
        match locale {
            Locale::En => &self.english,
            Locale::Fr => &self.french,
        }
    }

    /// The mail for that reader with these values. Values are escaped in HTML; one
    /// that the template needs and `data` lacks is an error.
    pub fn render(&self, reader: &Reader<'_>, data: &Value) -> Result<Rendered, RenderError> {
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

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.name).finish()
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
