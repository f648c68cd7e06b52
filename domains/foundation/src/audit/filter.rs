//! The filter of the audit log.

use atelier_entities::{AuditLevel, Timestamp, UserId, audit_log::Column};
use sea_orm::{
    ColumnTrait, Condition,
    sea_query::{ExprTrait, LikeExpr},
};
use serde_json::{Value, json};

use crate::{FieldErrors, validation};

/// Maximum length of a text in a filter.
const MAX_TEXT_CHARS: usize = 200;

/// A filter of the log. An entry must match every field that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The level.
    pub level: Option<AuditLevel>,
    /// The action, such as `auth.login`, or a prefix of actions: `auth.*`.
    pub action: Option<String>,
    /// The account that acted.
    pub actor: Option<UserId>,
    /// The target, such as `user:0190…`.
    pub target: Option<String>,
    /// The IP address.
    pub ip: Option<String>,
    /// The request.
    pub request_id: Option<String>,
    /// Start of the range, inclusive.
    pub from: Option<Timestamp>,
    /// End of the range, exclusive.
    pub before: Option<Timestamp>,
}

impl AuditFilter {
    pub(super) fn condition(&self) -> Result<Condition, FieldErrors> {
        let mut errors = FieldErrors::default();
        let text = |value: &Option<String>| {
            value.as_deref().map(|value| validation::line(value, 1, MAX_TEXT_CHARS)).transpose()
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

    /// The filter as JSON, for the audit entry of an export.
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

/// The condition of an action, or of a prefix that ends with `*`.
fn action(text: &str) -> Result<sea_orm::sea_query::SimpleExpr, String> {
    let text = text.trim();
    let stem = text.strip_suffix('*').unwrap_or(text);
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_');
    if stem.is_empty() || stem.len() > MAX_TEXT_CHARS || !stem.chars().all(is_name) {
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
    fn every_invalid_field_is_named() {
        let long = "x".repeat(MAX_TEXT_CHARS + 1);
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
