//! The product's paths compared with the same paths of the yardstick: names of figures, and
//! the table of both.

use super::installation::ServerKind;
use crate::measure::{
    cli::Engine,
    figures::{Figures, format_value},
    load::LoadResult,
};

pub(super) const PROJECT_LIST: &str = "project list";
pub(super) const JOB_STATUS: &str = "job status, 200";
pub(super) const PROFILE: &str = "profile";
pub(super) const GENERATION: &str = "generation request";
pub(super) const GENERATION_AT_ONCE: &str = "generation request, one statement";

/// Paths of the yardstick on a database.
pub(in crate::measure) const fn paths(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Postgres => &[PROJECT_LIST, JOB_STATUS, PROFILE, GENERATION, GENERATION_AT_ONCE],
        Engine::Sqlite => &[PROJECT_LIST, JOB_STATUS, PROFILE, GENERATION],
    }
}

/// Least ratio of the product's throughput to the yardstick's, and the ratio that it aims
/// at.
pub(in crate::measure) const BAR: f64 = 0.5;
pub(in crate::measure) const AIM: f64 = 0.8;

/// The columns of the table.
pub(in crate::measure) const HEADER: [&str; 10] = [
    "path",
    "requests/s",
    "p50, ms",
    "p99, ms",
    "yardstick: requests/s",
    "p50, ms",
    "p99, ms",
    "ratio",
    "bar",
    "aim",
];

/// Columns of the table that hold numbers.
pub(in crate::measure) const NUMBERS: [usize; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/// The name of a path's ratio among the figures.
pub(in crate::measure) fn ratio_name(engine: Engine, path: &str) -> String {
    format!("{}{path}, against the yardstick", engine.prefix())
}

fn name(engine: Engine, path: &str, server: ServerKind) -> String {
    let prefix = engine.prefix();
    match server {
        // The product writes the rows in one way.
        ServerKind::Product if path == GENERATION_AT_ONCE => format!("{prefix}{GENERATION}"),
        ServerKind::Product => format!("{prefix}{path}"),
        ServerKind::Yardstick => format!("{prefix}yardstick: {path}"),
    }
}

/// Records the result of one server.
pub(super) fn record(
    figures: &mut Figures,
    engine: Engine,
    path: &str,
    server: ServerKind,
    result: &LoadResult,
) {
    let name = name(engine, path, server);
    figures.record(format!("{name}, p50"), "ms", result.p50_ms);
    figures.record(format!("{name}, p99"), "ms", result.p99_ms);
    figures.record(name, "requests/s", result.per_second);
}

/// Records the ratios of the run whose figures were recorded last.
pub(super) fn record_ratios(figures: &mut Figures, engine: Engine) {
    for path in paths(engine) {
        let last = |server| figures.last(&name(engine, path, server));
        if let (Some(product), Some(yardstick)) = (last(ServerKind::Product), last(ServerKind::Yardstick)) {
            figures.record(ratio_name(engine, path), "×", product / yardstick);
        }
    }
}

/// The rows of the table; none where nothing was compared.
pub(in crate::measure) fn rows(figures: &Figures) -> Option<Vec<[String; 10]>> {
    let engines = [Engine::Postgres, Engine::Sqlite].into_iter();
    let rows =
        engines.flat_map(|engine| paths(engine).iter().filter_map(move |path| row(figures, engine, path)));
    Some(rows.collect::<Vec<_>>()).filter(|rows| !rows.is_empty())
}

fn row(figures: &Figures, engine: Engine, path: &str) -> Option<[String; 10]> {
    let median = |name: &str| figures.median(name).map(format_value);
    let of = |server| {
        let name = name(engine, path, server);
        Some((median(&name)?, median(&format!("{name}, p50"))?, median(&format!("{name}, p99"))?))
    };
    let (product, product_p50, product_p99) = of(ServerKind::Product)?;
    let (yardstick, yardstick_p50, yardstick_p99) = of(ServerKind::Yardstick)?;
    let ratio = format!("{} ×", median(&ratio_name(engine, path))?);
    let marks = [BAR, AIM].map(|mark| format!("{} ×", format_value(mark)));
    let [bar, aim] = marks;
    Some([
        format!("{}{path}", engine.prefix()),
        product,
        product_p50,
        product_p99,
        yardstick,
        yardstick_p50,
        yardstick_p99,
        ratio,
        bar,
        aim,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(per_second: f64) -> LoadResult {
        LoadResult { per_second, p50_ms: 1.0, p99_ms: 2.0 }
    }

    #[test]
    fn shows_both_servers_side_by_side() {
        let mut figures = Figures::default();
        assert!(rows(&figures).is_none());
        for (product, yardstick) in [(600.0, 1_000.0), (700.0, 1_000.0), (900.0, 1_000.0)] {
            record(&mut figures, Engine::Sqlite, PROFILE, ServerKind::Product, &result(product));
            record(&mut figures, Engine::Sqlite, PROFILE, ServerKind::Yardstick, &result(yardstick));
            record_ratios(&mut figures, Engine::Sqlite);
        }

        let rows = rows(&figures).expect("a table");

        let expected =
            ["embedded profile", "700", "1.00", "2.00", "1000", "1.00", "2.00", "0.70 ×", "0.50 ×", "0.80 ×"];
        assert_eq!(rows, [expected.map(str::to_owned)]);
    }
}
