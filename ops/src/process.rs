//! Memory, CPU time and uptime of this process, as Prometheus text.

use std::fmt::Write;
use std::time::Duration;

/// Ticks of `/proc/self/stat` in a second: Linux shows 100 to user space on
/// every platform we build for.
const TICKS_PER_SECOND: f64 = 100.0;

/// A sample of this process's resources.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    pub(crate) uptime: Duration,
    pub(crate) resident_bytes: Option<u64>,
    pub(crate) cpu_seconds: Option<f64>,
}

impl Sample {
    /// Samples the process; memory and CPU time are known on Linux only.
    pub(crate) fn take(uptime: Duration) -> Self {
        let read = |path| std::fs::read_to_string(path).ok();
        Self {
            uptime,
            resident_bytes: read("/proc/self/status").and_then(|text| parse_resident_bytes(&text)),
            cpu_seconds: read("/proc/self/stat").and_then(|text| parse_cpu_seconds(&text)),
        }
    }

    /// The sample as Prometheus text, with the version and the role.
    pub(crate) fn render(&self, role: &str) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let mut text = String::new();
        let mut put = |name: &str, kind: &str, help: &str, value: String| {
            let labels = if name == "atelier_build_info" {
                format!("{{version=\"{version}\",role=\"{role}\"}}")
            } else {
                String::new()
            };
            let _infallible =
                write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name}{labels} {value}\n\n");
        };
        put("atelier_build_info", "gauge", "Version and role of this process.", "1".to_owned());
        let uptime = format!("{:.3}", self.uptime.as_secs_f64());
        put("atelier_uptime_seconds", "gauge", "Time since this process started.", uptime);
        if let Some(bytes) = self.resident_bytes {
            put("process_resident_memory_bytes", "gauge", "Resident memory.", bytes.to_string());
        }
        if let Some(seconds) = self.cpu_seconds {
            put(
                "process_cpu_seconds_total",
                "counter",
                "CPU time, user and system.",
                format!("{seconds:.2}"),
            );
        }
        text
    }
}

fn parse_resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Fields 14 and 15 of the line; the second field, the program's name, may hold
/// spaces and ends at the last parenthesis.
fn parse_cpu_seconds(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = || fields.next().and_then(|field| field.parse::<f64>().ok());
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_proc_files() {
        assert_eq!(
            parse_resident_bytes("Name:\tatelier\nVmRSS:\t   20480 kB\nThreads:\t9\n"),
            Some(20_971_520)
        );
        assert_eq!(parse_resident_bytes("Name:\tatelier\n"), None);
        let stat = "7 (a te) lier) S 1 7 7 0 -1 4194560 100 0 0 0 250 150 0 0 20 0 9 0 100 1 1";
        assert_eq!(parse_cpu_seconds(stat), Some(4.0));
        assert_eq!(parse_cpu_seconds("7 (atelier) S 1"), None);
    }

    #[test]
    fn renders_only_known_values() {
        let sample = Sample { uptime: Duration::from_millis(1500), ..Sample::default() };
        let text = sample.render("worker");
        assert!(text.contains("atelier_uptime_seconds 1.500\n"), "{text}");
        assert!(
            text.contains("atelier_build_info{version=\"") && text.contains("role=\"worker\"} 1\n"),
            "{text}"
        );
        assert!(!text.contains("process_"), "{text}");
        let text = Sample { resident_bytes: Some(1024), cpu_seconds: Some(0.25), ..sample }.render("worker");
        assert!(
            text.contains("# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 0.25\n"),
            "{text}"
        );
        assert!(text.contains("process_resident_memory_bytes 1024\n"), "{text}");
    }
}
