//! The token cache: the owners of tokens, for a short time after a query. A change of the
//! person's access invalidates their entries in every process.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use atelier_entities::Timestamp;
use atelier_queue::bus::{ACCESS_TTL, LocalBus};
use hashlink::LruCache;
use sha2::{Digest, Sha256};

use crate::Authenticated;

/// Maximum number of cached tokens.
const MAX_ENTRIES: usize = 20_000;

/// The key of a token: its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenKey([u8; 32]);

impl TokenKey {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

/// A query that has begun. An entry is as old as the beginning of its query.
#[derive(Clone, Copy)]
pub(super) struct Lookup {
    begun: Instant,
    now: Timestamp,
    hearing: Option<u64>,
}

impl Lookup {
    /// Starts a lookup. Call it before the query.
    pub(super) fn begin(now: Timestamp, bus: &LocalBus) -> Self {
        Self { begun: Instant::now(), now, hearing: bus.epoch() }
    }

    /// Whether its result is fresh by both clocks.
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.begun.elapsed() < ACCESS_TTL && self.now <= now && now < self.now + ACCESS_TTL
    }
}

/// The owners of tokens. The least recently used entries are evicted first.
pub(super) struct TokenCache {
    of: Mutex<LruCache<TokenKey, Entry>>,
}

impl Default for TokenCache {
    fn default() -> Self {
        Self { of: Mutex::new(LruCache::new(MAX_ENTRIES)) }
    }
}

struct Entry {
    who: Authenticated,
    lookup: Lookup,
    good_until: Timestamp,
}

impl TokenCache {
    /// The owner of a token, if the token is cached and the person's access has not changed
    /// since.
    pub(super) fn find(&self, key: &TokenKey, now: Timestamp, bus: &LocalBus) -> Option<Authenticated> {
        let hearing = bus.epoch()?;
        let who = {
            let mut of = self.lock();
            let entry = of.get(key)?;
            let is_good =
                entry.lookup.hearing == Some(hearing) && entry.lookup.is_fresh(now) && now < entry.good_until;
            is_good.then(|| entry.who.clone())?
        };
        bus.access().is_settled(who.user.id).then_some(who)
    }

    /// Caches the result of a query, unless a message about that person arrived meanwhile or
    /// may have been missed.
    pub(super) fn keep(
        &self,
        key: TokenKey,
        lookup: Lookup,
        who: &Authenticated,
        good_until: Timestamp,
        bus: &LocalBus,
    ) {
        let is_heard = lookup.hearing.is_some() && lookup.hearing == bus.epoch();
        if !is_heard || !bus.access().is_settled(who.user.id) {
            return;
        }
        self.lock().insert(key, Entry { who: who.clone(), lookup, good_until });
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<TokenKey, Entry>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use atelier_entities::{SessionFamilyId, UserId};
    use atelier_queue::bus::Message;

    use super::*;
    use crate::{Credential, Person};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn somebody() -> Authenticated {
        let user = Person { id: UserId::new(), is_admin: false, is_verified: true };
        Authenticated { user, credential: Credential::Session(SessionFamilyId::new()) }
    }

    fn message_about(who: &Authenticated) -> Message {
        Message::Access { people: vec![who.user.id], reply: None }
    }

    fn good_for(seconds: u64) -> Timestamp {
        NOW + Duration::from_secs(seconds)
    }

    #[test]
    fn a_token_is_cached_for_a_short_time_and_never_beyond_its_expiry() {
        let (cache, bus, who) = (TokenCache::default(), LocalBus::default(), somebody());
        let (long, short) = (TokenKey::of("long"), TokenKey::of("short"));
        cache.keep(long, Lookup::begin(NOW, &bus), &who, good_for(60), &bus);
        cache.keep(short, Lookup::begin(NOW, &bus), &who, good_for(1), &bus);

        for (seconds, expected) in [(0, [true, true]), (1, [true, false]), (3, [false, false])] {
            let found = [long, short].map(|key| cache.find(&key, good_for(seconds), &bus).is_some());
            assert_eq!(found, expected, "after {seconds} s");
        }
        let earlier = NOW - Duration::from_secs(1);
        assert!(cache.find(&long, earlier, &bus).is_none(), "a clock that stepped back proves nothing");
        assert!(cache.find(&TokenKey::of("other"), NOW, &bus).is_none());
    }

    #[test]
    fn a_message_invalidates_the_entries_of_its_person_only() {
        let (cache, bus) = (TokenCache::default(), LocalBus::default());
        let (ada, bob) = (somebody(), somebody());
        let keys = [TokenKey::of("ada"), TokenKey::of("bob")];
        let keep = || {
            cache.keep(keys[0], Lookup::begin(NOW, &bus), &ada, good_for(60), &bus);
            cache.keep(keys[1], Lookup::begin(NOW, &bus), &bob, good_for(60), &bus);
        };
        let found = || keys.map(|key| cache.find(&key, NOW, &bus).is_some());
        keep();
        assert_eq!(found(), [true, true]);

        bus.tell(message_about(&ada));

        assert_eq!(found(), [false, true]);
        keep();
        assert_eq!(found(), [false, true], "what is read just after the news may be from before the commit");
    }

    #[test]
    fn a_lookup_that_began_before_a_message_is_not_cached() {
        let (cache, bus, who) = (TokenCache::default(), LocalBus::default(), somebody());
        let lookup = Lookup::begin(NOW, &bus);
        bus.tell(message_about(&who));

        cache.keep(TokenKey::of("a"), lookup, &who, good_for(60), &bus);

        assert!(cache.find(&TokenKey::of("a"), NOW, &bus).is_none());
        assert_eq!(cache.lock().len(), 0);
    }

    #[test]
    fn the_number_of_cached_tokens_is_bounded() {
        let (cache, bus, who) = (TokenCache::default(), LocalBus::default(), somebody());
        for number in 0..MAX_ENTRIES + 10 {
            let key = TokenKey::of(&number.to_string());
            cache.keep(key, Lookup::begin(NOW, &bus), &who, good_for(60), &bus);
        }
        assert_eq!(cache.lock().len(), MAX_ENTRIES);
    }
}
