//! The figures that the product must reach, beside the measured ones.

use super::{
    api::comparison,
    cli::Engine,
    figures::{Figures, format_value},
    peers,
    section::Section,
};

/// The columns of the table.
pub(super) const HEADER: [&str; 4] = ["what", "measured", "bar", "aim"];

/// Whether more is better.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Better {
    More,
    Less,
}

struct Bar<'a> {
    what: &'a str,
    unit: &'static str,
    better: Better,
    bar: f64,
    aim: f64,
    measured: fn(&All<'_>) -> Option<f64>,
}

/// The figures of every section.
struct All<'a>(&'a [Section]);

impl All<'_> {
    fn of(&self, section: &str) -> Option<&Figures> {
        self.0.iter().find(|each| each.name == section).map(|each| &each.figures)
    }

    fn median(&self, section: &str, name: &str) -> Option<f64> {
        self.of(section)?.median(name)
    }

    /// The largest loss of throughput against an empty table, in percent.
    fn loss(&self, names: [&str; 2]) -> Option<f64> {
        let plain = self.median("drain", "drain")?;
        let rates = names.into_iter().map(|name| self.median("drain", name));
        let worst = rates.collect::<Option<Vec<f64>>>()?.into_iter().fold(f64::INFINITY, f64::min);
        Some((1.0 - worst / plain) * 100.0)
    }
}

const BARS: [Bar<'static>; 23] = [
    more("drain against the fastest queue in Redis only", "×", 1.2, 2.0, |all| {
        peers::least_ratio(all.of("peers")?, true)
    }),
    more("drain against the fastest queue in SQL", "×", 1.0, 1.5, |all| {
        peers::least_ratio(all.of("peers")?, false)
    }),
    more("enqueue, bulk of 1000", "jobs/s", 60_000.0, 120_000.0, |all| {
        all.median("enqueue", "enqueue, bulk of 1000")
    }),
    more("enqueue, 64 callers", "jobs/s", 12_000.0, 40_000.0, |all| {
        all.median("enqueue", "enqueue, 64 callers")
    }),
    less("latency, p50", "ms", 2.0, 1.0, |all| all.median("latency", "latency, p50")),
    less("latency, p99", "ms", 8.0, 3.0, |all| all.median("latency", "latency, p99")),
    less("drain lost beside a million finished or waiting rows", "%", 20.0, 5.0, |all| {
        all.loss(["drain, beside 1000000 finished", "drain, before 1000000 waiting"])
    }),
    more("embedded drain", "jobs/s", 15_000.0, 40_000.0, |all| all.median("embedded", "embedded drain")),
    more("job status, 304, against the constant", "×", 0.5, 0.8, |all| {
        all.median("api", "job status, 304, against the constant")
    }),
    less("idle worker: memory", "MiB", 40.0, 25.0, |all| all.median("cost", "idle atelier-worker: memory")),
    less("worker with 256 jobs at a time: memory", "MiB", 80.0, 80.0, |all| {
        all.median("cost", "worker with 256 jobs at a time: peak memory")
    }),
    less("idle embedded instance: CPU", "% of a core", 1.0, 0.3, |all| {
        all.median("cost", "idle embedded instance: CPU")
    }),
    more("two workers against one, 10 ms jobs", "×", 1.9, 2.0, |all| {
        all.median("scale", "10 ms each, 16 at a time on each of 2 workers, against one")
    }),
    less("workflows: overhead of a step, p50", "ms", 10.0, 5.0, |all| {
        all.median("workflows", "overhead of a step, p50")
    }),
    more("workflows: node runs, 400 runs at once", "node runs/s", 500.0, 2_000.0, |all| {
        all.median("workflows", "node runs, 400 runs at once")
    }),
    less("lag of 10000 schedules due at once, p99", "s", 1.0, 0.5, |all| {
        all.median("triggers", "lag of 10000 schedules due at once, p99")
    }),
    less("webhook to its answer, 200 a second, p99", "ms", 20.0, 10.0, |all| {
        all.median("triggers", "webhook to its answer, 200 a second, p99")
    }),
    less("enqueue lost beside a million finished rows", "%", 20.0, 5.0, |all| {
        loss_of_enqueue(all, "finished")
    }),
    less("enqueue lost before a million waiting rows", "%", 20.0, 5.0, |all| loss_of_enqueue(all, "waiting")),
    less("first content of a generation to its file event, 64 at once, p99", "ms", 20.0, 20.0, |all| {
        all.median("generations", "first content to its file event, 64 generations, p99")
    }),
    less("64 generations of 200 KiB at once: memory", "MiB", 150.0, 150.0, |all| {
        all.median("generations", "peak memory, 64 generations of 200 KiB")
    }),
    less("compile and check of a React project of 60 files", "ms", 150.0, 150.0, |all| {
        all.median("applications", "compile and check of 60 files")
    }),
    less("generation request accepted, 200 a second, p99", "ms", 25.0, 25.0, |all| {
        all.median("api", "generation request accepted, 200 a second, p99")
    }),
];

fn loss_of_enqueue(all: &All<'_>, rows: &str) -> Option<f64> {
    let with = all.median("enqueue", &format!("beside a million {rows}: enqueue, bulk of 1000"))?;
    Some((1.0 - with / all.median("enqueue", "enqueue, bulk of 1000")?) * 100.0)
}

const fn more(
    what: &'static str,
    unit: &'static str,
    bar: f64,
    aim: f64,
    measured: fn(&All<'_>) -> Option<f64>,
) -> Bar<'static> {
    Bar { what, unit, better: Better::More, bar, aim, measured }
}

const fn less(
    what: &'static str,
    unit: &'static str,
    bar: f64,
    aim: f64,
    measured: fn(&All<'_>) -> Option<f64>,
) -> Bar<'static> {
    Bar { what, unit, better: Better::Less, bar, aim, measured }
}

impl Bar<'_> {
    /// Whether a figure reaches the aim, the bar or neither.
    fn verdict(&self, measured: f64) -> &'static str {
        let reaches = |mark: f64| match self.better {
            Better::More => measured >= mark,
            Better::Less => measured <= mark,
        };
        match (reaches(self.aim), reaches(self.bar)) {
            (true, _) => "the aim",
            (false, true) => "the bar",
            (false, false) => "below the bar",
        }
    }

    fn row(&self, all: &All<'_>) -> [String; 4] {
        self.row_of((self.measured)(all))
    }

    fn row_of(&self, measured: Option<f64>) -> [String; 4] {
        let sign = if self.better == Better::More { "≥" } else { "≤" };
        let mark = |value: f64| format!("{sign} {} {}", format_value(value), self.unit);
        let measured = match measured {
            Some(value) => format!("{} {}: {}", format_value(value), self.unit, self.verdict(value)),
            None => "not measured".to_owned(),
        };
        [self.what.to_owned(), measured, mark(self.bar), mark(self.aim)]
    }
}

/// Every bar with the measured figure.
pub(super) fn rows(sections: &[Section]) -> Vec<[String; 4]> {
    let all = All(sections);
    let ratios = [Engine::Postgres, Engine::Sqlite].into_iter().flat_map(|engine| {
        comparison::paths(engine).iter().map(move |path| comparison::ratio_name(engine, path))
    });
    let rows = BARS.iter().map(|bar| bar.row(&all));
    rows.chain(ratios.map(|name: String| ratio_row(&all, &name))).collect()
}

/// The bar of a path against the yardstick.
fn ratio_row(all: &All<'_>, name: &str) -> [String; 4] {
    let (bar, aim) = (comparison::BAR, comparison::AIM);
    let bar = Bar { what: name, unit: "×", better: Better::More, bar, aim, measured: |_| None };
    bar.row_of(all.median("api", name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn section(name: &'static str, figures: &[(&str, f64)]) -> Section {
        let mut noted = Figures::default();
        for (figure, value) in figures {
            noted.record(*figure, "", *value);
        }
        Section { name, configuration: json!({}), figures: noted }
    }

    fn measured(sections: &[Section], what: &str) -> String {
        let row = rows(sections).into_iter().find(|row| row[0] == what);
        row.map(|row| row[1].clone()).unwrap_or_default()
    }

    #[test]
    fn tells_what_was_reached() {
        for (value, expected) in [
            (50_000.0, "50000 jobs/s: below the bar"),
            (70_000.0, "70000 jobs/s: the bar"),
            (120_000.0, "120000 jobs/s: the aim"),
        ] {
            let sections = [section("enqueue", &[("enqueue, bulk of 1000", value)])];
            assert_eq!(measured(&sections, "enqueue, bulk of 1000"), expected);
        }
        assert_eq!(measured(&[], "latency, p50"), "not measured");
        let sections = [section("latency", &[("latency, p50", 0.9)])];
        assert_eq!(measured(&sections, "latency, p50"), "0.90 ms: the aim");
    }

    #[test]
    fn judges_generations_by_what_their_sections_record() {
        for (section_name, figure, what, unit) in [
            (
                "generations",
                "first content to its file event, 64 generations, p99",
                "first content of a generation to its file event, 64 at once, p99",
                "ms",
            ),
            (
                "generations",
                "peak memory, 64 generations of 200 KiB",
                "64 generations of 200 KiB at once: memory",
                "MiB",
            ),
            (
                "applications",
                "compile and check of 60 files",
                "compile and check of a React project of 60 files",
                "ms",
            ),
            (
                "api",
                "generation request accepted, 200 a second, p99",
                "generation request accepted, 200 a second, p99",
                "ms",
            ),
        ] {
            let reached = measured(&[section(section_name, &[(figure, 20.0)])], what);
            assert_eq!(reached, format!("20.0 {unit}: the aim"));
            let missed = measured(&[section(section_name, &[(figure, 151.0)])], what);
            assert_eq!(missed, format!("151 {unit}: below the bar"));
        }
    }

    #[test]
    fn reckons_what_rows_cost() {
        let figures = [
            ("drain", 10_000.0),
            ("drain, beside 1000000 finished", 8_500.0),
            ("drain, before 1000000 waiting", 9_900.0),
        ];
        let sections = [section("drain", &figures)];
        assert_eq!(
            measured(&sections, "drain lost beside a million finished or waiting rows"),
            "15.0 %: the bar"
        );
    }
}
