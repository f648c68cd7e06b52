//! What each mail could tell, for previews, test mails and the kept versions.

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    AppTime, ChallengeResults, DailyReminder, LimitAlert, PaymentReceipt, RankedParticipant, ReceiptLine,
    Template,
};

const ACCOUNT: &str = "019aa0b2-0000-7000-8000-000000000002";
const PROJECT: &str = "019aa0b2-0000-7000-8000-000000000001";

impl Template {
    /// Data that this mail could show.
    #[must_use]
    pub fn sample(self) -> Value {
        let mut data = match self {
            Self::Welcome => json!({"credits": 10, "link": link("verify-email")}),
            Self::ConfirmEmail => json!({"link": link("verify-email")}),
            Self::ResetPassword => json!({"link": link("reset-password")}),
            Self::PasswordChanged => password_changed(),
            Self::EmailChanged | Self::AccountExists => json!({}),
            Self::OperatorAdded => json!({"own": false, "account": ACCOUNT}),
            Self::ApiTokenCreated => json!({
                "prefix": "atl_x7Kq2w",
                "scopes": ["read", "write"],
                "expires_at": "2026-11-20T13:02:00Z",
            }),
            Self::ProviderLinked => json!({"provider": "GitHub", "claimed": false}),
            Self::ProviderUnlinked => json!({"provider": "GitHub"}),
            Self::AccountDeactivated => json!({"stopped": 2}),
            Self::GenerationFinished => project(&json!({"version": 2, "files": 5})),
            Self::GenerationFailed => project(&json!({"reason": "the model server took too long"})),
            Self::DeploymentFinished => {
                project(&json!({"url": "https://atelier.example/preview/reading-list-1/"}))
            }
            Self::DailyReminder => value(&daily_reminder()),
            Self::ChallengeResults => value(&challenge_results()),
            Self::LimitAlert => value(&limit_alert()),
            Self::PaymentReceipt => value(&payment_receipt()),
        };
        data["full_name"] = "Ada Lovelace".into();
        data
    }
}

fn link(page: &str) -> String {
    format!("https://atelier.example/{page}#token=dG9rZW4")
}

fn password_changed() -> Value {
    json!({
        "reclaimed": false,
        "closed": {"api_tokens": 1, "providers": []},
        "open": {"api_tokens": 2, "providers": ["GitHub", "Google"]},
    })
}

fn project(more: &Value) -> Value {
    let mut data = json!({"project_id": PROJECT, "project_title": "Reading list"});
    for (name, value) in more.as_object().into_iter().flatten() {
        data[name] = value.clone();
    }
    data
}

fn value(content: &impl Serialize) -> Value {
    serde_json::to_value(content).expect("samples are made of texts and numbers")
}

fn day() -> chrono::NaiveDate {
    chrono::NaiveDate::from_ymd_opt(2026, 11, 20).expect("a day")
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

fn payment_receipt() -> PaymentReceipt {
    let line = |description: &str, quantity, amount_minor| ReceiptLine {
        description: description.to_owned(),
        quantity,
        amount_minor,
    };
    PaymentReceipt {
        number: "A-2026-000042".to_owned(),
        paid_at: day().and_hms_opt(13, 2, 0).expect("a time of day").and_utc(),
        currency: "EUR".to_owned(),
        lines: vec![line("Pro, one year", 1, 118_800), line("100 credits", 2, 4_650)],
        tax_minor: Some(20_575),
        total_minor: 123_450,
        method: Some("Visa ···· 4242".to_owned()),
    }
}
