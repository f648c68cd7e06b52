//! Threads that hash, each with the memory for it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use argon2::Block;

use crate::identity::IdentityError;

type Work = Box<dyn FnOnce(&mut Vec<Block>) + Send>;

/// A fixed number of threads. They start with the first work, since most commands hash
/// nothing, and end when this is dropped.
pub(super) struct Hashers {
    count: usize,
    started: OnceLock<Sender<Work>>,
}

impl Hashers {
    pub(super) fn new(count: usize) -> Self {
        Self { count, started: OnceLock::new() }
    }

    /// Hands over work for the next thread that is free. Whoever calls bounds how much.
    pub(super) fn run(
        &self,
        work: impl FnOnce(&mut Vec<Block>) + Send + 'static,
    ) -> Result<(), IdentityError> {
        let sender = self.started.get_or_init(|| start(self.count));
        let gone = |_| IdentityError::Crypto("no thread hashes passwords".to_owned());
        sender.send(Box::new(work)).map_err(gone)
    }
}

fn start(count: usize) -> Sender<Work> {
    let (sender, receiver) = channel();
    let receiver = Arc::new(Mutex::new(receiver));
    for number in 0..count {
        let receiver = Arc::clone(&receiver);
        let started =
            thread::Builder::new().name(format!("password-{number}")).spawn(move || work_on(&receiver));
        if let Err(error) = started {
            tracing::error!(%error, "a thread for passwords did not start");
        }
    }
    sender
}

fn work_on(receiver: &Mutex<Receiver<Work>>) {
    let mut memory = Vec::new();
    loop {
        let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        // What is left in the memory does not matter: a hash fills it before it reads it.
        if catch_unwind(AssertUnwindSafe(|| work(&mut memory))).is_err() {
            tracing::error!("hashing a password panicked");
        }
    }
}
