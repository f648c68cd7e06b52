use atelier_entities::{JobId, JobState};
use atelier_queue::{
    LogLevel, Outcome,
    watch::{EventId, JobUpdate},
};
use futures::{StreamExt, pin_mut};

use super::{bed::Bed, stage::scripted};

/// What a watcher is told, in words: `running`, `stage:writing`, `log:…`, `succeeded`.
async fn told(bed: &Bed, id: JobId, since: Option<EventId>) -> Vec<(EventId, String)> {
    let updates = bed.queue.watch(id, since);
    pin_mut!(updates);
    let mut told = Vec::new();
    while let Some(update) = updates.next().await {
        told.push(match update.expect("an update") {
            JobUpdate::Status { id, job } => (id, job.state.to_string()),
            JobUpdate::Event { id, event } if event.kind == "progress" => {
                (id, format!("stage:{}", event.data["stage"].as_str().expect("a stage")))
            }
            JobUpdate::Event { id, event } => {
                (id, format!("log:{}", event.data["message"].as_str().expect("a message")))
            }
        });
    }
    told
}

fn play(bed: &Bed) {
    bed.stage.on("told", async |ctx| {
        ctx.progress(10, "writing", "Writing").await;
        ctx.log(LogLevel::Info, "halfway").await;
        ctx.progress(90, "saving", "Saving").await;
        Ok(Outcome::done())
    });
}

pub(super) async fn a_watcher_is_told_everything_in_order(bed: Bed) {
    play(&bed);
    let id = bed.queue.enqueue(scripted("told")).await.expect("enqueued").id;

    let (told, ()) = tokio::join!(told(&bed, id, None), async {
        let _worker = bed.worker(1);
        bed.reaches(id, JobState::Succeeded).await;
    });

    let events: Vec<&str> =
        told.iter().map(|(_, what)| what.as_str()).filter(|what| what.contains(':')).collect();
    assert_eq!(events, ["stage:writing", "log:halfway", "stage:saving"]);
    assert_eq!(told.last().expect("an end").1, "succeeded");
    assert!(told.is_sorted_by_key(|(id, _)| (id.seq, id.revision)), "{told:?}");
    assert_eq!(bed.job(id).await.progress.expect("progress")["stage"], "saving");
}

pub(super) async fn a_watcher_goes_on_where_it_left_off(bed: Bed) {
    play(&bed);
    let _worker = bed.worker(1);
    let id = bed.queue.enqueue(scripted("told")).await.expect("enqueued").id;
    bed.reaches(id, JobState::Succeeded).await;
    let all = told(&bed, id, None).await;

    let (seen, _) = all[0].clone();
    let rest = told(&bed, id, Some(seen)).await;
    let (last, _) = all.last().expect("an end").clone();
    let nothing = told(&bed, id, Some(last)).await;

    assert_eq!(rest, all[1..]);
    assert!(nothing.is_empty(), "{nothing:?}");
}

pub(super) async fn a_watcher_of_a_job_that_is_gone_ends(bed: Bed) {
    assert!(told(&bed, JobId::new(), None).await.is_empty());
}
