//! Filling the transport's windows, and counting the ids that are pushed again because the
//! transport lost them.

use std::collections::HashMap;

use atelier_entities::JobId;

use crate::{
    Fault, Queue,
    error::{QueueError, TransportError},
    metrics::{self, PushCause},
    name::QueueName,
    pushed::{Candidates, Window},
    store::{self, window},
};

/// What a pass pushed to the transport.
#[derive(Debug, Default)]
pub(super) struct Pushed {
    /// Ids that the transport did not have.
    pub(super) ids: usize,
    /// Those of them that it had been given before.
    pub(super) redispatched: usize,
    /// Why it did not take some ids.
    pub(super) fault: Option<Fault>,
}

/// Pushes the next ids of each queue. What the transport does not take is counted, and
/// waits for the next pass.
pub(super) async fn push_all(
    queue: &Queue,
    next: HashMap<QueueName, Vec<JobId>>,
) -> Result<Pushed, QueueError> {
    let names = next.keys().copied().collect();
    let mut pushed = Pushed::default();
    let mut rest = next.into_iter();
    while let Some((name, ids)) = rest.next() {
        let count = ids.len();
        let (taken, lost) = match push_queue(queue, name, ids).await {
            Ok(taken) => taken,
            Err(QueueError::Transport(error)) => {
                pushed.fault.get_or_insert(error.fault());
                log_failure(queue, name, count, &error);
                // A transport that is away would make each further queue wait as long.
                if error.fault().may_pass() {
                    rest.by_ref().for_each(|(name, ids)| log_failure(queue, name, ids.len(), &error));
                }
                queue.note_error(&error.into());
                continue;
            }
            Err(error) => return Err(error),
        };
        metrics::relayed(name, PushCause::Redispatch, lost);
        metrics::relayed(name, PushCause::Refill, taken - lost);
        if let Some(jobs) = queue.pushed().log_redispatched(name, lost) {
            let cause = "the transport lost them, or a worker could not start them";
            tracing::info!(queue = %name, jobs, cause, "due jobs were dispatched again");
        }
        pushed.ids += taken;
        pushed.redispatched += lost;
    }
    queue.pushed().retain(&names);
    Ok(pushed)
}

/// Counts what the transport did not take, and logs it at most once per interval.
fn log_failure(queue: &Queue, name: QueueName, jobs: usize, error: &TransportError) {
    metrics::not_relayed(name, error.fault());
    if queue.pushed().log_failure(name) {
        let code = error.fault().code();
        tracing::warn!(queue = %name, jobs, code, %error, "due jobs cannot be dispatched now; trying again");
    }
}

/// Pushes the next ids of a queue. Answers how many the transport took, and how many of
/// them it had lost.
async fn push_queue(queue: &Queue, name: QueueName, ids: Vec<JobId>) -> Result<(usize, usize), QueueError> {
    let count = ids.len();
    let Candidates { pushed, uncertain, fresh } = queue.pushed().classify(name, ids, queue.now());
    let pushed_taken = push(queue, name, &pushed).await?;
    let uncertain_taken = push(queue, name, &uncertain).await?;
    let taken = pushed_taken + uncertain_taken + push(queue, name, &fresh).await?;
    // A transport that has none of what it was given has lost the uncertain ids as well.
    let is_empty = pushed_taken == pushed.len() && uncertain_taken == uncertain.len();
    let lost = match is_empty {
        true => {
            let given = [&pushed[..], &uncertain].concat();
            count_lost(queue, &given, pushed_taken + uncertain_taken).await?
        }
        false => count_lost(queue, &pushed, pushed_taken).await?,
    };
    let is_full = taken < count && queue.transport().depth(name).await? >= queue.options().window;
    let mut window = Window { ids: pushed.into_iter().collect(), may_have_more: is_full };
    if !is_full {
        window.ids.extend(uncertain.into_iter().chain(fresh));
    }
    queue.pushed().store(name, window);
    Ok((taken, lost))
}

async fn push(queue: &Queue, name: QueueName, ids: &[JobId]) -> Result<usize, QueueError> {
    if ids.is_empty() {
        return Ok(0);
    }
    Ok(queue.transport().push(name, ids, queue.options().window).await?)
}

/// How many of these ids the transport had lost, of the `taken` ones that it took. Ids
/// whose jobs were claimed meanwhile were not lost: they had just left the transport.
async fn count_lost(queue: &Queue, ids: &[JobId], taken: usize) -> Result<usize, QueueError> {
    if taken == 0 {
        return Ok(0);
    }
    let waiting = store::bounded(window::count_waiting(queue.db(), ids)).await?;
    Ok(taken.saturating_sub(ids.len().saturating_sub(waiting)))
}
