//! Mails in tests.

use atelier_entities::{Locale, MailCategory};
use serde_json::{Value, json};

use crate::mail::{Reader, RenderError, Rendered, Source, Template};

/// A mail that people can do without. Shows nothing but the person's name.
pub static REMINDER: Template =
    Template::new("test_reminder", REMINDER_SOURCE, REMINDER_SOURCE, || json!({}))
        .of_category(MailCategory::Reminders);

const REMINDER_SOURCE: Source = Source {
    subject: "A reminder",
    text: "Hello {{ full_name }},\n\nremember.",
    html: "<p>Hello {{ full_name }},</p>\n<p>remember.</p>",
};

/// The mail for a person in Paris. Fails if the data do not fit the template.
pub fn render(template: &Template, locale: Locale, data: &Value) -> Result<Rendered, RenderError> {
    let unsubscribe = template.category().map(|_| "https://atelier.example/unsubscribe/AQEx");
    let public_url = "https://atelier.example";
    template.render(&Reader { locale, time_zone: "Europe/Paris", public_url, unsubscribe }, data)
}
