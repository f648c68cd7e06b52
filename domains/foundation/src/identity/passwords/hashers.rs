//! The threads that hash passwords, each with its memory.

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

/// A fixed number of threads. They start with the first hash, since most commands hash
/// nothing, and stop when this is dropped.
pub(super) struct Hashers {
    count: usize,
    started: OnceLock<Sender<Work>>,
}

impl Hashers {
    pub(super) fn new(count: usize) -> Self {
        Self { count, started: OnceLock::new() }
    }

    /// Sends work to the next free thread. The caller bounds the amount.
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
            tracing::error!(%error, "a hashing thread did not start");
        }
    }
    sender
}

fn work_on(receiver: &Mutex<Receiver<Work>>) {
    let mut memory = Vec::new();
    loop {
        let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        // Old content of the memory is harmless: a hash fills it before it reads it.
        if catch_unwind(AssertUnwindSafe(|| work(&mut memory))).is_err() {
            tracing::error!("hashing a password panicked");
        }
    }
}
