//! A cache of polled jobs, with enough of each to answer that it has not changed.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use atelier_entities::{JobId, JobState, Timestamp, UserId};
use hashlink::LruCache;

/// How long an unfinished job is cached: the delay where messages are lost.
const UNFINISHED_TTL: Duration = Duration::from_secs(1);

/// How long an ended job is cached.
const ENDED_TTL: Duration = Duration::from_secs(5);

/// Most jobs in the cache.
const CAPACITY: usize = 20_000;

/// A summary of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobSummary {
    /// Its owner.
    pub owner: Option<UserId>,
    /// Its state.
    pub state: JobState,
    /// Grows with each change.
    pub revision: i64,
    /// When it is due.
    pub run_at: Timestamp,
}

impl JobSummary {
    fn ttl(&self) -> Duration {
        if self.state.is_terminal() { ENDED_TTL } else { UNFINISHED_TTL }
    }
}

/// A read whose result is to be cached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    job: JobId,
    number: u64,
    begun: Instant,
}

/// The cache. A job that changes is removed, even while it is being read.
#[derive(Debug)]
pub(crate) struct JobCache {
    entries: Mutex<LruCache<JobId, Entry>>,
    is_used: AtomicBool,
    readings: AtomicU64,
}

impl Default for JobCache {
    fn default() -> Self {
        Self {
            entries: Mutex::new(LruCache::new(CAPACITY)),
            is_used: AtomicBool::new(false),
            readings: AtomicU64::new(0),
        }
    }
}

#[derive(Debug)]
struct Entry {
    reading: u64,
    begun: Instant,
    /// The job, and the epoch of the bus when it was read; none during the read.
    head: Option<(JobSummary, u64)>,
}

impl Entry {
    fn is_expired(&self) -> bool {
        self.begun.elapsed() >= self.head.map_or(ENDED_TTL, |(head, _)| head.ttl())
    }
}

impl JobCache {
    /// The cached job. `epoch` is the current epoch of the bus.
    pub(crate) fn get(&self, id: JobId, epoch: u64) -> Option<JobSummary> {
        let mut entries = self.lock();
        let entry = entries.get(&id)?;
        let (head, read_in) = entry.head?;
        (read_in == epoch && !entry.is_expired()).then_some(head)
    }

    /// Begins a read whose result is to be cached; none where another one is under way.
    pub(crate) fn begin(&self, job: JobId) -> Option<Reading> {
        let reading =
            Reading { job, number: self.readings.fetch_add(1, Ordering::Relaxed), begun: Instant::now() };
        let mut entries = self.lock();
        if entries.peek(&job).is_some_and(|entry| entry.head.is_none() && !entry.is_expired()) {
            return None;
        }
        entries.insert(job, Entry { reading: reading.number, begun: reading.begun, head: None });
        self.is_used.store(true, Ordering::Release);
        Some(reading)
    }

    /// Caches the result of a read, unless the job changed meanwhile.
    pub(crate) fn store(&self, reading: Reading, head: JobSummary, epoch: u64) {
        let mut entries = self.lock();
        if let Some(entry) = entries.peek_mut(&reading.job).filter(|entry| entry.reading == reading.number) {
            entry.head = Some((head, epoch));
        }
    }

    /// Ends a read that found nothing.
    pub(crate) fn abandon(&self, reading: Reading) {
        let mut entries = self.lock();
        if entries.peek(&reading.job).is_some_and(|entry| entry.reading == reading.number) {
            entries.remove(&reading.job);
        }
    }

    /// Removes jobs.
    pub(crate) fn remove(&self, ids: &[JobId]) {
        if self.is_empty() || ids.is_empty() {
            return;
        }
        let mut entries = self.lock();
        for id in ids {
            entries.remove(id);
        }
        self.is_used.store(!entries.is_empty(), Ordering::Release);
    }

    /// Whether there are no entries and no reads under way.
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_used.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<JobId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: u64 = 1;

    fn head(state: JobState) -> JobSummary {
        JobSummary { owner: None, state, revision: 7, run_at: Timestamp::UNIX_EPOCH }
    }

    fn cache(cached_jobs: &JobCache, job: JobId, state: JobState) {
        let reading = cached_jobs.begin(job).expect("nobody else reads it");
        cached_jobs.store(reading, head(state), EPOCH);
    }

    fn age(cached_jobs: &JobCache, job: JobId, by: Duration) {
        let mut entries = cached_jobs.lock();
        let entry = entries.peek_mut(&job).expect("cached");
        entry.begun = entry.begun.checked_sub(by).expect("the machine runs for longer");
    }

    #[test]
    fn a_job_is_cached_until_it_changes() {
        let (cached_jobs, job) = (JobCache::default(), JobId::new());
        cache(&cached_jobs, job, JobState::Running);
        assert_eq!(cached_jobs.get(job, EPOCH), Some(head(JobState::Running)));
        assert_eq!(cached_jobs.get(job, EPOCH + 2), None, "messages may have been missed");

        cached_jobs.remove(&[JobId::new()]);
        assert!(cached_jobs.get(job, EPOCH).is_some());
        cached_jobs.remove(&[job]);
        assert!(cached_jobs.get(job, EPOCH).is_none() && cached_jobs.is_empty());
    }

    #[test]
    fn a_job_that_changes_while_it_is_read_is_not_cached() {
        let (cached_jobs, job) = (JobCache::default(), JobId::new());
        let first = cached_jobs.begin(job).expect("nobody else reads it");
        cached_jobs.remove(&[job]);
        let second = cached_jobs.begin(job).expect("the first reading counts no more");

        cached_jobs.store(first, head(JobState::Running), EPOCH);

        assert!(cached_jobs.get(job, EPOCH).is_none());
        assert!(cached_jobs.begin(job).is_none(), "the second one still reads");
        cached_jobs.store(second, head(JobState::Cancelled), EPOCH);
        assert_eq!(cached_jobs.get(job, EPOCH), Some(head(JobState::Cancelled)));
    }

    #[test]
    fn an_ended_job_is_cached_for_longer() {
        let cached_jobs = JobCache::default();
        for (state, seconds, cached) in [
            (JobState::Running, 1, false),
            (JobState::Available, 1, false),
            (JobState::Succeeded, 4, true),
            (JobState::Succeeded, 5, false),
        ] {
            let job = JobId::new();
            cache(&cached_jobs, job, state);
            age(&cached_jobs, job, Duration::from_secs(seconds));
            assert_eq!(cached_jobs.get(job, EPOCH).is_some(), cached, "{state} after {seconds} s");
        }
    }

    #[test]
    fn a_read_that_never_ends_or_finds_nothing_blocks_no_other_read() {
        let (cached_jobs, job) = (JobCache::default(), JobId::new());
        let _never_ends = cached_jobs.begin(job).expect("nobody else reads it");
        age(&cached_jobs, job, ENDED_TTL);
        let other = cached_jobs.begin(job).expect("the first one took too long");

        cached_jobs.abandon(other);

        assert!(cached_jobs.begin(job).is_some());
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        let cached_jobs = JobCache::default();
        for _ in 0..CAPACITY + 10 {
            cache(&cached_jobs, JobId::new(), JobState::Succeeded);
        }
        assert_eq!(cached_jobs.lock().len(), CAPACITY);
    }
}
