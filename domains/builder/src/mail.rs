//! The mails about generations and publications.

use atelier_entities::MailCategory;
use atelier_foundation::{mail::Template, mail_template};
use serde_json::{Value, json};

const PROJECT: &str = "019aa0b2-0000-7000-8000-000000000001";

/// Every mail of the builder.
pub(crate) static TEMPLATES: [&Template; 3] =
    [&GENERATION_FINISHED, &GENERATION_FAILED, &DEPLOYMENT_FINISHED];

/// A generation succeeded. Shows `project_id`, `project_title`, `version`, `files`.
pub(crate) static GENERATION_FINISHED: Template =
    mail_template!("generation_finished", generation_finished).of_category(MailCategory::Activity);

/// A generation failed. Shows `project_id`, `project_title`, `reason`.
pub(crate) static GENERATION_FAILED: Template =
    mail_template!("generation_failed", generation_failed).of_category(MailCategory::Activity);

/// A project went live. Shows `project_id`, `project_title`, `url`.
pub(crate) static DEPLOYMENT_FINISHED: Template =
    mail_template!("deployment_finished", deployment_finished).of_category(MailCategory::Activity);

fn generation_finished() -> Value {
    json!({"project_id": PROJECT, "project_title": "Reading list", "version": 2, "files": 5})
}

fn generation_failed() -> Value {
    let reason = "the model server took too long";
    json!({"project_id": PROJECT, "project_title": "Reading list", "reason": reason})
}

fn deployment_finished() -> Value {
    let url = "https://atelier.example/preview/reading-list-1/";
    json!({"project_id": PROJECT, "project_title": "Reading list", "url": url})
}

#[cfg(test)]
mod tests {
    use atelier_entities::Locale;
    use atelier_foundation::testing::render;

    use super::*;

    #[test]
    fn long_values_are_kept_whole() {
        let name = "Ünïcødé-".repeat(15);
        let mut data = GENERATION_FAILED.sample();
        data["full_name"] = json!(name);
        data["project_title"] = json!(name);

        let mail = render(&GENERATION_FAILED, Locale::Fr, &data).expect("rendered");

        assert!(mail.subject.contains(&name) && mail.text.matches(&name).count() == 2);
    }
}
