//! Output of command lines: lines, tables and readable sizes.

use std::{fmt::Display, io::Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// Writes a line to standard output. Does nothing where its reader is gone.
pub fn print_line(text: impl Display) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        tracing::trace!("standard output has no reader");
    }
}

/// Writes a line to standard error.
pub fn print_error(text: impl Display) {
    let mut out = std::io::stderr().lock();
    if writeln!(out, "{text}").is_err() {
        tracing::trace!("standard error has no reader");
    }
}

/// A table without borders. The columns whose index is in `right` are aligned to the
/// right.
#[must_use]
pub fn table<const N: usize>(header: [&str; N], rows: Vec<[String; N]>, right: &[usize]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header).add_rows(rows);
    for index in right {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    // Each cell has a space on both sides: the first one is removed from each line.
    let lines: Vec<String> =
        table.trim_fmt().lines().map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned()).collect();
    lines.join("\n")
}

/// A readable size: `512 B`, `3.4 kB`, `1.2 MB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1_000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_readable_sizes() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (3_456, "3.4 kB"),
            (999_999, "999.9 kB"),
            (1_200_000, "1.2 MB"),
            (7_500_000_000, "7.5 GB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn aligns_numbers_to_the_right() {
        let rows = vec![["a.html".to_owned(), "9 B".to_owned()], ["b".to_owned(), "1.0 kB".to_owned()]];

        let text = table(["path", "size"], rows, &[1]);

        let ends: Vec<usize> = text.lines().map(|line| line.trim_end().len()).collect();
        assert_eq!(ends, [ends[0]; 3], "{text}");
    }
}
