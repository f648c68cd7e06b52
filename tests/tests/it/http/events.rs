//! Event streams that are interrupted and resumed.

use atelier_client::{EventStream, ServerEvent};
use atelier_tests::{AppSetup, Completion, FakeOpenAi};
use serde_json::Value;

/// The next event; the stream must have one.
async fn next(stream: &mut EventStream) -> ServerEvent {
    stream.next().await.expect("the stream is whole").expect("the stream continues")
}

/// All events up to the end of the stream.
pub(super) async fn rest(stream: &mut EventStream) -> Vec<ServerEvent> {
    let mut events = Vec::new();
    while let Some(event) = stream.next().await.expect("the stream is whole") {
        events.push(event);
    }
    events
}

pub(super) fn data(event: &ServerEvent) -> Value {
    serde_json::from_str(&event.data).expect("JSON")
}

/// The stages and log lines, which are sent once, with their ids.
fn stages_and_lines(events: &[ServerEvent]) -> Vec<(u64, String)> {
    let sequence = |event: &ServerEvent| {
        let id = event.id.as_deref().expect("every event has an id");
        id.split_once('-').expect("an id of two numbers").1.parse().expect("a number")
    };
    let stages_and_lines = events.iter().filter(|event| matches!(event.event.as_str(), "progress" | "log"));
    stages_and_lines.map(|event| (sequence(event), event.data.clone())).collect()
}

pub(super) async fn a_stream_resumes_where_the_connection_was_closed(setup: AppSetup) {
    let model = FakeOpenAi::start([Completion::Stall(vec!["One moment".to_owned()])]).await;
    let app = setup.with_model(&model).start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let job = ada.start_generation(&project).await;

    let mut first = ada.events(&job, None).await;
    let mut before = Vec::new();
    loop {
        let event = next(&mut first).await;
        let is_writing = event.event == "progress" && data(&event)["stage"] == "writing";
        before.push(event);
        if is_writing {
            break;
        }
    }
    drop(first);
    let last = before.last().and_then(|event| event.id.clone()).expect("an id");
    let mut second = ada.events(&job, Some(&last)).await;
    let _asked = ada.cancel(&job).await.expect(202);
    let after = rest(&mut second).await;

    let end = after.last().expect("an end");
    assert_eq!((end.event.as_str(), &data(end)["status"]), ("end", &Value::from("cancelled")));
    let whole = stages_and_lines(&rest(&mut ada.events(&job, None).await).await);
    assert_eq!(
        [stages_and_lines(&before), stages_and_lines(&after)].concat(),
        whole,
        "nothing twice, nothing missed"
    );
    assert!(whole.windows(2).all(|pair| pair[0].0 < pair[1].0), "in their order: {whole:?}");
    app.finish().await;
}

pub(super) async fn a_late_stream_receives_earlier_events(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let job = ada.start_generation(&project).await;

    let mut stream = ada.events(&job, None).await;
    let before = vec![next(&mut stream).await];
    drop(stream);
    ada.job_once(&job, "succeeded").await;
    let last = before[0].id.clone().expect("an id");
    let after = rest(&mut ada.events(&job, Some(&last)).await).await;

    let whole = rest(&mut ada.events(&job, None).await).await;
    assert_eq!([stages_and_lines(&before), stages_and_lines(&after)].concat(), stages_and_lines(&whole));
    assert_eq!(after.last().map(|event| event.event.as_str()), Some("end"));
    let last = whole.last().and_then(|event| event.id.clone()).expect("an id");
    let nothing_new = rest(&mut ada.events(&job, Some(&last)).await).await;
    assert_eq!(nothing_new.len(), 1, "only the end again: {nothing_new:?}");
    let by_parameter = format!("/api/jobs/{job}/events?last_event_id={last}");
    let text = ada.client.get(&by_parameter).send().await.expect(200).text();
    assert_eq!((text.matches("event: ").count(), text.matches("event: end").count()), (1, 1), "{text}");
    let path = format!("/api/jobs/{job}/events");
    let all =
        ada.client.get(&path).header("accept-encoding", "gzip").header("last-event-id", "?").send().await;
    let all = all.expect(200);
    assert_eq!((all.header("content-type"), all.header("content-encoding")), ("text/event-stream", ""));
    assert_eq!((all.header("cache-control"), all.header("x-accel-buffering")), ("no-store", "no"));
    assert_eq!(all.text().matches("event: progress").count(), 5, "from the beginning");
    let told = whole.iter().filter(|event| event.event == "file").map(data);
    let done: Vec<Value> =
        told.filter(|file| file["state"] == "done").map(|file| file["path"].clone()).collect();
    assert!(done.contains(&Value::from("index.html")), "the files are replayed: {done:?}");
    app.finish().await;
}
