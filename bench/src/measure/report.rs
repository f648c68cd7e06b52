//! The report of a run: on the terminal, as JSON, and as tables of a document.

use std::path::Path;

use anyhow::Context;
use atelier_ops::terminal;
use chrono::{SubsecRound, Utc};
use serde_json::{Value, json};

use super::{api::comparison, bars, cli::RunArgs, figures::HEADER, peers, section::Section};

/// Whether this program is built as the product's image is.
pub(super) const OPTIMIZED: bool = matches!(env!("OPT_LEVEL").as_bytes(), b"3");

/// Everything that was measured, with versions.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) versions: Value,
    pub(super) sections: Vec<Section>,
}

impl Report {
    /// Prints the report and writes the requested files.
    pub(super) fn publish(&self, run: &RunArgs) -> anyhow::Result<()> {
        terminal::print_line(format_args!("versions       {}", self.versions));
        for section in &self.sections {
            terminal::print_line(format_args!("configuration  {}\n", section.configuration));
            terminal::print_line(section.figures.table());
            if let Some(table) = comparison::rows(&section.figures) {
                terminal::print_line(format_args!(
                    "\n{}",
                    terminal::table(comparison::HEADER, table, &comparison::NUMBERS)
                ));
            }
            if let Some(table) = peers::table(&section.figures) {
                terminal::print_line(format_args!(
                    "\n{}",
                    terminal::table(peers::HEADER, table, &[2, 3, 4, 5, 6, 7, 8])
                ));
            }
            terminal::print_line("");
        }
        if self.sections.len() > 1 {
            terminal::print_line(terminal::table(bars::HEADER, bars::rows(&self.sections), &[1, 2, 3]));
        }
        if !OPTIMIZED {
            terminal::print_line("This is no build of the profile dist: the figures say little about speed.");
        }
        if let Some(file) = &run.json {
            write(file, &(serde_json::to_string_pretty(&self.to_json())? + "\n"))?;
        }
        match &run.markdown {
            Some(file) => write(file, &self.to_markdown()),
            None => Ok(()),
        }
    }

    fn to_json(&self) -> Value {
        let sections = self.sections.iter().map(|section| {
            let mut value = section.figures.to_json();
            value["measurement"] = section.name.into();
            value["configuration"] = section.configuration.clone();
            value
        });
        json!({
            "at": Utc::now().trunc_subsecs(0), "versions": self.versions,
            "measurements": sections.collect::<Vec<Value>>(),
        })
    }

    fn to_markdown(&self) -> String {
        let text = |key: &str| self.versions.get(key).map_or_else(String::new, plain);
        let mut document = format!(
            "{}. atelier {} ({} build), {}, {}, {} cores.\n\n",
            Utc::now().format("%Y-%m-%d"),
            text("atelier"),
            text("build"),
            text("postgres"),
            text("redis"),
            text("cores"),
        );
        if self.sections.len() > 1 {
            document +=
                &format!("### Against the bars\n\n{}\n", markdown(bars::HEADER, &bars::rows(&self.sections)));
        }
        for section in &self.sections {
            document += &format!("### {}\n\n", section.name);
            match peers::table(&section.figures) {
                Some(table) => document += &markdown(peers::HEADER, &table),
                None => document += &markdown(HEADER, &section.figures.rows()),
            }
            if let Some(table) = comparison::rows(&section.figures) {
                document += &format!("\n{}", markdown(comparison::HEADER, &table));
            }
            for (what, why) in section.figures.skipped() {
                document += &format!("\nLeft out: {what} ({why}).\n");
            }
            document += "\n";
        }
        document
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn markdown<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let mut text = format!("| {} |\n|{}\n", header.join(" | "), "---|".repeat(N));
    for row in rows {
        text += &format!("| {} |\n", row.join(" | "));
    }
    text
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::figures::Figures;

    fn report(names: &[&'static str]) -> Report {
        let sections = names.iter().copied().map(|name| {
            let mut figures = Figures::default();
            figures.record("drain", "jobs/s", 12_345.0);
            figures.skip("Sidekiq", "no ruby");
            Section { name, configuration: json!({}), figures }
        });
        Report { versions: json!({"atelier": "1.0", "cores": 2}), sections: sections.collect() }
    }

    #[test]
    fn writes_tables_of_a_document() {
        let text = report(&["drain"]).to_markdown();

        assert!(text.contains(
            "### drain\n\n| figure | unit | median | min | max | runs |\n|---|---|---|---|---|---|\n"
        ));
        assert!(text.contains("| drain | jobs/s | 12345 | 12345 | 12345 | 1 |"), "{text}");
        assert!(text.contains("Left out: Sidekiq (no ruby)."));
        assert!(!text.contains("Against the bars"));
    }

    #[test]
    fn several_measurements_are_compared_with_the_bars() {
        assert!(report(&["drain", "latency"]).to_markdown().contains("### Against the bars"));
    }

    #[test]
    fn writes_everything_as_json() {
        let value = report(&["drain"]).to_json();

        assert_eq!(value["measurements"][0]["figures"][0]["median"], 12_345.0);
        assert_eq!(value["measurements"][0]["left_out"]["Sidekiq"], "no ruby");
    }
}
