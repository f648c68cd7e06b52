//! Credits.

use atelier_entities::{CreditKind, credit_transactions};
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::schema::{ToSchema, sets};

/// What the caller may spend.
#[derive(Serialize, ToSchema)]
pub(crate) struct BalanceView {
    /// All credits.
    pub(crate) total: i64,
    /// Price of a quick generation.
    pub(crate) quick_price: i64,
    /// Price of an advanced generation.
    pub(crate) advanced_price: i64,
}

/// A change of the balance.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreditTransactionView {
    /// UUIDv7.
    id: Uuid,
    /// Added to the balance: negative for usage.
    #[schema(example = -2)]
    amount: i64,
    /// Why it changed.
    #[serde(rename = "type")]
    #[schema(value_type = sets::CreditKind)]
    kind: CreditKind,
    /// What for, in a few words.
    description: String,
    /// The project it was spent on.
    project_id: Option<Uuid>,
    /// The job it paid for.
    job_id: Option<Uuid>,
    /// When.
    created_at: DateTime<Utc>,
}

impl From<credit_transactions::Model> for CreditTransactionView {
    fn from(row: credit_transactions::Model) -> Self {
        Self {
            id: row.id.0,
            amount: row.amount,
            kind: row.kind,
            description: row.description,
            project_id: row.project_id.map(|id| id.0),
            job_id: row.job_id.map(|id| id.0),
            created_at: row.created_at,
        }
    }
}
