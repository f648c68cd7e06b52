//! The mails that workflows send.

use atelier_entities::MailCategory;
use atelier_foundation::{mail::Template, mail_template};
use serde_json::{Value, json};

/// Every mail of workflows.
pub(crate) static TEMPLATES: [&Template; 1] = [&WORKFLOW_MESSAGE];

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
