//! What people see: lines and tables.

use std::{fmt::Display, io::Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// Writes a line to standard output. A reader that went away needs no more lines.
pub(crate) fn say(text: impl Display) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        tracing::trace!("nobody reads standard output");
    }
}

/// Writes a line to standard error.
pub(crate) fn complain(text: impl Display) {
    let mut out = std::io::stderr().lock();
    if writeln!(out, "{text}").is_err() {
        tracing::trace!("nobody reads standard error");
    }
}

/// A table without lines; the columns named by `right` are numbers.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: Vec<[String; N]>, right: &[usize]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header).add_rows(rows);
    for index in right {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}
