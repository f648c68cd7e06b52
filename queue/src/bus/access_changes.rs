//! The people whose access changed lately: who signed out, was deactivated, became an
//! operator. A process may cache what it read of a person for a short time, but not beyond
//! such a change.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use atelier_entities::UserId;
use tokio::sync::broadcast;

/// How long a process may cache what it read of a person, from before the read.
pub const ACCESS_TTL: Duration = Duration::from_secs(3);

/// How long nothing is cached of a person after a change. The first message comes before the
/// commit, which may take a while, and its sender may be gone before it sends the second
/// one after the commit.
const UNSETTLED_FOR: Duration = Duration::from_secs(15);

/// Entries before old ones are removed.
const FIRST_SWEEP: usize = 1_024;

/// Messages kept for a slow receiver.
const BACKLOG: usize = 1_024;

/// The changes of the last seconds.
#[derive(Debug)]
pub struct AccessChanges {
    recent: Mutex<Recent>,
    /// The number of entries, readable without the lock.
    count: AtomicUsize,
    follow: broadcast::Sender<UserId>,
}

#[derive(Debug)]
struct Recent {
    at: HashMap<UserId, Instant>,
    sweep_at: usize,
}

impl Default for AccessChanges {
    fn default() -> Self {
        Self {
            recent: Mutex::new(Recent { at: HashMap::new(), sweep_at: FIRST_SWEEP }),
            count: AtomicUsize::new(0),
            follow: broadcast::Sender::new(BACKLOG),
        }
    }
}

impl AccessChanges {
    /// Whether this person's access has not changed lately, so that what was read of them may
    /// be cached and used.
    #[must_use]
    pub fn is_settled(&self, person: UserId) -> bool {
        if self.count.load(Ordering::Acquire) == 0 {
            return true;
        }
        let mut recent = self.lock();
        match recent.at.get(&person) {
            None => true,
            Some(at) if at.elapsed() < UNSETTLED_FOR => false,
            Some(_old) => {
                recent.at.remove(&person);
                self.count.store(recent.at.len(), Ordering::Release);
                true
            }
        }
    }

    /// The people whose access changes from now on, including changes that are not committed
    /// yet. A slow receiver misses the oldest.
    #[must_use]
    pub fn follow(&self) -> broadcast::Receiver<UserId> {
        self.follow.subscribe()
    }

    pub(super) fn note(&self, people: &[UserId]) {
        let now = Instant::now();
        let mut recent = self.lock();
        recent.at.extend(people.iter().map(|person| (*person, now)));
        if recent.at.len() >= recent.sweep_at {
            recent.at.retain(|_, at| at.elapsed() < UNSETTLED_FOR);
            recent.sweep_at = (recent.at.len() * 2).max(FIRST_SWEEP);
        }
        self.count.store(recent.at.len(), Ordering::Release);
        drop(recent);
        for person in people {
            // An error only means that nobody listens.
            let _ = self.follow.send(*person);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_unsettled_after_a_change_and_others_are_not() {
        let (news, ada, bob) = (AccessChanges::default(), UserId::new(), UserId::new());
        let mut follower = news.follow();
        assert!(news.is_settled(ada));

        news.note(&[ada]);

        assert!(!news.is_settled(ada));
        assert!(news.is_settled(bob));
        assert_eq!(follower.try_recv().expect("told"), ada);
    }

    #[test]
    fn old_changes_are_removed() {
        let (news, ada) = (AccessChanges::default(), UserId::new());
        news.note(&[ada]);
        let long_ago = Instant::now().checked_sub(UNSETTLED_FOR).expect("the machine runs for longer");
        news.lock().at.insert(ada, long_ago);

        assert!(news.is_settled(ada));
        assert_eq!(news.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_number_of_entries_is_bounded_by_the_recent_changes() {
        let news = AccessChanges::default();
        let long_ago = Instant::now().checked_sub(UNSETTLED_FOR).expect("the machine runs for longer");
        news.lock().at.extend((0..FIRST_SWEEP).map(|_| (UserId::new(), long_ago)));

        news.note(&[UserId::new()]);

        assert_eq!(news.lock().at.len(), 1);
    }
}
