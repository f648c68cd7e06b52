//! The log as lines of JSON or CSV: for exports and for the archive.

use atelier_entities::{AuditId, Timestamp, audit_log};
use sea_orm::{ColumnTrait, Condition};
use serde_json::json;

use super::{Audit, AuditError, AuditFilter, record_warning};
use crate::Actor;

/// Maximum number of entries in an export.
pub const EXPORT_LIMIT: u64 = 100_000;

/// Entries that one query reads.
const STEP: u64 = 1_000;

/// A running export. Call [`Export::next`] until it returns no entries.
#[derive(Debug)]
pub struct Export {
    audit: Audit,
    condition: Condition,
    after: Option<(Timestamp, AuditId)>,
    left: u64,
}

impl Audit {
    /// Starts an export of at most `limit` entries, newest first, as of now. The export
    /// itself is recorded.
    pub async fn start_export(
        &self,
        actor: &Actor,
        filter: AuditFilter,
        limit: u64,
    ) -> Result<Export, AuditError> {
        let context = json!({"filter": filter.to_json(), "limit": limit});
        let tx = self.queue.begin().await?;
        let condition = filter.condition()?.add(audit_log::Column::CreatedAt.lt(tx.now()));
        record_warning(&tx, actor, "audit.export", None, context).await?;
        tx.commit().await?;
        Ok(Export { audit: self.clone(), condition, after: None, left: limit.min(EXPORT_LIMIT) })
    }
}

impl Export {
    /// The next entries; empty at the end.
    pub async fn next(&mut self) -> Result<Vec<audit_log::Model>, AuditError> {
        if self.left == 0 {
            return Ok(Vec::new());
        }
        let step = self.left.min(STEP);
        let rows = self.audit.list_after(self.condition.clone(), self.after, step).await?;
        let read = rows.len() as u64;
        self.left = if read < step { 0 } else { self.left - read };
        self.after = rows.last().map(|row| (row.created_at, row.id)).or(self.after);
        Ok(rows)
    }
}

/// An entry as a line of JSON, with its line break.
#[must_use]
pub fn json_line(row: &audit_log::Model) -> String {
    let line = json!({
        "id": row.id,
        "created_at": row.created_at,
        "level": row.level,
        "actor_id": row.actor_id,
        "action": row.action,
        "target": row.target,
        "ip": row.ip,
        "user_agent": row.user_agent,
        "request_id": row.request_id,
        "context": row.context,
    });
    format!("{line}\n")
}

/// The columns of [`csv_line`].
pub const CSV_HEADER: &str =
    "id,created_at,level,actor_id,action,target,ip,user_agent,request_id,context\r\n";

/// An entry as a line of CSV (RFC 4180), with its line break. Text that a spreadsheet would
/// read as a formula gets a leading apostrophe.
#[must_use]
pub fn csv_line(row: &audit_log::Model) -> String {
    let optional = |text: &Option<String>| cell(text.as_deref().unwrap_or_default());
    let cells = [
        row.id.to_string(),
        row.created_at.to_rfc3339(),
        row.level.to_string(),
        row.actor_id.map(|id| id.to_string()).unwrap_or_default(),
        cell(&row.action),
        optional(&row.target),
        optional(&row.ip),
        optional(&row.user_agent),
        optional(&row.request_id),
        cell(&row.context.to_string()),
    ];
    cells.join(",") + "\r\n"
}

fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;

    #[test]
    fn cells_are_quoted_and_formulas_are_disabled() {
        for (text, written) in [
            ("auth.login", "auth.login"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("@sum(1,2)", "\"'@sum(1,2)\""),
            ("-1", "'-1"),
        ] {
            assert_eq!(cell(text), written, "{text:?}");
        }
    }

    #[tokio::test]
    async fn an_export_has_every_earlier_entry_once_up_to_its_limit() {
        let fixture = Fixture::new().await;
        for number in 0..5 {
            fixture.register(&format!("{number}@example.org")).await;
        }
        let audit = &fixture.services.audit;
        let read = async |limit| {
            let export = audit.start_export(&Actor::anonymous(), AuditFilter::default(), limit).await;
            let (mut export, mut ids) = (export.expect("begun"), Vec::new());
            loop {
                let rows = export.next().await.expect("read");
                if rows.is_empty() {
                    return ids;
                }
                ids.extend(rows.into_iter().map(|row| row.id));
            }
        };

        let all = read(EXPORT_LIMIT).await;
        assert_eq!(all.len(), 5);
        assert_eq!(read(2).await.len(), 2);
        assert_eq!(read(EXPORT_LIMIT).await.len(), 7, "with the two exports before");
    }

    #[tokio::test]
    async fn lines_hold_the_whole_entry() {
        let fixture = Fixture::new().await;
        fixture.register("ada@example.org").await;
        let mut export = fixture
            .services
            .audit
            .start_export(&Actor::anonymous(), AuditFilter::default(), 10)
            .await
            .expect("begun");
        let row = export.next().await.expect("read").remove(0);

        let line: serde_json::Value = serde_json::from_str(&json_line(&row)).expect("JSON");
        assert_eq!((&line["action"], &line["id"]), (&json!("auth.register"), &json!(row.id)));
        assert_eq!(line.as_object().expect("an object").len(), CSV_HEADER.split(',').count());
        assert_eq!(csv_line(&row).split(',').count(), CSV_HEADER.split(',').count());
    }
}
