//! Passwords: argon2id on threads of their own, a bounded number at a time.

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

/// Longest wait for a turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Callers that may be in here at once for each thread: more than a thread serves within
/// [`PATIENCE`]. Further ones are told at once that there is no time for them.
const CALLERS_A_THREAD: usize = 256;

/// KiB of memory, passes over it, lanes.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// What is verified where there is no account or no password, so that it takes as
/// long as a wrong password. No password matches it.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LWhhcy10aGlz$dyFPQ6f0dQb0wLhvCA0bE3wkKqO6bZcmmBmGNk6bXrQ";

/// What became of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Right,
    /// Right, but its hash was made with other parameters than those of today.
    Outdated,
    Wrong,
}

/// Makes and checks hashes. Each of its threads keeps the 19 MiB that a hash takes and
/// uses them again for the next one: memory stays at `concurrency` times that.
pub(super) struct Passwords {
    room: Semaphore,
    turns: Arc<Semaphore>,
    hashers: Hashers,
    #[cfg(test)]
    hashed: AtomicU64,
}

impl Passwords {
    pub(super) fn new(concurrency: usize) -> Self {
        let concurrency = concurrency.max(1);
        Self {
            room: Semaphore::new(concurrency * CALLERS_A_THREAD),
            turns: Arc::new(Semaphore::new(concurrency)),
            hashers: Hashers::new(concurrency),
            #[cfg(test)]
            hashed: AtomicU64::new(0),
        }
    }

    /// Passwords hashed so far, to make or to check a hash.
    #[cfg(test)]
    pub(super) fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::Relaxed)
    }

    /// From now on nobody gets a turn.
    #[cfg(test)]
    pub(super) fn close(&self) {
        self.turns.close();
    }

    /// A turn that is held for nothing, where one is free.
    #[cfg(test)]
    pub(super) fn try_turn(&self) -> Option<OwnedSemaphorePermit> {
        self.turns.clone().try_acquire_owned().ok()
    }

    /// The PHC string of a password.
    pub(super) async fn hash(&self, password: String) -> Result<String, IdentityError> {
        self.run(move |memory| make(&password, memory)).await
    }

    /// Whether the password is the one of that PHC string. It takes as long where
    /// there is none.
    pub(super) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<Match, IdentityError> {
        self.run(move |memory| match hash {
            Some(hash) => check(&password, &hash, memory),
            None => check(&password, NOBODY, memory).map(|_| Match::Wrong),
        })
        .await
    }

    /// Runs `work` on a thread that has the memory for it. A actor that goes away before
    /// its turn costs nothing; a panic in `work` is an error, and the thread goes on.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> Result<T, IdentityError> + Send + 'static,
    ) -> Result<T, IdentityError> {
        let _room = self.room.try_acquire().map_err(|_| IdentityError::Busy)?;
        let turn = self.turn().await?;
        let (sender, receiver) = oneshot::channel();
        self.hashers.run(move |memory| {
            let _turn = turn;
            if !sender.is_closed() {
                // Nobody waits for it any more where this fails.
                let _unheard = sender.send(work(memory));
            }
        })?;
        receiver.await.map_err(|_| crypto("the hash was given up"))?
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, IdentityError> {
        match tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned()).await {
            Ok(Ok(turn)) => {
                #[cfg(test)]
                self.hashed.fetch_add(1, Ordering::Relaxed);
                Ok(turn)
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

/// The hash itself. `memory` grows to what a hash of today takes, and no further: one with
/// greater parameters has memory of its own.
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
