//! Whose access changed lately: who signed out, was deactivated, became an operator.
//! A process may go by what it knew of a person for a short while, but not beyond such
//! news.

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

/// Longest that a process may go by what it read of a person, counted from before the
/// reading.
pub const KNOWN_FOR: Duration = Duration::from_secs(3);

/// How long nothing is kept of a person after news. News comes before the commit that
/// it announces, which may take its time, and who told it may be gone before the
/// second news after the commit.
const UNSETTLED_FOR: Duration = Duration::from_secs(15);

/// People remembered before old news is thrown away.
const FIRST_SWEEP: usize = 1_024;

/// News kept for a slow reader.
const BACKLOG: usize = 1_024;

/// The news of the last seconds.
#[derive(Debug)]
pub struct AccessNews {
    heard: Mutex<Heard>,
    /// As many as there are in `heard`, to be read without its lock.
    count: AtomicUsize,
    follow: broadcast::Sender<UserId>,
}

#[derive(Debug)]
struct Heard {
    at: HashMap<UserId, Instant>,
    sweep_at: usize,
}

impl Default for AccessNews {
    fn default() -> Self {
        Self {
            heard: Mutex::new(Heard { at: HashMap::new(), sweep_at: FIRST_SWEEP }),
            count: AtomicUsize::new(0),
            follow: broadcast::Sender::new(BACKLOG),
        }
    }
}

impl AccessNews {
    /// Whether nothing was heard of this person lately, so that what SQL says of them
    /// may be kept, and what was kept may be used.
    #[must_use]
    pub fn is_settled(&self, person: UserId) -> bool {
        if self.count.load(Ordering::Acquire) == 0 {
            return true;
        }
        let mut heard = self.lock();
        match heard.at.get(&person) {
            None => true,
            Some(at) if at.elapsed() < UNSETTLED_FOR => false,
            Some(_old) => {
                heard.at.remove(&person);
                self.count.store(heard.at.len(), Ordering::Release);
                true
            }
        }
    }

    /// The people of whom news comes from now on, also of changes that are about to be
    /// committed. A slow reader misses the oldest.
    #[must_use]
    pub fn follow(&self) -> broadcast::Receiver<UserId> {
        self.follow.subscribe()
    }

    pub(super) fn note(&self, people: &[UserId]) {
        let now = Instant::now();
        let mut heard = self.lock();
        heard.at.extend(people.iter().map(|person| (*person, now)));
        if heard.at.len() >= heard.sweep_at {
            heard.at.retain(|_, at| at.elapsed() < UNSETTLED_FOR);
            heard.sweep_at = (heard.at.len() * 2).max(FIRST_SWEEP);
        }
        self.count.store(heard.at.len(), Ordering::Release);
        drop(heard);
        for person in people {
            // An error only says that nobody follows.
            let _ = self.follow.send(*person);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_unsettled_after_news_and_others_are_not() {
        let (news, ada, bob) = (AccessNews::default(), UserId::new(), UserId::new());
        let mut follower = news.follow();
        assert!(news.is_settled(ada));

        news.note(&[ada]);

        assert!(!news.is_settled(ada));
        assert!(news.is_settled(bob));
        assert_eq!(follower.try_recv().expect("told"), ada);
    }

    #[test]
    fn old_news_is_forgotten() {
        let (news, ada) = (AccessNews::default(), UserId::new());
        news.note(&[ada]);
        let long_ago = Instant::now().checked_sub(UNSETTLED_FOR).expect("the machine runs for longer");
        news.lock().at.insert(ada, long_ago);

        assert!(news.is_settled(ada));
        assert_eq!(news.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_remembered_is_bounded_by_what_is_recent() {
        let news = AccessNews::default();
        let long_ago = Instant::now().checked_sub(UNSETTLED_FOR).expect("the machine runs for longer");
        news.lock().at.extend((0..FIRST_SWEEP).map(|_| (UserId::new(), long_ago)));

        news.note(&[UserId::new()]);

        assert_eq!(news.lock().at.len(), 1);
    }
}
