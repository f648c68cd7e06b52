//! Password hashing: argon2id on dedicated threads, with bounded concurrency.

mod hashers;
#[cfg(test)]
mod tests;

#[cfg(test)]
use std::sync::atomic::{AtomicU64, Ordering};
use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::IdentityError;
use hashers::Hashers;

/// Maximum wait for a permit.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Maximum number of concurrent callers per thread: more than a thread serves within
/// [`MAX_WAIT`]. Further callers are refused at once.
const MAX_CALLERS_PER_THREAD: usize = 256;

/// The parameters: memory in KiB, iterations, lanes.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// The hash to verify if there is no account or no password, so that it takes as long as a
/// wrong password. No password matches it.
const DUMMY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LWhhcy10aGlz$dyFPQ6f0dQb0wLhvCA0bE3wkKqO6bZcmmBmGNk6bXrQ";

/// The result of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Right,
    /// The password is right, but its hash has outdated parameters.
    Outdated,
    Wrong,
}

/// Creates and verifies hashes. Each thread keeps the 19 MiB that a hash needs and reuses
/// them: memory is bounded by `concurrency` times that.
pub(super) struct Passwords {
    room: Semaphore,
    permits: Arc<Semaphore>,
    hashers: Hashers,
    #[cfg(test)]
    hashed: AtomicU64,
}

impl Passwords {
    pub(super) fn new(concurrency: usize) -> Self {
        let concurrency = concurrency.max(1);
        Self {
            room: Semaphore::new(concurrency * MAX_CALLERS_PER_THREAD),
            permits: Arc::new(Semaphore::new(concurrency)),
            hashers: Hashers::new(concurrency),
            #[cfg(test)]
            hashed: AtomicU64::new(0),
        }
    }

    /// The number of passwords hashed so far.
    #[cfg(test)]
    pub(super) fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::Relaxed)
    }

    /// Refuses all permits from now on.
    #[cfg(test)]
    pub(super) fn close(&self) {
        self.permits.close();
    }

    /// A free permit, if there is one.
    #[cfg(test)]
    pub(super) fn try_permit(&self) -> Option<OwnedSemaphorePermit> {
        self.permits.clone().try_acquire_owned().ok()
    }

    /// Hashes a password. Returns the PHC string.
    pub(super) async fn hash(&self, password: String) -> Result<String, IdentityError> {
        self.run(move |memory| make(&password, memory)).await
    }

    /// Verifies a password against a PHC string. It takes the same time if there is none.
    pub(super) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<Match, IdentityError> {
        self.run(move |memory| match hash {
            Some(hash) => check(&password, &hash, memory),
            None => check(&password, DUMMY_HASH, memory).map(|_| Match::Wrong),
        })
        .await
    }

    /// Runs `work` on a thread with the memory for it. A caller that goes away before it
    /// gets a permit costs nothing. A panic in `work` is an error, and the thread
    /// continues.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> Result<T, IdentityError> + Send + 'static,
    ) -> Result<T, IdentityError> {
        let _room = self.room.try_acquire().map_err(|_| IdentityError::Busy)?;
        let permit = self.acquire_permit().await?;
        let (sender, receiver) = oneshot::channel();
        self.hashers.run(move |memory| {
            let _permit = permit;
            if !sender.is_closed() {
                // This fails if the caller is gone.
                let _unheard = sender.send(work(memory));
            }
        })?;
        receiver.await.map_err(|_| crypto("the hash was given up"))?
    }

    async fn acquire_permit(&self) -> Result<OwnedSemaphorePermit, IdentityError> {
        match tokio::time::timeout(MAX_WAIT, self.permits.clone().acquire_owned()).await {
            Ok(Ok(permit)) => {
                #[cfg(test)]
                self.hashed.fetch_add(1, Ordering::Relaxed);
                Ok(permit)
            }
            _ => Err(IdentityError::Busy),
        }
    }
}

fn make(password: &str, memory: &mut Vec<Block>) -> Result<String, IdentityError> {
    let (kib, passes, lanes) = COST;
    let params = Params::new(kib, passes, lanes, None).map_err(crypto)?;
    let salt = Salt::generate();
    let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
    let named = ParamsString::try_from(&params).map_err(crypto)?;
    let argon = Argon2::new(algorithm, version, params);
    let hash = digest(&argon, password, &salt, Params::DEFAULT_OUTPUT_LEN, memory)?;
    let hash = PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params: named,
        salt: Some(salt),
        hash: Some(hash),
    };
    Ok(hash.to_string())
}

fn check(password: &str, hash: &str, memory: &mut Vec<Block>) -> Result<Match, IdentityError> {
    let known = PasswordHash::new(hash).map_err(crypto)?;
    let (Some(salt), Some(expected)) = (&known.salt, &known.hash) else {
        return Err(crypto("the stored hash has no salt or no output"));
    };
    let algorithm = Algorithm::try_from(known.algorithm.as_str()).map_err(crypto)?;
    let version = known.version.map(Version::try_from).transpose().map_err(crypto)?;
    let params = Params::try_from(&known).map_err(crypto)?;
    let argon = Argon2::new(algorithm, version.unwrap_or_default(), params);
    // `Output` compares in constant time.
    if digest(&argon, password, salt, expected.len(), memory)? != *expected {
        return Ok(Match::Wrong);
    }
    Ok(if is_current(&known) { Match::Right } else { Match::Outdated })
}

/// Computes the hash. `memory` grows to the size for the current parameters. A hash with
/// greater parameters allocates its own.
fn digest(
    argon: &Argon2<'_>,
    password: &str,
    salt: &[u8],
    length: usize,
    memory: &mut Vec<Block>,
) -> Result<Output, IdentityError> {
    let blocks = argon.params().block_count();
    let mut out = [0; Output::MAX_LENGTH];
    let out = out.get_mut(..length).ok_or_else(|| crypto("the stored hash is too long"))?;
    if blocks > COST.0 as usize {
        let own = vec![Block::new(); blocks];
        argon.hash_password_into_with_memory(password.as_bytes(), salt, out, own).map_err(crypto)?;
    } else {
        if memory.len() < blocks {
            memory.resize(COST.0 as usize, Block::new());
        }
        argon.hash_password_into_with_memory(password.as_bytes(), salt, out, memory).map_err(crypto)?;
    }
    Output::new(out).map_err(crypto)
}

fn is_current(hash: &PasswordHash) -> bool {
    let cost = Params::try_from(hash).map(|params| (params.m_cost(), params.t_cost(), params.p_cost()));
    hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && cost.is_ok_and(|cost| cost == COST)
}

fn crypto(error: impl std::fmt::Display) -> IdentityError {
    IdentityError::Crypto(error.to_string())
}
