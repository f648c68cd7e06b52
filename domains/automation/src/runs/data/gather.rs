//! Reads of many callers in as few statements as possible: while one statement is read, the next ones gather.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use atelier_queue::answered;
use futures::future::BoxFuture;
use sea_orm::DbErr;
use tokio::sync::oneshot;

/// Most keys that are read together. A single caller may ask for more.
const BATCH: usize = 500;

/// What was read, by key.
pub(super) type Found<K, V> = Arc<HashMap<K, V>>;

type Read<K, V> = dyn Fn(Vec<K>) -> BoxFuture<'static, Result<HashMap<K, V>, DbErr>> + Send + Sync;

/// Reads values by their keys for callers that ask at the same time. Cheap to clone.
pub(super) struct Gather<K, V> {
    shared: Arc<Shared<K, V>>,
}

impl<K, V> Clone for Gather<K, V> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

struct Shared<K, V> {
    read: Box<Read<K, V>>,
    waiting: Mutex<Waiting<K, V>>,
}

struct Waiting<K, V> {
    requests: Vec<Request<K, V>>,
    is_reading: bool,
}

struct Request<K, V> {
    keys: Vec<K>,
    answer: oneshot::Sender<Result<Found<K, V>, DbErr>>,
}

impl<K, V> Gather<K, V>
where
    K: Clone + Eq + Ord + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// Reads by this function. It answers only the keys that have a value.
    pub(super) fn new<F>(read: impl Fn(Vec<K>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<HashMap<K, V>, DbErr>> + Send + 'static,
    {
        let waiting = Mutex::new(Waiting { requests: Vec::new(), is_reading: false });
        Self { shared: Arc::new(Shared { read: Box::new(move |keys| Box::pin(read(keys))), waiting }) }
    }

    /// The values of these keys, as they are once this is called. Values of other keys may be among them.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) async fn read(&self, keys: Vec<K>) -> Result<Found<K, V>, DbErr> {
        if keys.is_empty() {
            return Ok(Found::default());
        }
        let (answer, answered) = oneshot::channel();
        let is_reading = {
            let mut waiting = self.shared.waiting();
            waiting.requests.push(Request { keys, answer });
            std::mem::replace(&mut waiting.is_reading, true)
        };
        if !is_reading {
            // A task of its own: the caller may be dropped, and others wait for the same statement.
            tokio::spawn(Reading(self.shared.clone()).run());
        }
        answered.await.unwrap_or_else(|_| Err(DbErr::Custom("a read of rows was given up".to_owned())))
    }
}

impl<K, V> Shared<K, V> {
    fn waiting(&self) -> MutexGuard<'_, Waiting<K, V>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next requests. None if nobody waits: then nobody reads any more.
    fn next(&self) -> Option<Vec<Request<K, V>>> {
        let mut waiting = self.waiting();
        let mut keys = 0;
        let fitting = waiting.requests.iter().take_while(|request| {
            let fits = keys < BATCH;
            keys += request.keys.len();
            fits
        });
        let count = fitting.count();
        if count == 0 {
            waiting.is_reading = false;
            return None;
        }
        Some(waiting.requests.drain(..count).collect())
    }
}

/// The task that reads. If it panics, those who wait get an error and the next caller starts another one.
struct Reading<K, V>(Arc<Shared<K, V>>);

impl<K: Clone + Ord + Hash, V> Reading<K, V> {
    async fn run(self) {
        while let Some(requests) = self.0.next() {
            let keys: BTreeSet<K> =
                requests.iter().flat_map(|request| request.keys.iter().cloned()).collect();
            // All wait for this one connection, of which the packets may be lost.
            let found = answered((self.0.read)(keys.into_iter().collect())).await.map(Arc::new);
            for request in requests {
                // Whoever was dropped needs no answer.
                let _ = request.answer.send(found.clone());
            }
        }
    }
}

impl<K, V> Drop for Reading<K, V> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut waiting = self.0.waiting();
            waiting.is_reading = false;
            waiting.requests.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::{Semaphore, mpsc};

    use super::*;

    #[tokio::test]
    async fn reads_that_come_while_one_is_read_are_one_statement() {
        let (told, mut statements) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let held = gate.clone();
        let gather = Gather::new(move |keys: Vec<u32>| {
            let (told, held) = (told.clone(), held.clone());
            async move {
                told.send(keys.clone()).expect("the test listens");
                held.acquire().await.expect("it stays open").forget();
                Ok(keys.into_iter().filter(|key| key % 2 == 0).map(|key| (key, key * 10)).collect())
            }
        });
        let ask = |keys: Vec<u32>| {
            let gather = gather.clone();
            tokio::spawn(async move { gather.read(keys).await.expect("it can be read") })
        };

        let first = ask(vec![2]);
        assert_eq!(statements.recv().await, Some(vec![2]));
        let others = [ask(vec![4, 3]), ask(vec![4, 8])];
        while gather.shared.waiting().requests.len() < 2 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(2);

        assert_eq!(statements.recv().await, Some(vec![3, 4, 8]));
        assert_eq!(first.await.expect("it ends").get(&2), Some(&20));
        for other in others {
            let found = other.await.expect("it ends");
            assert_eq!((found.get(&4), found.get(&3)), (Some(&40), None));
        }
        assert!(statements.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_caller_that_is_dropped_or_a_panic_stops_nobody_else() {
        let gather = Gather::new(|keys: Vec<u32>| async move {
            assert!(!keys.contains(&13), "a bug");
            Ok(keys.into_iter().map(|key| (key, key)).collect::<HashMap<u32, u32>>())
        });

        assert!(futures::poll!(Box::pin(gather.read(vec![1]))).is_pending());
        assert_eq!(gather.read(vec![2]).await.expect("it can be read").get(&2), Some(&2));
        assert!(gather.read(vec![13]).await.is_err());
        assert_eq!(gather.read(vec![3]).await.expect("it can be read").get(&3), Some(&3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_is_never_answered_holds_up_nobody_for_long() {
        let gather = Gather::new(|keys: Vec<u32>| async move {
            if keys.contains(&13) {
                std::future::pending::<()>().await;
            }
            Ok(keys.into_iter().map(|key| (key, key)).collect::<HashMap<u32, u32>>())
        });
        let begun = tokio::time::Instant::now();

        assert!(gather.read(vec![13]).await.is_err());
        assert_eq!(gather.read(vec![3]).await.expect("it can be read").get(&3), Some(&3));
        assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
    }
}
