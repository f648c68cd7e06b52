//! Streams the export of a person's data: the account, then list after list, a page at a
//! time.

use std::io;

use atelier_foundation::{identity::PersonalExport, personal::Rows};
use axum::body::Bytes;
use futures::{Stream, StreamExt, stream};
use serde_json::{Map, Value};

use crate::dto::identity::personal_data::{AccountDataView, items};

/// A document that is being written.
struct Writer {
    rows: PersonalExport,
    /// The list that is being written.
    list: Option<&'static str>,
    totals: Map<String, Value>,
    is_done: bool,
}

/// The document in chunks.
pub(super) fn stream(
    account: &AccountDataView,
    rows: PersonalExport,
) -> serde_json::Result<impl Stream<Item = io::Result<Bytes>> + use<>> {
    let mut head = serde_json::to_string(account)?;
    // The object continues with the lists.
    head.pop();
    let writer = Writer { rows, list: None, totals: Map::new(), is_done: false };
    let lists = stream::try_unfold(writer, |mut writer| async move {
        let piece = writer.next().await?;
        Ok(piece.map(|piece| (Bytes::from(piece), writer)))
    });
    Ok(stream::iter([Ok(Bytes::from(head))]).chain(lists))
}

impl Writer {
    async fn next(&mut self) -> io::Result<Option<String>> {
        if self.is_done {
            return Ok(None);
        }
        let rows = self.rows.next().await.map_err(|error| broken_off(&error))?;
        let Some((list, rows)) = rows else {
            self.is_done = true;
            return Ok(Some(format!("],\"totals\":{}}}", Value::Object(std::mem::take(&mut self.totals)))));
        };
        let mut piece = self.open(list, &rows);
        piece.push_str(&items(list, rows).map_err(|error| broken_off(&error))?);
        Ok(Some(piece))
    }

    /// The separator before these rows, which are counted.
    fn open(&mut self, list: &'static str, rows: &Rows) -> String {
        let before = match self.list.replace(list) {
            Some(open) if open == list && rows.count() > 0 => ",".to_owned(),
            Some(open) if open == list => String::new(),
            Some(_) => format!("],\"{list}\":["),
            None => format!(",\"{list}\":["),
        };
        let total = self.totals.entry(list).or_insert_with(|| Value::from(0));
        *total = Value::from(total.as_u64().unwrap_or(0) + rows.count());
        before
    }
}

fn broken_off(error: &dyn std::error::Error) -> io::Error {
    tracing::error!(%error, "an export of personal data failed");
    io::Error::other("the export broke off")
}
