//! The mails about time spent on a screen.

use atelier_entities::MailCategory;
use atelier_foundation::{
    mail::{Content, Template},
    mail_template,
};
use chrono::NaiveDate;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

/// Every mail of this domain.
pub(crate) static TEMPLATES: [&Template; 3] = [&DAILY_REMINDER, &CHALLENGE_RESULTS, &LIMIT_ALERT];

/// How a day was spent: a [`DailyReminder`].
pub static DAILY_REMINDER: Template =
    mail_template!("daily_reminder", || json!(daily_reminder())).of_category(MailCategory::Reminders);

/// A challenge ended: [`ChallengeResults`].
pub static CHALLENGE_RESULTS: Template =
    mail_template!("challenge_results", || json!(challenge_results())).of_category(MailCategory::Results);

/// A limit is near or reached: a [`LimitAlert`].
pub static LIMIT_ALERT: Template =
    mail_template!("limit_alert", || json!(limit_alert())).of_category(MailCategory::Alerts);

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

impl Content for DailyReminder {
    fn template(&self) -> &'static Template {
        &DAILY_REMINDER
    }

    fn cause(&self) -> String {
        self.day.to_string()
    }
}

impl Content for ChallengeResults {
    fn template(&self) -> &'static Template {
        &CHALLENGE_RESULTS
    }

    fn cause(&self) -> String {
        self.challenge_id.to_string()
    }
}

impl Content for LimitAlert {
    fn template(&self) -> &'static Template {
        &LIMIT_ALERT
    }

    fn cause(&self) -> String {
        format!("{}:{}:{}", self.limit_id, self.day, if self.reached { "reached" } else { "near" })
    }
}

fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 20).expect("a day")
}

fn daily_reminder() -> DailyReminder {
    let app = |name: &str, minutes, limit_minutes| AppTime { name: name.to_owned(), minutes, limit_minutes };
    DailyReminder {
        day: day(),
        minutes: 145,
        goal_minutes: Some(120),
        apps: vec![app("Instagram", 85, Some(60)), app("YouTube", 45, None), app("TikTok", 15, Some(30))],
    }
}

fn challenge_results() -> ChallengeResults {
    let ranked = |rank, name: &str, score| RankedParticipant { rank, name: name.to_owned(), score };
    ChallengeResults {
        challenge_id: Uuid::from_u128(0x019a_a0b2_0000_7000_8000_0000_0000_0002),
        title: "A week without scrolling".to_owned(),
        rank: 2,
        participants: 12,
        score: 1_180,
        leaders: vec![
            ranked(1, "Grace Hopper", 1_240),
            ranked(2, "Ada Lovelace", 1_180),
            ranked(3, "Mary Shelley", 960),
        ],
    }
}

fn limit_alert() -> LimitAlert {
    LimitAlert {
        limit_id: Uuid::from_u128(0x019a_a0b2_0000_7000_8000_0000_0000_0003),
        day: day(),
        app: "Instagram".to_owned(),
        minutes: 48,
        limit_minutes: 60,
        reached: false,
    }
}

#[cfg(test)]
mod tests {
    use atelier_entities::Locale;
    use atelier_foundation::testing::render;

    use super::*;

    #[test]
    fn a_limit_that_is_reached_says_so() {
        let mut data = LIMIT_ALERT.sample();
        data["reached"] = json!(true);

        let english = render(&LIMIT_ALERT, Locale::En, &data).expect("rendered");
        let french = render(&LIMIT_ALERT, Locale::Fr, &data).expect("rendered");

        assert_eq!(english.subject, "Instagram: your limit is reached");
        assert!(english.text.contains("Instagram is blocked until tomorrow."));
        assert_eq!(french.subject, "Instagram : votre limite est atteinte");
        assert!(french.html.contains("Instagram est bloqué jusqu’à demain."));
    }
}
