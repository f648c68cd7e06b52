//! The cost of processes by `/proc`; zero where there is no `/proc`.

use std::fs;

/// Clock ticks of a second in `/proc`, on every Linux.
const TICKS: f64 = 100.0;

/// The cost of a process so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    /// Processor time in seconds, user and system.
    pub(super) cpu_secs: f64,
    /// Peak of resident memory.
    pub(super) peak_mib: f64,
    /// Resident memory.
    pub(super) resident_mib: f64,
}

/// Reads the cost of a process.
pub(super) fn cost(pid: u32) -> Cost {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    parse(&read("stat"), &read("status")).unwrap_or_default()
}

/// Processor time in seconds of a process and its children, including ended ones.
pub(super) fn family_cpu_secs(pid: u32) -> f64 {
    let mut ticks = stat(pid).map_or(0.0, |stat| stat.own_ticks + stat.ended_children_ticks);
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for child in processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
        if let Some(stat) = stat(child).filter(|stat| stat.parent == pid) {
            ticks += stat.own_ticks;
        }
    }
    ticks / TICKS
}

/// Processor time in seconds of a process's present threads, to the nanosecond: clock ticks
/// are too coarse for an idle process.
pub(super) fn threads_cpu_secs(pid: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    });
    nanos.sum::<f64>() / 1e9
}

struct Stat {
    parent: u32,
    own_ticks: f64,
    ended_children_ticks: f64,
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name before the last bracket may hold anything; what follows it starts with
/// the third field of all, the process's state.
fn parse_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own_ticks: number(11)? + number(12)?,
        ended_children_ticks: number(13)? + number(14)?,
    })
}

fn parse(stat: &str, status: &str) -> Option<Cost> {
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(kib / 1024.0)
    };
    let cpu_secs = parse_stat(stat)?.own_ticks / TICKS;
    Some(Cost { cpu_secs, peak_mib: mib("VmHWM:")?, resident_mib: mib("VmRSS:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "7 (a (b) c) S 5 7 7 0 -1 4194560 100 0 0 0 150 50 20 10 20 0 5 0 1000 1 1";

    #[test]
    fn reads_what_a_process_cost() {
        let status = "Name:\tx\nVmHWM:\t   40960 kB\nVmRSS:\t 2048 kB\n";

        let expected = Cost { cpu_secs: 2.0, peak_mib: 40.0, resident_mib: 2.0 };
        assert_eq!(parse(STAT, status), Some(expected));
        assert_eq!(parse("", status), None);
    }

    #[test]
    fn reads_whose_child_a_process_is_and_what_its_own_cost() {
        let stat = parse_stat(STAT).expect("fields");

        assert_eq!((stat.parent, stat.ended_children_ticks), (5, 30.0));
    }

    #[test]
    fn knows_what_this_process_costs() {
        let pid = std::process::id();
        if std::path::Path::new("/proc/self/stat").exists() {
            assert!(cost(pid).resident_mib > 0.0 && threads_cpu_secs(pid) > 0.0);
        }
    }
}
