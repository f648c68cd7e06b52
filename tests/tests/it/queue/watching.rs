use atelier_entities::{JobId, JobState};
use atelier_queue::{
    LogLevel, Outcome,
    watch::{EventId, JobUpdate},
};
use futures::{StreamExt, pin_mut};

use super::{fixture::Fixture, scripted::scripted};

/// The updates of a watcher as text: `running`, `stage:writing`, `log:…`, `succeeded`.
async fn updates(fixture: &Fixture, id: JobId, since: Option<EventId>) -> Vec<(EventId, String)> {
    let updates = fixture.queue.watch(id, since);
    pin_mut!(updates);
    let mut received = Vec::new();
    while let Some(update) = updates.next().await {
        received.push(match update.expect("an update") {
            JobUpdate::Status { id, job } => (id, job.state.to_string()),
            JobUpdate::Event { id, event } if event.kind == "progress" => {
                (id, format!("stage:{}", event.data["stage"].as_str().expect("a stage")))
            }
            JobUpdate::Event { id, event } => {
                (id, format!("log:{}", event.data["message"].as_str().expect("a message")))
            }
        });
    }
    received
}

fn play(fixture: &Fixture) {
    fixture.handlers.on("watched", async |ctx| {
        ctx.progress(10, "writing", "Writing").await;
        ctx.log(LogLevel::Info, "halfway").await;
        ctx.progress(90, "saving", "Saving").await;
        Ok(Outcome::done())
    });
}

pub(super) async fn a_watcher_receives_all_updates_in_order(fixture: Fixture) {
    play(&fixture);
    let id = fixture.queue.enqueue(scripted("watched")).await.expect("enqueued").id;

    let (received, ()) = tokio::join!(updates(&fixture, id, None), async {
        let _worker = fixture.worker(1);
        fixture.reaches(id, JobState::Succeeded).await;
    });

    let events: Vec<&str> =
        received.iter().map(|(_, what)| what.as_str()).filter(|what| what.contains(':')).collect();
    assert_eq!(events, ["stage:writing", "log:halfway", "stage:saving"]);
    assert_eq!(received.last().expect("an end").1, "succeeded");
    assert!(received.is_sorted_by_key(|(id, _)| (id.seq, id.revision)), "{received:?}");
    assert_eq!(fixture.job(id).await.progress.expect("progress")["stage"], "saving");
}

pub(super) async fn a_watcher_resumes_where_it_stopped(fixture: Fixture) {
    play(&fixture);
    let _worker = fixture.worker(1);
    let id = fixture.queue.enqueue(scripted("watched")).await.expect("enqueued").id;
    fixture.reaches(id, JobState::Succeeded).await;
    let all = updates(&fixture, id, None).await;

    let (seen, _) = all[0].clone();
    let rest = updates(&fixture, id, Some(seen)).await;
    let (last, _) = all.last().expect("an end").clone();
    let nothing = updates(&fixture, id, Some(last)).await;

    assert_eq!(rest, all[1..]);
    assert!(nothing.is_empty(), "{nothing:?}");
}

pub(super) async fn a_watcher_of_a_deleted_job_ends(fixture: Fixture) {
    assert!(updates(&fixture, JobId::new(), None).await.is_empty());
}
