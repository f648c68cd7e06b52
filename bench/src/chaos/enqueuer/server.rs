//! Enqueues and cancels for callers in other processes, who outlive this one. A request is
//! one line of JSON. An enqueue is answered by two lines: the jobs before the commit, and
//! whether the commit succeeded.

use std::{io, path::Path};

use anyhow::Context;
use atelier_entities::JobId;
use atelier_queue::{NewJob, Queue};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
};
use tokio_util::sync::CancellationToken;

use super::request::{EnqueuedJob, JobRequest};

/// A request of a caller.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    Enqueue(Vec<JobRequest>),
    Cancel(JobId),
}

/// The jobs that will exist once the transaction is committed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Prepared(pub(super) Vec<EnqueuedJob>);

/// Whether the request succeeded.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Settled(pub(super) bool);

/// Serves callers at this socket until it is stopped. The socket of an earlier process is
/// removed.
pub(in crate::chaos) async fn serve(
    queue: Queue,
    socket: &Path,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let listener = UnixListener::bind(socket).context("cannot listen for callers")?;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return Ok(()),
        };
        let Ok((stream, _)) = accepted else { continue };
        let queue = queue.clone();
        tokio::spawn(async move {
            if let Err(error) = answer(&queue, stream).await {
                tracing::debug!("a caller was not answered: {error:#}");
            }
        });
    }
}

async fn answer(queue: &Queue, stream: UnixStream) -> anyhow::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    match serde_json::from_str(&line)? {
        Request::Cancel(id) => {
            let granted = queue.cancel(id, None).await.is_ok();
            write_line(&mut stream, &Settled(granted)).await
        }
        Request::Enqueue(requests) => {
            let jobs: Vec<NewJob> = requests.into_iter().filter_map(JobRequest::job).collect();
            let tx = queue.begin().await?;
            let enqueued = tx.enqueue_all(jobs).await?;
            let made = enqueued.iter().map(|one| EnqueuedJob { id: one.id, duplicate: one.duplicate });
            // Where the caller has gone, nothing is committed.
            write_line(&mut stream, &Prepared(made.collect())).await?;
            let committed = tx.commit().await;
            write_line(&mut stream, &Settled(committed.is_ok())).await?;
            Ok(committed?)
        }
    }
}

async fn write_line(stream: &mut BufReader<UnixStream>, what: &impl Serialize) -> anyhow::Result<()> {
    let line = serde_json::to_string(what)?;
    Ok(stream.write_all(format!("{line}\n").as_bytes()).await?)
}
