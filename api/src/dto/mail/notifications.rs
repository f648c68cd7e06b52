//! Which mails a person wants.

use atelier_entities::MailCategory;
use serde::{Deserialize, Serialize};

use crate::schema::ToSchema;

/// Which mails a person wants. Others, such as receipts and links, everybody gets.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotificationsView {
    /// How each day was spent.
    reminders: bool,
    /// How challenges ended.
    results: bool,
    /// Limits that are near or reached.
    alerts: bool,
    /// What became of generations and deployments.
    activity: bool,
}

impl NotificationsView {
    /// Everything but these.
    pub(crate) fn without(unwanted: &[MailCategory]) -> Self {
        let wants = |category| !unwanted.contains(&category);
        Self {
            reminders: wants(MailCategory::Reminders),
            results: wants(MailCategory::Results),
            alerts: wants(MailCategory::Alerts),
            activity: wants(MailCategory::Activity),
        }
    }
}

/// What to change. What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NotificationsInput {
    /// How each day was spent.
    reminders: Option<bool>,
    /// How challenges ended.
    results: Option<bool>,
    /// Limits that are near or reached.
    alerts: Option<bool>,
    /// What became of generations and deployments.
    activity: Option<bool>,
}

impl NotificationsInput {
    /// The categories that it names.
    pub(crate) fn wanted(&self) -> Vec<(MailCategory, bool)> {
        let named = [
            (MailCategory::Reminders, self.reminders),
            (MailCategory::Results, self.results),
            (MailCategory::Alerts, self.alerts),
            (MailCategory::Activity, self.activity),
        ];
        named.into_iter().filter_map(|(category, wanted)| Some((category, wanted?))).collect()
    }
}
