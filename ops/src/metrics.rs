//! The Prometheus recorder of this process.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::error::OpsError;
use crate::process::Sample;

/// Upper bounds of histograms whose name ends in `_seconds`: 1 ms to 10 min.
const SECONDS_BUCKETS: [f64; 18] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
    600.0,
];

/// How often the recorder merges observations into its histograms. Without it, memory
/// grows between two scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Renders the metrics of this process.
#[derive(Clone, Debug)]
pub struct MetricsHandle {
    recorder: PrometheusHandle,
    role: String,
    started: Instant,
}

/// Installs the recorder for the macros of the crate `metrics`. A process has one: later
/// calls return the handle of the first call, whatever their `role`.
///
/// # Errors
/// Another recorder is already installed.
pub fn install(role: &str) -> Result<MetricsHandle, OpsError> {
    static INSTALLED: OnceLock<Result<MetricsHandle, String>> = OnceLock::new();
    INSTALLED.get_or_init(|| create(role)).clone().map_err(OpsError::Metrics)
}

fn create(role: &str) -> Result<MetricsHandle, String> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)
        .map_err(|error| error.to_string())?;
    let recorder = builder.install_recorder().map_err(|error| error.to_string())?;
    Ok(MetricsHandle { recorder, role: role.to_owned(), started: Instant::now() })
}

impl MetricsHandle {
    /// All metrics in the Prometheus text format, with memory, CPU time, uptime and version
    /// of the process.
    #[must_use]
    pub fn render(&self) -> String {
        let process = Sample::take(self.started.elapsed()).render(&self.role);
        let mut text = self.recorder.render();
        text.push_str(&process);
        text
    }

    /// Runs the upkeep of the recorder until `stopped`. Every process runs this once,
    /// concurrently with its work.
    pub async fn run_upkeep(&self, stopped: CancellationToken) {
        let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
        let upkeep = async {
            loop {
                interval.tick().await;
                self.recorder.run_upkeep();
            }
        };
        stopped.run_until_cancelled(upkeep).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_one_recorder_and_renders_it() {
        let handle = install("test").expect("the first recorder");
        let again = install("other").expect("the same recorder");
        metrics::counter!("atelier_test_total", "queue" => "email").increment(2);
        metrics::histogram!("atelier_test_wait_seconds").record(0.004);
        let text = again.render();
        for line in [
            "atelier_test_total{queue=\"email\"} 2",
            "atelier_test_wait_seconds_bucket{le=\"0.0025\"} 0",
            "atelier_test_wait_seconds_bucket{le=\"0.005\"} 1",
            "atelier_test_wait_seconds_bucket{le=\"600\"} 1",
            "role=\"test\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        assert_eq!(handle.role, again.role);
    }

    #[tokio::test]
    async fn upkeep_ends_when_it_is_stopped() {
        let handle = install("test").expect("a recorder");
        let stopped = CancellationToken::new();
        stopped.cancel();
        handle.run_upkeep(stopped).await;
    }
}
