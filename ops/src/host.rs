//! What the system says of the machine and of this process, for operators.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::process::Sample;

/// Has the files and folders that this process makes from now on readable by its own user
/// only. Where there are no such rights nothing happens.
pub fn set_private_umask() {
    #[cfg(unix)]
    let _before = rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Looks at the machine. A look that hangs, on a disk that does not answer, is given
/// up; until it returns nobody else waits for that disk. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HostProbe {
    data_dir: Arc<Path>,
    started: Instant,
    turn: Arc<Semaphore>,
}

/// A look at the machine; what the system does not tell is none.
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
    /// Since when it runs.
    pub uptime: Duration,
}

/// How much there is of something and how much is left, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// All of it.
    pub total: u64,
    /// What can still be used.
    pub available: u64,
}

impl HostProbe {
    /// A probe of this machine, with the disk of that folder.
    #[must_use]
    pub fn new(data_dir: PathBuf) -> Self {
        Self { data_dir: data_dir.into(), started: Instant::now(), turn: Arc::new(Semaphore::new(1)) }
    }

    /// Looks; none where it takes longer than `limit`, or another look still hangs.
    pub async fn look(&self, limit: Duration) -> Option<HostFacts> {
        tokio::time::timeout(limit, self.look_in_turn()).await.ok().flatten()
    }

    async fn look_in_turn(&self) -> Option<HostFacts> {
        let turn = self.turn.clone().acquire_owned().await.ok()?;
        let (data_dir, uptime) = (self.data_dir.clone(), self.started.elapsed());
        let look = tokio::task::spawn_blocking(move || {
            let facts = HostFacts::take(&data_dir, uptime);
            drop(turn);
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

/// The disk of a folder, or of the nearest one above it that is there.
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
    async fn looks_at_this_machine_and_gives_up_where_another_look_hangs() {
        let probe = HostProbe::new(PathBuf::from("./not/there/yet"));
        let facts = probe.look(Duration::from_secs(5)).await.expect("a look");
        let disk = facts.disk.expect("a disk");
        assert!(disk.total > 0 && disk.available <= disk.total);

        let _hanging = probe.turn.clone().acquire_owned().await.expect("the turn");
        assert_eq!(probe.look(Duration::from_millis(10)).await, None);
    }
}
