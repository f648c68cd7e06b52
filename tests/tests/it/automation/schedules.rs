//! Schedules with several schedulers at once.

use std::collections::HashSet;

use atelier_automation::{
    schedules::{BackfillInput, ScheduleChanges, ScheduleFilter},
    testing::modules,
};
use atelier_entities::{
    RunId, ScheduleOverlap, TickOutcome, WorkflowId, WorkflowScheduleId, workflow_runs,
    workflow_schedule_ticks, workflow_schedules,
};
use atelier_foundation::Page;
use atelier_queue::Periodic;
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

use super::{Fixture, chain};

/// Schedules of a case: more than two batches.
const MANY: usize = 1_200;

/// What a scheduler does for schedules.
fn firing() -> Periodic {
    let mut all = modules().into_iter().flat_map(|module| module.periodic);
    all.find(|periodic| periodic.name == "schedules").expect("schedules are fired")
}

/// Fires what is due, with two schedulers at once.
async fn fire(fixture: &Fixture) {
    let work = async || {
        let firing = firing();
        while (firing.run)(fixture.queue()).await.expect("fired") {}
    };
    tokio::join!(work(), work());
    // One of them may have ended while the other held the last batch.
    work().await;
}

fn every_minute(overlap: ScheduleOverlap) -> ScheduleChanges {
    ScheduleChanges {
        name: Some("Often".to_owned()),
        every_secs: Some(Some(60)),
        overlap: Some(overlap),
        ..ScheduleChanges::default()
    }
}

async fn create(fixture: &Fixture, workflow: WorkflowId, input: ScheduleChanges) -> WorkflowScheduleId {
    fixture.schedules().create(&fixture.actor(), workflow, input).await.expect("created").schedule.id
}

async fn find(fixture: &Fixture, id: WorkflowScheduleId) -> workflow_schedules::Model {
    let found = workflow_schedules::Entity::find_by_id(id).one(fixture.queue().db()).await;
    found.expect("asked").expect("there")
}

/// Copies a schedule, beyond what a person may have.
async fn copy(fixture: &Fixture, of: WorkflowScheduleId, count: usize) {
    let row = find(fixture, of).await;
    let copies: Vec<_> = (0..count)
        .map(|_| {
            let id = WorkflowScheduleId::new();
            workflow_schedules::ActiveModel::from(workflow_schedules::Model { id, ..row.clone() })
        })
        .collect();
    for some in copies.chunks(500) {
        let insert = workflow_schedules::Entity::insert_many(some.to_vec());
        insert.exec_without_returning(fixture.queue().db()).await.expect("inserted");
    }
}

/// Sets the clock to the next fire time of a schedule.
async fn reach_next(fixture: &Fixture, id: WorkflowScheduleId) {
    let next = find(fixture, id).await.next_fire_at.expect("a fire time");
    let queue = fixture.queue();
    queue.clock().advance(next - queue.now() + TimeDelta::milliseconds(1));
}

async fn list_ticks(fixture: &Fixture) -> Vec<workflow_schedule_ticks::Model> {
    let ticks = workflow_schedule_ticks::Entity::find().order_by_asc(workflow_schedule_ticks::Column::TickAt);
    ticks.all(fixture.queue().db()).await.expect("listed")
}

pub(super) async fn schedules_fire_once_with_two_schedulers_and_after_a_downtime(fixture: Fixture) {
    let workflow = fixture.publish(&chain(), |_| {}).await;
    let limits = ScheduleChanges { catchup_limit: Some(2), ..every_minute(ScheduleOverlap::AllowAll) };
    let first = create(&fixture, workflow, limits).await;
    copy(&fixture, first, MANY - 1).await;

    reach_next(&fixture, first).await;
    fire(&fixture).await;
    fire(&fixture).await;

    let runs = workflow_runs::Entity::find().count(fixture.queue().db()).await.expect("counted");
    let ticks = list_ticks(&fixture).await;
    let distinct: HashSet<Option<RunId>> = ticks.iter().map(|tick| tick.run_id).collect();
    assert_eq!((runs, ticks.len(), distinct.len()), (MANY as u64, MANY, MANY));
    assert!(ticks.iter().all(|tick| tick.outcome == TickOutcome::Started));

    fixture.queue().clock().advance(TimeDelta::minutes(30));
    fire(&fixture).await;

    let of = |ticks: &[workflow_schedule_ticks::Model], outcome| {
        ticks.iter().filter(|tick| tick.outcome == outcome).count()
    };
    let ticks = list_ticks(&fixture).await;
    assert_eq!(of(&ticks, TickOutcome::Started), 3 * MANY);
    assert_eq!(of(&ticks, TickOutcome::MissedLimit), MANY);
    let runs = workflow_runs::Entity::find().count(fixture.queue().db()).await.expect("counted");
    assert_eq!(runs, 3 * MANY as u64);
}

pub(super) async fn ends_of_runs_start_what_waits_in_their_schedule(fixture: Fixture) {
    let workflow = fixture.publish(&chain(), |_| {}).await;
    let id = create(&fixture, workflow, every_minute(ScheduleOverlap::BufferAll)).await;
    for _ in 0..5 {
        reach_next(&fixture, id).await;
        fire(&fixture).await;
    }
    let now = fixture.queue().now();
    let past = BackfillInput { from: now - TimeDelta::hours(1), to: now, only_missing: true };
    let backfill = fixture.schedules().backfill(&fixture.actor(), id, past).await.expect("accepted");
    assert_eq!(backfill.covered, 5);

    let _workers = [fixture.worker(8), fixture.worker(8)];
    let all = 5 + backfill.times.len();
    fixture
        .until("all runs have ended, one after another", async || {
            let open = fixture.list_open(workflow).await;
            assert!(open.len() <= 1, "{open:?}");
            let ticks = list_ticks(&fixture).await;
            let started = ticks.iter().filter(|tick| tick.outcome == TickOutcome::Started).count();
            (open.is_empty() && started == all).then_some(())
        })
        .await;

    let runs = workflow_runs::Entity::find().filter(workflow_runs::Column::ScheduleId.eq(id));
    assert_eq!(runs.count(fixture.queue().db()).await.expect("counted"), all as u64);
}

pub(super) async fn schedules_that_are_changed_while_they_fire_stay_consistent(fixture: Fixture) {
    let workflow = fixture.publish(&chain(), |_| {}).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(create(&fixture, workflow, every_minute(ScheduleOverlap::CancelOther)).await);
    }
    let _workers = [fixture.worker(4), fixture.worker(4)];
    let actor = fixture.actor();
    for _ in 0..5 {
        reach_next(&fixture, ids[0]).await;
        let changing = async {
            for id in &ids {
                let named = ScheduleChanges { name: Some("Other".to_owned()), ..ScheduleChanges::default() };
                fixture.schedules().update(&actor, *id, named).await.expect("changed");
                fixture.schedules().run(&actor, *id).await.expect("started");
            }
        };
        tokio::join!(fire(&fixture), changing);
    }
    fixture.workflows().delete(&actor, workflow).await.expect("deleted");

    let page = Page { number: 1, size: 10 };
    let listed = fixture.schedules().list(&actor, ScheduleFilter::default(), page).await.expect("listed");
    assert_eq!(listed.1, 0);
    fixture
        .until("no run is open", async || fixture.list_open(workflow).await.is_empty().then_some(()))
        .await;
}
