//! The caller's end of the connection to a process that enqueues.

use std::{io, path::PathBuf};

use atelier_entities::JobId;
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::UnixStream,
    time,
};

use super::{
    request::{JobRequest, SubmitOutcome, TIMEOUT},
    server::{Prepared, Request, Settled},
};

/// A process that enqueues for callers, addressed by its socket.
#[derive(Debug)]
pub(in crate::chaos) struct EnqueueClient {
    socket: PathBuf,
}

impl EnqueueClient {
    pub(in crate::chaos) const fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Enqueues jobs in one transaction. A process that dies meanwhile counts as one that
    /// never answered.
    pub(super) async fn submit(&self, requests: Vec<JobRequest>) -> SubmitOutcome {
        let prepared = time::timeout(TIMEOUT, async {
            let mut answers = self.ask(&Request::Enqueue(requests)).await?;
            let prepared: Prepared = next(&mut answers).await?;
            io::Result::Ok((answers, prepared))
        });
        let Ok(Ok((mut answers, Prepared(made)))) = prepared.await else { return SubmitOutcome::Refused };
        match time::timeout(TIMEOUT, next(&mut answers)).await {
            Ok(Ok(Settled(true))) => SubmitOutcome::Acknowledged(made),
            _ => SubmitOutcome::InDoubt(made),
        }
    }

    pub(super) async fn cancel(&self, id: JobId) -> bool {
        let settled = time::timeout(TIMEOUT, async {
            let mut answers = self.ask(&Request::Cancel(id)).await?;
            next(&mut answers).await
        });
        matches!(settled.await, Ok(Ok(Settled(true))))
    }

    async fn ask(&self, request: &Request) -> io::Result<Lines<BufReader<UnixStream>>> {
        let mut stream = UnixStream::connect(&self.socket).await?;
        let line = serde_json::to_string(request)?;
        stream.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(BufReader::new(stream).lines())
    }
}

async fn next<T: DeserializeOwned>(answers: &mut Lines<BufReader<UnixStream>>) -> io::Result<T> {
    let line = answers.next_line().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(serde_json::from_str(&line)?)
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;
    use crate::chaos::{enqueuer::request::EnqueuedJob, kinds::Noop};

    /// The outcome for a caller where the process writes these lines and dies.
    async fn submitted(lines: String) -> SubmitOutcome {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("callers");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let process = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a caller");
            let mut stream = BufReader::new(stream);
            stream.read_line(&mut String::new()).await.expect("an request");
            stream.write_all(lines.as_bytes()).await.expect("told");
        });
        let submitted = EnqueueClient::new(socket).submit(vec![JobRequest::of(&Noop {})]).await;
        process.await.expect("dead");
        submitted
    }

    #[tokio::test]
    async fn a_process_that_dies_over_an_order_leaves_its_caller_in_doubt() {
        let made = vec![EnqueuedJob { id: JobId::new(), duplicate: false }];
        let prepared = serde_json::to_string(&Prepared(made.clone())).expect("a line");

        assert_eq!(submitted(String::new()).await, SubmitOutcome::Refused);
        assert_eq!(submitted(format!("{prepared}\n")).await, SubmitOutcome::InDoubt(made.clone()));
        assert_eq!(submitted(format!("{prepared}\nfalse\n")).await, SubmitOutcome::InDoubt(made.clone()));
        assert_eq!(submitted(format!("{prepared}\ntrue\n")).await, SubmitOutcome::Acknowledged(made));
    }

    #[tokio::test]
    async fn nobody_at_the_window_is_a_refusal() {
        let folder = tempfile::tempdir().expect("a folder");
        let client = EnqueueClient::new(folder.path().join("callers"));

        assert_eq!(client.submit(vec![JobRequest::of(&Noop {})]).await, SubmitOutcome::Refused);
        assert!(!client.cancel(JobId::new()).await);
    }
}
