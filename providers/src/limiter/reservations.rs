//! Uses that this process has reserved from the shared counters and not spent yet.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hashlink::LruCache;

use super::{Counts, Rule, WindowTime};

/// Most keys. If there are more, the least recently used ones lose their reserved uses.
const MAX_KEYS: usize = 100_000;

/// The reserved uses by key. Rules with small limits reserve nothing.
pub(super) struct Reservations {
    of: Mutex<LruCache<String, Reservation>>,
}

impl Default for Reservations {
    fn default() -> Self {
        Self { of: Mutex::new(LruCache::new(MAX_KEYS)) }
    }
}

struct Reservation {
    /// The window that the uses belong to.
    index: i64,
    rule: Rule,
    left: u64,
    /// The last known shared counters. They include the uses that are left here.
    counts: Counts,
}

impl Reservations {
    /// Spends one reserved use, if there is one. Returns the counts with it and without the
    /// uses that are left.
    pub(super) fn spend(&self, key: &str, rule: Rule, moment: WindowTime) -> Option<Counts> {
        let mut of = self.lock();
        let reservation = of.get_mut(key).filter(|reservation| reservation.is_of(rule, moment))?;
        reservation.left = reservation.left.checked_sub(1)?;
        Some(reservation.used())
    }

    /// Adds `more` reserved uses; `counts` are the shared counters after the reservation.
    /// Returns the counts without the uses that are left.
    pub(super) fn add(&self, key: &str, rule: Rule, moment: WindowTime, more: u64, counts: Counts) -> Counts {
        let mut of = self.lock();
        if let Some(reservation) = of.get_mut(key).filter(|reservation| reservation.is_of(rule, moment)) {
            reservation.left += more;
            reservation.counts = counts;
            return reservation.used();
        }
        if more > 0 {
            of.insert(key.to_owned(), Reservation { index: moment.index, rule, left: more, counts });
        }
        Counts { current: counts.current.saturating_sub(more), ..counts }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<String, Reservation>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    fn is_of(&self, rule: Rule, moment: WindowTime) -> bool {
        self.index == moment.index && self.rule == rule
    }

    fn used(&self) -> Counts {
        Counts { current: self.counts.current.saturating_sub(self.left), ..self.counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { limit: 300, window_secs: 60 };

    fn window(index: i64) -> WindowTime {
        WindowTime { index, elapsed: 30_000, length: 60_000 }
    }

    fn counts(current: u64) -> Counts {
        Counts { current, previous: 0 }
    }

    #[test]
    fn spends_only_reserved_uses() {
        let reservations = Reservations::default();
        assert_eq!(reservations.spend("a", RULE, window(1)), None);

        assert_eq!(reservations.add("a", RULE, window(1), 2, counts(3)), counts(1), "one is used at once");

        assert_eq!(reservations.spend("b", RULE, window(1)), None);
        assert_eq!(reservations.spend("a", RULE, window(1)), Some(counts(2)));
        assert_eq!(reservations.spend("a", RULE, window(1)), Some(counts(3)));
        assert_eq!(reservations.spend("a", RULE, window(1)), None);
    }

    #[test]
    fn concurrent_reservations_add_up() {
        let reservations = Reservations::default();
        reservations.add("a", RULE, window(1), 2, counts(3));
        assert_eq!(reservations.add("a", RULE, window(1), 2, counts(6)), counts(2));

        let spent = (0..9).filter(|_| reservations.spend("a", RULE, window(1)).is_some()).count();

        assert_eq!(spent, 4);
    }

    #[test]
    fn a_window_has_no_uses_of_the_previous_one() {
        let reservations = Reservations::default();
        reservations.add("a", RULE, window(1), 2, counts(3));

        assert_eq!(reservations.spend("a", RULE, window(2)), None);
        let other = Rule { limit: 400, ..RULE };
        assert_eq!(reservations.spend("a", other, window(1)), None, "another limit is another count");
        assert_eq!(reservations.add("a", RULE, window(2), 2, counts(3)), counts(1));
        assert!(reservations.spend("a", RULE, window(2)).is_some());
    }

    #[test]
    fn the_number_of_keys_is_limited() {
        let reservations = Reservations::default();
        for key in 0..MAX_KEYS + 10 {
            reservations.add(&key.to_string(), RULE, window(1), 2, counts(3));
        }

        assert_eq!(reservations.lock().len(), MAX_KEYS);
        assert_eq!(reservations.spend("0", RULE, window(1)), None);
        assert!(reservations.spend(&MAX_KEYS.to_string(), RULE, window(1)).is_some());
    }
}
