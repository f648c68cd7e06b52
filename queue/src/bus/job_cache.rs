//! What is remembered of jobs that somebody asks about again and again: enough to tell
//! them that nothing changed.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use atelier_entities::{JobId, JobState, Timestamp, UserId, jobs};
use hashlink::LruCache;

/// Longest that a job under way is remembered: what lost news can cost.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// Longest that an ended one is.
const ENDED: Duration = Duration::from_secs(5);

/// Jobs remembered at once.
const MOST: usize = 20_000;

/// A job in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobHead {
    /// Whose it is.
    pub owner: Option<UserId>,
    /// Its state.
    pub state: JobState,
    /// Grows with each change.
    pub revision: i64,
    /// When it is due.
    pub run_at: Timestamp,
}

impl JobHead {
    /// That of a job.
    #[must_use]
    pub fn of(job: &jobs::Model) -> Self {
        Self { owner: job.owner_id, state: job.state, revision: job.revision, run_at: job.run_at }
    }

    fn lasts(&self) -> Duration {
        if self.state.is_terminal() { ENDED } else { UNDER_WAY }
    }
}

/// A job that is being read, to be remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    job: JobId,
    number: u64,
    begun: Instant,
}

/// Jobs in short. One that changes is forgotten, and also one that is being read as it
/// changes.
#[derive(Debug)]
pub(crate) struct Heads {
    places: Mutex<LruCache<JobId, Place>>,
    is_used: AtomicBool,
    readings: AtomicU64,
}

impl Default for Heads {
    fn default() -> Self {
        Self {
            places: Mutex::new(LruCache::new(MOST)),
            is_used: AtomicBool::new(false),
            readings: AtomicU64::new(0),
        }
    }
}

#[derive(Debug)]
struct Place {
    reading: u64,
    begun: Instant,
    /// The job, and the number by which news was heard as it was read; none while it
    /// is being read.
    head: Option<(JobHead, u64)>,
}

impl Place {
    fn is_over(&self) -> bool {
        self.begun.elapsed() >= self.head.map_or(ENDED, |(head, _)| head.lasts())
    }
}

impl Heads {
    /// The job, where it is remembered. `hearing` is the number by which news is heard.
    pub(crate) fn get(&self, id: JobId, hearing: u64) -> Option<JobHead> {
        let mut places = self.lock();
        let place = places.get(&id)?;
        let (head, heard) = place.head?;
        (heard == hearing && !place.is_over()).then_some(head)
    }

    /// To be called before a job is read that is to be remembered. None where somebody
    /// else reads it at this moment.
    pub(crate) fn begin(&self, job: JobId) -> Option<Reading> {
        let reading =
            Reading { job, number: self.readings.fetch_add(1, Ordering::Relaxed), begun: Instant::now() };
        let mut places = self.lock();
        if places.peek(&job).is_some_and(|place| place.head.is_none() && !place.is_over()) {
            return None;
        }
        places.insert(job, Place { reading: reading.number, begun: reading.begun, head: None });
        self.is_used.store(true, Ordering::Release);
        Some(reading)
    }

    /// Remembers what was read, unless the job changed meanwhile.
    pub(crate) fn keep(&self, reading: Reading, head: JobHead, hearing: u64) {
        let mut places = self.lock();
        if let Some(place) = places.peek_mut(&reading.job).filter(|place| place.reading == reading.number) {
            place.head = Some((head, hearing));
        }
    }

    /// Forgets a reading that found nothing.
    pub(crate) fn abandon(&self, reading: Reading) {
        let mut places = self.lock();
        if places.peek(&reading.job).is_some_and(|place| place.reading == reading.number) {
            places.remove(&reading.job);
        }
    }

    /// Forgets jobs.
    pub(crate) fn forget(&self, ids: &[JobId]) {
        if self.is_empty() || ids.is_empty() {
            return;
        }
        let mut places = self.lock();
        for id in ids {
            places.remove(id);
        }
        self.is_used.store(!places.is_empty(), Ordering::Release);
    }

    /// Whether nothing is remembered and nothing being read.
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_used.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<JobId, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEARING: u64 = 1;

    fn head(state: JobState) -> JobHead {
        JobHead { owner: None, state, revision: 7, run_at: Timestamp::UNIX_EPOCH }
    }

    fn remember(heads: &Heads, job: JobId, state: JobState) {
        let reading = heads.begin(job).expect("nobody else reads it");
        heads.keep(reading, head(state), HEARING);
    }

    fn age(heads: &Heads, job: JobId, by: Duration) {
        let mut places = heads.lock();
        let place = places.peek_mut(&job).expect("remembered");
        place.begun = place.begun.checked_sub(by).expect("the machine runs for longer");
    }

    #[test]
    fn a_job_is_remembered_until_it_changes() {
        let (heads, job) = (Heads::default(), JobId::new());
        remember(&heads, job, JobState::Running);
        assert_eq!(heads.get(job, HEARING), Some(head(JobState::Running)));
        assert_eq!(heads.get(job, HEARING + 2), None, "news may have been missed");

        heads.forget(&[JobId::new()]);
        assert!(heads.get(job, HEARING).is_some());
        heads.forget(&[job]);
        assert!(heads.get(job, HEARING).is_none() && heads.is_empty());
    }

    #[test]
    fn one_that_changes_while_it_is_read_is_not_remembered() {
        let (heads, job) = (Heads::default(), JobId::new());
        let first = heads.begin(job).expect("nobody else reads it");
        heads.forget(&[job]);
        let second = heads.begin(job).expect("the first reading counts no more");

        heads.keep(first, head(JobState::Running), HEARING);

        assert!(heads.get(job, HEARING).is_none());
        assert!(heads.begin(job).is_none(), "the second one still reads");
        heads.keep(second, head(JobState::Cancelled), HEARING);
        assert_eq!(heads.get(job, HEARING), Some(head(JobState::Cancelled)));
    }

    #[test]
    fn an_ended_job_is_remembered_for_longer() {
        let heads = Heads::default();
        for (state, seconds, remembered) in [
            (JobState::Running, 1, false),
            (JobState::Available, 1, false),
            (JobState::Succeeded, 4, true),
            (JobState::Succeeded, 5, false),
        ] {
            let job = JobId::new();
            remember(&heads, job, state);
            age(&heads, job, Duration::from_secs(seconds));
            assert_eq!(heads.get(job, HEARING).is_some(), remembered, "{state} after {seconds} s");
        }
    }

    #[test]
    fn a_reading_that_never_ends_or_finds_nothing_holds_nobody_up() {
        let (heads, job) = (Heads::default(), JobId::new());
        let _never_ends = heads.begin(job).expect("nobody else reads it");
        age(&heads, job, ENDED);
        let other = heads.begin(job).expect("the first one took too long");

        heads.abandon(other);

        assert!(heads.begin(job).is_some());
    }

    #[test]
    fn there_is_a_bound_to_what_is_remembered() {
        let heads = Heads::default();
        for _ in 0..MOST + 10 {
            remember(&heads, JobId::new(), JobState::Succeeded);
        }
        assert_eq!(heads.lock().len(), MOST);
    }
}
