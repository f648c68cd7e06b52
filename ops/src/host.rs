//! Resources of the machine and of this process, for operators.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::process::Sample;

/// Makes new files and folders of this process accessible to its own user only. Does
/// nothing on systems without a umask.
pub fn set_private_umask() {
    #[cfg(unix)]
    let _before = rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Measures the resources of the machine. A measurement that hangs, for instance on a
/// network disk, is abandoned; until it returns, no other one is started. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HostProbe {
    data_dir: Arc<Path>,
    started: Instant,
    permit: Arc<Semaphore>,
}

/// Resources of the machine and of this process; none where the system does not report
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HostFacts {
    /// The disk of the data folder.
    pub disk: Option<Space>,
    /// The machine's memory.
    pub memory: Option<Space>,
    /// Resident memory of this process in bytes.
    pub process_resident_bytes: Option<u64>,
    /// CPU time of this process, user and system.
    pub process_cpu_seconds: Option<f64>,
    /// The time since this process started.
    pub uptime: Duration,
}

/// The size of a resource in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// The whole size.
    pub total: u64,
    /// The part that can still be used.
    pub available: u64,
}

impl HostProbe {
    /// A probe of this machine and of the disk that holds `data_dir`.
    #[must_use]
    pub fn new(data_dir: PathBuf) -> Self {
        Self { data_dir: data_dir.into(), started: Instant::now(), permit: Arc::new(Semaphore::new(1)) }
    }

    /// Measures. None where it takes longer than `limit`, or where another measurement still
    /// hangs.
    pub async fn look(&self, limit: Duration) -> Option<HostFacts> {
        tokio::time::timeout(limit, self.measure()).await.ok().flatten()
    }

    async fn measure(&self) -> Option<HostFacts> {
        let permit = self.permit.clone().acquire_owned().await.ok()?;
        let (data_dir, uptime) = (self.data_dir.clone(), self.started.elapsed());
        let look = tokio::task::spawn_blocking(move || {
            let facts = HostFacts::take(&data_dir, uptime);
            drop(permit);
            facts
        });
        look.await.ok()
    }
}

impl HostFacts {
    fn take(data_dir: &Path, uptime: Duration) -> Self {
        let Sample { resident_bytes, cpu_seconds, .. } = Sample::take(uptime);
        let meminfo = std::fs::read_to_string("/proc/meminfo").ok();
        Self {
            disk: disk(data_dir),
            memory: meminfo.and_then(|text| parse_memory(&text)),
            process_resident_bytes: resident_bytes,
            process_cpu_seconds: cpu_seconds,
            uptime,
        }
    }
}

/// The disk of a folder, or of its nearest ancestor that exists.
fn disk(folder: &Path) -> Option<Space> {
    let folder = std::path::absolute(folder).ok()?;
    let found = folder.ancestors().find_map(|folder| rustix::fs::statvfs(folder).ok())?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Some(Space { total: bytes(found.f_blocks), available: bytes(found.f_bavail) })
}

fn parse_memory(meminfo: &str) -> Option<Space> {
    let field = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kibibytes.checked_mul(1024)
    };
    Some(Space { total: field("MemTotal")?, available: field("MemAvailable")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_memory_as_linux_writes_it() {
        let text = "MemTotal:        1024 kB\nMemFree:          100 kB\nMemAvailable:     512 kB\n";

        assert_eq!(parse_memory(text), Some(Space { total: 1_048_576, available: 524_288 }));
        assert_eq!(parse_memory("MemTotal: 1024 kB\n"), None);
        assert_eq!(parse_memory(""), None);
    }

    #[tokio::test]
    async fn measures_this_machine_and_gives_up_while_another_measurement_hangs() {
        let probe = HostProbe::new(PathBuf::from("./not/there/yet"));
        let facts = probe.look(Duration::from_secs(5)).await.expect("a look");
        let disk = facts.disk.expect("a disk");
        assert!(disk.total > 0 && disk.available <= disk.total);

        let _hanging = probe.permit.clone().acquire_owned().await.expect("the permit");
        assert_eq!(probe.look(Duration::from_millis(10)).await, None);
    }
}
