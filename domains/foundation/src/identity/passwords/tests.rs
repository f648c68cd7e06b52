use std::{env, fs, process::Command};

use argon2::PasswordHasher;

use super::*;

async fn verify(passwords: &Passwords, password: &str, hash: Option<String>) -> Match {
    passwords.verify(password.to_owned(), hash).await.expect("checked")
}

#[tokio::test]
async fn a_hash_is_verified() {
    let passwords = Passwords::new(2);
    let hash = passwords.hash("correct horse".to_owned()).await.expect("a hash");
    let other = passwords.hash("correct horse".to_owned()).await.expect("a hash");

    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert_ne!(hash, other, "each has a salt of its own");
    assert_eq!(verify(&passwords, "correct horse", Some(hash.clone())).await, Match::Right);
    assert_eq!(verify(&passwords, "wrong horse", Some(hash)).await, Match::Wrong);
}

#[tokio::test]
async fn hashes_are_those_of_the_library() {
    let (kib, passes, lanes) = COST;
    let params = Params::new(kib, passes, lanes, None).expect("parameters");
    let library = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: PasswordHash = library.hash_password(b"correct horse").expect("a hash");
    let passwords = Passwords::new(1);

    let own = passwords.hash("correct horse".to_owned()).await.expect("a hash");
    let own = PasswordHash::new(&own).expect("a PHC string");
    let salt = own.salt.expect("a salt");
    let again: PasswordHash = library.hash_password_with_salt(b"correct horse", &salt).expect("a hash");

    assert_eq!(verify(&passwords, "correct horse", Some(hash.to_string())).await, Match::Right);
    assert_eq!(again, own);
}

#[test]
fn the_hash_for_missing_accounts_has_the_current_parameters() {
    assert!(is_current(&PasswordHash::new(DUMMY_HASH).expect("a hash")));
}

#[tokio::test]
async fn no_password_matches_a_missing_account() {
    let passwords = Passwords::new(1);

    assert_eq!(verify(&passwords, "", None).await, Match::Wrong);
    assert_eq!(verify(&passwords, "nobody", None).await, Match::Wrong);
}

#[tokio::test]
async fn hashes_with_other_parameters_are_outdated() {
    let others = [
        (Algorithm::Argon2id, 8_192, 1),
        (Algorithm::Argon2i, 19_456, 1),
        (Algorithm::Argon2id, 32_768, 1),
        (Algorithm::Argon2id, 8_192, 4),
    ];
    for (algorithm, memory, lanes) in others {
        let params = Params::new(memory, 2, lanes, None).expect("parameters");
        let other = Argon2::new(algorithm, Version::V0x13, params);
        let hash: PasswordHash = other.hash_password(b"correct horse").expect("a hash");

        let verdict = verify(&Passwords::new(1), "correct horse", Some(hash.to_string())).await;

        assert_eq!(verdict, Match::Outdated, "{algorithm} {memory} {lanes}");
    }
}

#[tokio::test]
async fn a_hash_that_cannot_be_read_is_an_error() {
    for broken in
        ["", "plain text", "$argon2id$v=19$m=19456,t=2,p=1", "$scrypt$ln=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"]
    {
        let checked = Passwords::new(1).verify("a".to_owned(), Some(broken.to_owned())).await;
        assert!(matches!(checked, Err(IdentityError::Crypto(_))), "{broken:?} {checked:?}");
    }
}

#[tokio::test]
async fn a_panic_costs_one_caller_and_no_thread() {
    let passwords = Passwords::new(1);
    for _ in 0..3 {
        let failed = passwords.run::<()>(|_| panic!("a fault of the library")).await;
        assert!(matches!(failed, Err(IdentityError::Crypto(_))), "{failed:?}");
    }

    assert!(passwords.hash("correct horse".to_owned()).await.is_ok());
}

#[tokio::test]
async fn a_caller_that_goes_away_while_it_waits_costs_no_hash() {
    let passwords = Passwords::new(1);
    let permit = passwords.try_permit().expect("a permit");
    {
        let mut waiting = std::pin::pin!(passwords.hash("correct horse".to_owned()));
        assert!(once(&mut waiting).await.is_none(), "there is one permit");
    }
    drop(permit);

    assert!(passwords.hash("correct horse".to_owned()).await.is_ok());
    assert_eq!(passwords.hashed(), 1);
}

/// The result of polling the future once.
async fn once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = std::future::ready(()) => None,
    }
}

#[tokio::test]
async fn callers_beyond_the_maximum_are_refused_at_once() {
    let passwords = Passwords::new(1);
    let _held = passwords.room.try_acquire_many(256).expect("room");

    let refused = passwords.hash("correct horse".to_owned()).await;

    assert!(matches!(refused, Err(IdentityError::Busy)), "{refused:?}");
}

const SEPARATE_TEST: &str = "identity::passwords::tests::each_thread_keeps_one_buffer";
const MIB: u64 = 1_024 * 1_024;

/// Measures a separate process, since other tests hash too.
#[test]
#[cfg(target_os = "linux")]
fn memory_is_bounded_by_the_number_of_threads() {
    let this = env::current_exe().expect("a path");
    let run = Command::new(this).args(["--exact", SEPARATE_TEST, "--ignored"]).output();
    let run = run.expect("run");
    let output = String::from_utf8_lossy(&run.stdout);

    assert!(run.status.success() && output.contains("1 passed"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "is run by the test above in a separate process"]
async fn each_thread_keeps_one_buffer() {
    const THREADS: u64 = 2;
    let passwords = Arc::new(Passwords::new(usize::try_from(THREADS).expect("few")));
    let before = resident();
    let sign_ins: Vec<_> = (0..24)
        .map(|_| {
            let passwords = Arc::clone(&passwords);
            tokio::spawn(async move { passwords.verify("wrong".to_owned(), None).await })
        })
        .collect();
    for sign_in in sign_ins {
        assert_eq!(sign_in.await.expect("ran").expect("checked"), Match::Wrong);
    }
    let grown = resident().saturating_sub(before);

    let buffers = THREADS * u64::from(COST.0) * 1_024;
    assert!(grown < buffers + 10 * MIB, "{} MiB", grown / MIB);
}

/// Resident memory of this process, in bytes.
fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    pages * 4_096
}
