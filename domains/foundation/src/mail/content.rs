//! What mails of other domains tell, as types, and queueing them.

use atelier_entities::{MailId, Timestamp, users};
use atelier_queue::{Job, QueueError, Transaction};
use chrono::NaiveDate;
use serde::Serialize;
use uuid::Uuid;

use super::{DeliverMail, Mail, Template, queue_mail};

/// How a day was spent, for its person.
#[derive(Clone, Debug, Serialize)]
pub struct DailyReminder {
    /// The day, in the person's time zone. There is one reminder of each.
    pub day: NaiveDate,
    /// Minutes on all apps.
    pub minutes: u32,
    /// Minutes that the person means to stay under.
    pub goal_minutes: Option<u32>,
    /// The apps that took most of it.
    pub apps: Vec<AppTime>,
}

/// Time spent on an app.
#[derive(Clone, Debug, Serialize)]
pub struct AppTime {
    /// Its name.
    pub name: String,
    /// How long.
    pub minutes: u32,
    /// How long it may be.
    pub limit_minutes: Option<u32>,
}

/// How a challenge ended, for one who took part.
#[derive(Clone, Debug, Serialize)]
pub struct ChallengeResults {
    /// Which challenge. There is one mail of each.
    pub challenge_id: Uuid,
    /// Its title.
    pub title: String,
    /// The person's place, from 1.
    pub rank: u32,
    /// How many took part.
    pub participants: u32,
    /// The person's points.
    pub score: i64,
    /// The first places.
    pub leaders: Vec<RankedParticipant>,
}

/// A place in a challenge.
#[derive(Clone, Debug, Serialize)]
pub struct RankedParticipant {
    /// From 1.
    pub rank: u32,
    /// Whose.
    pub name: String,
    /// Points.
    pub score: i64,
}

/// A limit that is near or reached.
#[derive(Clone, Debug, Serialize)]
pub struct LimitAlert {
    /// Which limit. There is one mail of each, day and `reached`.
    pub limit_id: Uuid,
    /// The day, in the person's time zone.
    pub day: NaiveDate,
    /// The app's name.
    pub app: String,
    /// Minutes spent.
    pub minutes: u32,
    /// Minutes allowed.
    pub limit_minutes: u32,
    /// Whether the app is blocked now.
    pub reached: bool,
}

/// What was paid.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentReceipt {
    /// The receipt's number. There is one mail of each.
    pub number: String,
    /// When it was paid.
    pub paid_at: Timestamp,
    /// Currency of all amounts, in ISO 4217 and capital letters.
    pub currency: String,
    /// What was bought.
    pub lines: Vec<ReceiptLine>,
    /// Tax within the total, in minor units.
    pub tax_minor: Option<i64>,
    /// The total in minor units.
    pub total_minor: i64,
    /// How it was paid, such as `Visa ···· 4242`.
    pub method: Option<String>,
}

/// Something that was bought.
#[derive(Clone, Debug, Serialize)]
pub struct ReceiptLine {
    /// What.
    pub description: String,
    /// How many.
    pub quantity: u32,
    /// Their price together, in minor units.
    pub amount_minor: i64,
}

/// What a mail tells and what makes two of them the same.
trait Content: Serialize {
    const TEMPLATE: Template;

    fn cause(&self) -> String;
}

impl Content for DailyReminder {
    const TEMPLATE: Template = Template::DailyReminder;

    fn cause(&self) -> String {
        self.day.to_string()
    }
}

impl Content for ChallengeResults {
    const TEMPLATE: Template = Template::ChallengeResults;

    fn cause(&self) -> String {
        self.challenge_id.to_string()
    }
}

impl Content for LimitAlert {
    const TEMPLATE: Template = Template::LimitAlert;

    fn cause(&self) -> String {
        format!("{}:{}:{}", self.limit_id, self.day, if self.reached { "reached" } else { "near" })
    }
}

impl Content for PaymentReceipt {
    const TEMPLATE: Template = Template::PaymentReceipt;

    fn cause(&self) -> String {
        self.number.clone()
    }
}

async fn queue_content<C: Content>(
    tx: &Transaction,
    user: &users::Model,
    content: &C,
) -> Result<Option<MailId>, QueueError> {
    let unfit =
        |error: serde_json::Error| QueueError::Args { kind: DeliverMail::KIND, reason: error.to_string() };
    let data = serde_json::to_value(content).map_err(unfit)?;
    queue_mail(tx, C::TEMPLATE, user, &content.cause(), data).await
}

/// Each queues a mail once for each cause; none where it was queued before or where the
/// person does not want mails of its category. See [`queue_mail`].
impl Mail {
    /// Queues the reminder of a day.
    pub async fn queue_daily_reminder(
        tx: &Transaction,
        user: &users::Model,
        reminder: &DailyReminder,
    ) -> Result<Option<MailId>, QueueError> {
        queue_content(tx, user, reminder).await
    }

    /// Queues the results of a challenge.
    pub async fn queue_challenge_results(
        tx: &Transaction,
        user: &users::Model,
        results: &ChallengeResults,
    ) -> Result<Option<MailId>, QueueError> {
        queue_content(tx, user, results).await
    }

    /// Queues the alert of a limit.
    pub async fn queue_limit_alert(
        tx: &Transaction,
        user: &users::Model,
        alert: &LimitAlert,
    ) -> Result<Option<MailId>, QueueError> {
        queue_content(tx, user, alert).await
    }

    /// Queues the receipt of a payment, which everybody gets who paid.
    pub async fn queue_payment_receipt(
        tx: &Transaction,
        user: &users::Model,
        receipt: &PaymentReceipt,
    ) -> Result<Option<MailId>, QueueError> {
        queue_content(tx, user, receipt).await
    }
}
