//! The mails that workflows and webhooks send.

use atelier_entities::MailCategory;
use atelier_foundation::{mail::Template, mail_template};
use serde_json::{Value, json};

/// Every mail of this domain.
pub(crate) static TEMPLATES: [&Template; 3] = [&WORKFLOW_MESSAGE, &WORKFLOW_APPROVAL, &WEBHOOK_DISABLED];

/// A node sends a message to the person whose workflow it is. Shows `subject`, `text` and
/// `workflow`, its name.
pub(crate) static WORKFLOW_MESSAGE: Template =
    mail_template!("workflow_message", workflow_message).of_category(MailCategory::Activity);

fn workflow_message() -> Value {
    json!({
        "subject": "12 orders today",
        "text": "There were 12 orders today.\nThe largest is number 7.",
        "workflow": "Daily report",
    })
}

/// A run waits for a decision of the person whose workflow it is. Shows `question`, `workflow`, its name, `expires_at`,
/// when the run waits no longer, and `link`, by which the decision can be given once.
pub(crate) static WORKFLOW_APPROVAL: Template =
    mail_template!("workflow_approval", workflow_approval).of_category(MailCategory::Activity).needing_link();

fn workflow_approval() -> Value {
    json!({
        "question": "Send the invoice of 120 euros?",
        "workflow": "Invoices",
        "expires_at": "2026-12-01T09:00:00Z",
        "link": "https://atelier.example/api/v1/automation/approvals/sample",
    })
}

/// A webhook of the person gets no more events. Shows `url`, its address, `is_gone`, whether the server asked for
/// that, and otherwise `failing_since`, since when no attempt succeeded.
pub(crate) static WEBHOOK_DISABLED: Template = mail_template!("webhook_disabled", webhook_disabled);

fn webhook_disabled() -> Value {
    json!({
        "url": "https://shop.example/hooks/atelier",
        "is_gone": false,
        "failing_since": "2026-11-26T09:00:00Z",
    })
}
