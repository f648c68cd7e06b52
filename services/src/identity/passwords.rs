//! Passwords: argon2id on threads of their own, a bounded number at a time, since
//! each takes 19 MiB.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{Error as HashError, PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::IdentityError;

/// Longest wait for a turn.
const PATIENCE: Duration = Duration::from_secs(10);

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

pub(super) struct Passwords {
    turns: Arc<Semaphore>,
    hashed: AtomicU64,
}

impl Passwords {
    pub(super) fn new(concurrency: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(concurrency.max(1))), hashed: AtomicU64::new(0) }
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
        let turn = self.turn().await?;
        run(turn, move || {
            let hash: PasswordHash = hasher()?.hash_password(password.as_bytes()).map_err(crypto)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password is the one of that PHC string. It takes as long where
    /// there is none.
    pub(super) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<Match, IdentityError> {
        let turn = self.turn().await?;
        run(turn, move || {
            let known = hash.is_some();
            let hash = hash.as_deref().unwrap_or(NOBODY);
            let parsed = PasswordHash::new(hash).map_err(crypto)?;
            match hasher()?.verify_password(password.as_bytes(), &parsed) {
                Ok(()) if !known => Ok(Match::Wrong),
                Ok(()) if is_current(&parsed) => Ok(Match::Right),
                Ok(()) => Ok(Match::Outdated),
                Err(HashError::PasswordInvalid) => Ok(Match::Wrong),
                Err(error) => Err(crypto(error)),
            }
        })
        .await
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, IdentityError> {
        match tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned()).await {
            Ok(Ok(turn)) => {
                self.hashed.fetch_add(1, Ordering::Relaxed);
                Ok(turn)
            }
            _ => Err(IdentityError::Busy),
        }
    }
}

async fn run<T: Send + 'static>(
    turn: OwnedSemaphorePermit,
    work: impl FnOnce() -> Result<T, IdentityError> + Send + 'static,
) -> Result<T, IdentityError> {
    let task = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    task.await.map_err(crypto)?
}

/// KiB of memory, passes over it, lanes.
const COST: (u32, u32, u32) = (19_456, 2, 1);

fn hasher() -> Result<Argon2<'static>, IdentityError> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(crypto)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn verify(passwords: &Passwords, password: &str, hash: Option<String>) -> Match {
        passwords.verify(password.to_owned(), hash).await.expect("checked")
    }

    #[tokio::test]
    async fn knows_its_own_hashes() {
        let passwords = Passwords::new(2);
        let hash = passwords.hash("correct horse".to_owned()).await.expect("a hash");

        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(verify(&passwords, "correct horse", Some(hash.clone())).await, Match::Right);
        assert_eq!(verify(&passwords, "wrong horse", Some(hash)).await, Match::Wrong);
    }

    #[test]
    fn nobodys_hash_costs_as_much_as_anybodys() {
        assert!(is_current(&PasswordHash::new(NOBODY).expect("a hash")));
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let passwords = Passwords::new(1);

        assert_eq!(verify(&passwords, "", None).await, Match::Wrong);
        assert_eq!(verify(&passwords, "nobody", None).await, Match::Wrong);
    }

    #[tokio::test]
    async fn tells_hashes_of_other_parameters() {
        for (algorithm, memory) in [(Algorithm::Argon2id, 8_192), (Algorithm::Argon2i, 19_456)] {
            let params = Params::new(memory, 2, 1, None).expect("parameters");
            let other = Argon2::new(algorithm, Version::V0x13, params);
            let hash: PasswordHash = other.hash_password(b"correct horse").expect("a hash");

            let verdict = verify(&Passwords::new(1), "correct horse", Some(hash.to_string())).await;

            assert_eq!(verdict, Match::Outdated, "{algorithm} {memory}");
        }
    }
}
