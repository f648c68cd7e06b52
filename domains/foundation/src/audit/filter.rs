//! Which entries are meant.

use atelier_entities::{AuditLevel, Timestamp, UserId, audit_log::Column};
use sea_orm::{
    ColumnTrait, Condition,
    sea_query::{ExprTrait, LikeExpr},
};
use serde_json::{Value, json};

use crate::{FieldErrors, validation};

/// Longest text that is compared with a column.
const LONGEST: usize = 200;

/// Which entries of the log; a field that is none selects every one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only of this level.
    pub level: Option<AuditLevel>,
    /// Only of this action, such as `auth.login`, or of all that begin so: `auth.*`.
    pub action: Option<String>,
    /// Only by this account.
    pub actor: Option<UserId>,
    /// Only about this, such as `user:0190…`.
    pub target: Option<String>,
    /// Only from this address.
    pub ip: Option<String>,
    /// Only of this request.
    pub request_id: Option<String>,
    /// Only at or after this moment.
    pub from: Option<Timestamp>,
    /// Only before this moment.
    pub before: Option<Timestamp>,
}

impl AuditFilter {
    pub(super) fn condition(&self) -> Result<Condition, FieldErrors> {
        let mut errors = FieldErrors::default();
        let text = |value: &Option<String>| {
            value.as_deref().map(|value| validation::line(value, 1, LONGEST)).transpose()
        };
        let action = errors.take("action", self.action.as_deref().map(action).transpose());
        let target = errors.take("target", text(&self.target));
        let ip = errors.take("ip", text(&self.ip));
        let request_id = errors.take("request_id", text(&self.request_id));
        if self.from.zip(self.before).is_some_and(|(from, before)| from >= before) {
            errors.0.insert("before", "must be later than from".to_owned());
        }
        let condition = || {
            let condition = Condition::all()
                .add_option(self.level.map(|level| Column::Level.eq(level)))
                .add_option(action?)
                .add_option(self.actor.map(|actor| Column::ActorId.eq(actor)))
                .add_option(target?.map(|target| Column::Target.eq(target)))
                .add_option(ip?.map(|ip| Column::Ip.eq(ip)))
                .add_option(request_id?.map(|id| Column::RequestId.eq(id)))
                .add_option(self.from.map(|from| Column::CreatedAt.gte(from)))
                .add_option(self.before.map(|before| Column::CreatedAt.lt(before)));
            Some(condition)
        };
        let condition = condition();
        errors.finish(condition)
    }

    /// What it says, for the entry about an export.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "level": self.level,
            "action": self.action,
            "actor": self.actor,
            "target": self.target,
            "ip": self.ip,
            "request_id": self.request_id,
            "from": self.from,
            "before": self.before,
        })
    }
}

/// An action by its name, or with `*` at the end every one that begins so.
fn action(text: &str) -> Result<sea_orm::sea_query::SimpleExpr, String> {
    let text = text.trim();
    let stem = text.strip_suffix('*').unwrap_or(text);
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_');
    if stem.is_empty() || stem.len() > LONGEST || !stem.chars().all(is_name) {
        return Err("must be an action such as auth.login, or auth.* for all that begin so".to_owned());
    }
    if stem.len() == text.len() {
        return Ok(Column::Action.eq(stem));
    }
    let pattern = LikeExpr::new(format!("{}%", stem.replace('_', "\\_"))).escape('\\');
    Ok(Column::Action.into_expr().like(pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_field_that_no_entry_can_have() {
        let long = "x".repeat(LONGEST + 1);
        let earlier = Timestamp::UNIX_EPOCH;
        for (filter, field) in [
            (AuditFilter { action: Some("Auth".to_owned()), ..AuditFilter::default() }, "action"),
            (AuditFilter { action: Some("*".to_owned()), ..AuditFilter::default() }, "action"),
            (AuditFilter { action: Some("auth.%".to_owned()), ..AuditFilter::default() }, "action"),
            (AuditFilter { target: Some(long), ..AuditFilter::default() }, "target"),
            (AuditFilter { ip: Some("1\0".to_owned()), ..AuditFilter::default() }, "ip"),
            (AuditFilter { request_id: Some(String::new()), ..AuditFilter::default() }, "request_id"),
            (AuditFilter { from: Some(earlier), before: Some(earlier), ..AuditFilter::default() }, "before"),
        ] {
            let refused = filter.condition().expect_err(field);
            assert_eq!(refused.0.keys().copied().collect::<Vec<_>>(), [field]);
        }
        assert!(AuditFilter::default().condition().is_ok());
    }
}
