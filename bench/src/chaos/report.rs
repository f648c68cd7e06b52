//! The report of a run, as text and as JSON.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use atelier_entities::RunStatus;
use atelier_ops::terminal;
use serde::Serialize;

use super::{
    checks::Check,
    faults::Fault,
    probes::Latencies,
    workflows::{Record, Rows},
};

mod triggers;

pub(super) use triggers::TriggersReport;

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) passed: bool,
    pub(super) program: String,
    /// Names and versions of the servers.
    pub(super) servers: Vec<String>,
    pub(super) seed: u64,
    pub(super) started_at: String,
    pub(super) options: OptionsReport,
    pub(super) fire_secs: f64,
    pub(super) quiet_secs: f64,
    pub(super) jobs: JobsReport,
    pub(super) runs: RunsReport,
    pub(super) triggers: TriggersReport,
    pub(super) probes_in_peace: Latencies,
    pub(super) probes_under_fire: Latencies,
    pub(super) faults: Vec<FaultReport>,
    pub(super) checks: Vec<Check>,
    pub(super) strikes: Vec<StrikeReport>,
}

/// The options of the run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct OptionsReport {
    pub(super) minutes: f64,
    pub(super) jobs_a_second: f64,
    pub(super) heartbeat_secs: u64,
    pub(super) faults: Vec<&'static str>,
    pub(super) product: bool,
    pub(super) embedded: bool,
}

/// Counts of jobs.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct JobsReport {
    /// Enqueued, and the commit was acknowledged.
    pub(super) acknowledged: usize,
    /// Enqueued without an acknowledgement, and existing.
    pub(super) in_doubt_there: usize,
    /// Enqueued without an acknowledgement, and not existing.
    pub(super) in_doubt_absent: usize,
    /// Certainly not enqueued.
    pub(super) refused: u64,
    /// Enqueues answered by a job of the same unique key.
    pub(super) duplicates: u64,
    pub(super) succeeded: usize,
    pub(super) failed_as_designed: usize,
    pub(super) cancelled: usize,
    pub(super) lost: usize,
    /// Attempts whose worker died or stalled.
    pub(super) attempts_lost: usize,
    /// Those of them that were lost before their handler had begun.
    pub(super) attempts_lost_unbegun: i64,
    /// Restarts of processes.
    pub(super) restarts: u64,
    /// Jobs that the API answered with 202.
    pub(super) product_acknowledged: usize,
    /// Requests to the API that were answered, and those that were repeated.
    pub(super) requests: u64,
    pub(super) requests_made_again: u64,
    /// Samples that were taken, and ended jobs that were watched.
    pub(super) looks: u64,
    pub(super) watched: usize,
}

/// Counts of runs of workflows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct RunsReport {
    /// Runs that people started, and child runs.
    pub(super) started: usize,
    pub(super) children: usize,
    /// Runs that were refused, since as many were under way as may be.
    pub(super) refused: usize,
    pub(super) succeeded: usize,
    pub(super) failed: usize,
    pub(super) cancelled: usize,
    /// Nodes that were decided, of all items.
    pub(super) nodes: usize,
    /// Pauses, retries, and answers to waits.
    pub(super) paused: usize,
    pub(super) retried: usize,
    pub(super) answered: usize,
}

impl RunsReport {
    /// What the rows and the record of the people say.
    pub(super) fn of(rows: &Rows, record: &Record) -> Self {
        let count = |status: RunStatus| rows.runs.values().filter(|run| run.status == status).count();
        let children = rows.runs.values().filter(|run| run.parent_id.is_some()).count();
        let steering = record.steering();
        Self {
            started: rows.runs.len() - children,
            children,
            refused: steering.refused,
            succeeded: count(RunStatus::Succeeded),
            failed: count(RunStatus::Failed),
            cancelled: count(RunStatus::Cancelled),
            nodes: rows.nodes.iter().filter(|node| node.state.is_final()).count(),
            paused: steering.paused,
            retried: steering.retried,
            answered: steering.answered,
        }
    }

    fn table(&self) -> String {
        let Self { started, children, refused, succeeded, failed, cancelled, .. } = self;
        let Self { nodes, paused, retried, answered, .. } = self;
        let rows = [
            ("runs of workflows", format!("{started}, and {children} child runs")),
            ("  refused, since full", refused.to_string()),
            ("  succeeded, failed, cancelled", format!("{succeeded}, {failed}, {cancelled}")),
            ("  nodes decided", nodes.to_string()),
            ("  pauses, retries, answers", format!("{paused}, {retried}, {answered}")),
        ];
        let rows = rows.map(|(name, value)| [name.to_owned(), value]);
        terminal::table(["workflows", ""], rows.to_vec(), &[])
    }
}

/// One strike.
#[derive(Clone, Debug, Serialize)]
pub(super) struct StrikeReport {
    /// Since the first fault.
    pub(super) at_secs: f64,
    pub(super) faults: Vec<&'static str>,
    pub(super) victims: Vec<String>,
    /// Jobs that the victims held.
    pub(super) held: usize,
    /// Until jobs were run as before; none where that did not happen.
    pub(super) recovery_secs: Option<f64>,
}

/// All strikes of one fault.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct FaultReport {
    pub(super) fault: String,
    pub(super) strikes: usize,
    pub(super) median_secs: f64,
    pub(super) longest_secs: f64,
    pub(super) promised_secs: Option<f64>,
    /// Strikes that were not recovered from.
    pub(super) never: usize,
    /// Strikes that took longer than promised.
    pub(super) late: usize,
}

/// Summarises strikes by fault; strikes of two faults have a name of their own.
pub(super) fn sum_up(strikes: &[StrikeReport], heartbeat: Duration) -> Vec<FaultReport> {
    let mut by_fault: BTreeMap<(bool, String), Vec<Option<f64>>> = BTreeMap::new();
    for strike in strikes {
        let name = match strike.faults.as_slice() {
            [only] => (false, (*only).to_owned()),
            _several => (true, "two at once".to_owned()),
        };
        by_fault.entry(name).or_default().push(strike.recovery_secs);
    }
    let reports = by_fault.into_iter().map(|((_, fault), recoveries)| {
        let promise = Fault::parse(&fault).ok().and_then(|fault| fault.promise(heartbeat));
        let promised_secs = promise.map(|promise| promise.as_secs_f64());
        let mut times: Vec<f64> = recoveries.iter().copied().flatten().collect();
        times.sort_by(f64::total_cmp);
        FaultReport {
            fault,
            strikes: recoveries.len(),
            median_secs: times.get(times.len() / 2).copied().unwrap_or_default(),
            longest_secs: times.last().copied().unwrap_or_default(),
            promised_secs,
            never: recoveries.len() - times.len(),
            late: times.iter().filter(|time| promised_secs.is_some_and(|promise| **time > promise)).count(),
        }
    });
    reports.collect()
}

/// Checks that jobs were run again after every strike, and as soon as promised.
pub(super) fn check_recoveries(faults: &[FaultReport]) -> Vec<Check> {
    let strikes = faults.iter().map(|fault| fault.strikes).sum();
    let never = faults.iter().filter(|fault| fault.never > 0);
    let never = never.map(|fault| format!("{}: {} times not", fault.fault, fault.never)).collect();
    let promised = faults.iter().filter(|fault| fault.promised_secs.is_some());
    let cases = promised.clone().map(|fault| fault.strikes).sum();
    let late = promised.filter(|fault| fault.late > 0);
    let late =
        late.map(|fault| format!("{}: {} times late, {:.1} s", fault.fault, fault.late, fault.longest_secs));
    vec![
        Check::new("work goes on after every fault", strikes, never),
        Check::new("and as soon as promised", cases, late.collect()),
    ]
}

impl Report {
    /// The report as text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut put = |line: String| writeln!(text, "{line}").expect("writing to a String cannot fail");
        put(format!("{} with {}", self.program, self.servers.join(" and ")));
        put(format!(
            "seed {}, {:.1} minutes under fire, {:.0} s until all was quiet, heartbeat {} s",
            self.seed,
            self.fire_secs / 60.0,
            self.quiet_secs,
            self.options.heartbeat_secs
        ));
        put(String::new());
        put(self.jobs_table());
        if self.options.product {
            put(String::new());
            put(self.runs.table());
            put(String::new());
            put(self.triggers.table());
        }
        put(String::new());
        put(self.faults_table());
        put(String::new());
        put(self.checks_table());
        for check in self.checks.iter().filter(|check| check.broken > 0) {
            put(format!("\nBROKEN: {} ({} of {})", check.promise, check.broken, check.cases));
            check.examples.iter().for_each(|example| put(format!("  {example}")));
        }
        put(format!("\n{}", if self.passed { "Every promise held." } else { "A PROMISE WAS BROKEN." }));
        text
    }

    fn jobs_table(&self) -> String {
        let jobs = &self.jobs;
        let latencies = |found: &Latencies| {
            let Latencies { count, p50_ms, p95_ms, p99_ms, max_ms } = found;
            format!("{p50_ms} / {p95_ms} / {p99_ms} / {max_ms} ms of {count}")
        };
        let rows: Vec<(&str, String)> = vec![
            ("acknowledged", jobs.acknowledged.to_string()),
            ("  lost", jobs.lost.to_string()),
            ("  in doubt, there", jobs.in_doubt_there.to_string()),
            ("  in doubt, absent", jobs.in_doubt_absent.to_string()),
            ("  refused", jobs.refused.to_string()),
            ("  duplicates of a unique key", jobs.duplicates.to_string()),
            ("succeeded", jobs.succeeded.to_string()),
            ("failed as designed", jobs.failed_as_designed.to_string()),
            ("cancelled or expired", jobs.cancelled.to_string()),
            ("attempts lost with their worker", jobs.attempts_lost.to_string()),
            ("  of these, before they began", jobs.attempts_lost_unbegun.to_string()),
            ("processes started again", jobs.restarts.to_string()),
            ("acknowledged by the API", jobs.product_acknowledged.to_string()),
            ("requests answered / made again", format!("{} / {}", jobs.requests, jobs.requests_made_again)),
            ("ended jobs watched / looks", format!("{} / {}", jobs.watched, jobs.looks)),
            ("start in peace p50/p95/p99/max", latencies(&self.probes_in_peace)),
            ("start under fire p50/p95/p99/max", latencies(&self.probes_under_fire)),
        ];
        let rows = rows.into_iter().map(|(name, value)| [name.to_owned(), value]).collect();
        terminal::table(["jobs", ""], rows, &[])
    }

    fn faults_table(&self) -> String {
        let rows = self.faults.iter().map(|fault| {
            [
                fault.fault.clone(),
                fault.strikes.to_string(),
                format!("{:.1} s", fault.median_secs),
                format!("{:.1} s", fault.longest_secs),
                fault.promised_secs.map_or_else(|| "-".to_owned(), |secs| format!("{secs:.0} s")),
                if fault.never > 0 { format!("{} NEVER", fault.never) } else { String::new() },
            ]
        });
        let header = ["fault", "strikes", "median recovery", "longest", "promised", ""];
        terminal::table(header, rows.collect(), &[1, 2, 3, 4])
    }

    fn checks_table(&self) -> String {
        let rows = self.checks.iter().map(|check| {
            let verdict =
                if check.broken == 0 { "held".to_owned() } else { format!("{} BROKEN", check.broken) };
            [check.promise.to_owned(), check.cases.to_string(), verdict]
        });
        terminal::table(["promise", "cases", ""], rows.collect(), &[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strike(faults: &[&'static str], recovery_secs: Option<f64>) -> StrikeReport {
        StrikeReport { at_secs: 0.0, faults: faults.to_vec(), victims: Vec::new(), held: 0, recovery_secs }
    }

    #[test]
    fn sums_up_by_fault_and_finds_the_late_ones() {
        let strikes = [
            strike(&["worker-kill"], Some(3.0)),
            strike(&["worker-kill"], Some(9.0)),
            strike(&["worker-kill"], None),
            strike(&["redis-cut", "postgres-cut"], Some(20.0)),
        ];

        let faults = sum_up(&strikes, Duration::from_secs(2));

        assert_eq!(faults[0].fault, "worker-kill");
        assert_eq!((faults[0].strikes, faults[0].never, faults[0].late), (3, 1, 1));
        assert!((faults[0].longest_secs - 9.0).abs() < 1e-9);
        assert_eq!((faults[1].fault.as_str(), faults[1].promised_secs), ("two at once", None));
        let broken: Vec<usize> = check_recoveries(&faults).iter().map(|check| check.broken).collect();
        assert_eq!(broken, [1, 1]);
    }
}
