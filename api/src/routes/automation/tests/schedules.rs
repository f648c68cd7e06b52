//! Schedules by the routes.

use super::*;

const SCHEDULES: &str = "/api/v1/automation/schedules/";

impl TestApi {
    /// A published and enabled workflow.
    async fn create_enabled(&self, token: &str) -> String {
        let id = self.create_workflow(token).await;
        assert_eq!(self.put_graph(token, &id, "*", graph()).await.status, 200);
        for step in ["publish/", "enable/"] {
            let answer = self.call("POST", &format!("{LIST}{id}/{step}"), token, Value::Null).await;
            assert!(answer.status.is_success(), "{}", answer.body);
        }
        id
    }
}

#[tokio::test]
async fn a_schedule_is_made_changed_paused_and_deleted() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let workflow = api.create_enabled(&ada).await;
    let input = json!({
        "workflow_id": workflow, "name": "Mornings", "expression": "0 9 * * 1", "time_zone": "Europe/Paris",
        "input": {"n": 1},
    });
    let made = api.call("POST", SCHEDULES, &ada, input).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.body["id"].as_str().expect("an id").to_owned();
    assert_eq!(made.headers[header::LOCATION], format!("{SCHEDULES}{id}/").as_str());
    assert_eq!(
        (&made.body["warnings"][0]["code"], &made.body["overlap"]),
        (&"WEEKDAY_NUMBERS".into(), &"skip".into())
    );
    let upcoming = made.body["upcoming"].as_array().expect("times");
    assert_eq!(upcoming.len(), 5);
    assert!(upcoming.iter().all(|time| time["weekday"] == "Monday"));

    let at = |rest: &str| format!("{SCHEDULES}{id}/{rest}");
    let changed = api.call("PATCH", &at(""), &ada, json!({"every_secs": 3600, "pause_after": 3})).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!((&changed.body["expression"], &changed.body["pause_after"]), (&Value::Null, &3.into()));
    let paused = api.call("POST", &at("pause/"), &ada, json!({"reason": "Holidays"})).await;
    assert_eq!((&paused.body["paused"], &paused.body["paused_reason"]), (&true.into(), &"Holidays".into()));
    assert_eq!(paused.body["next_fire_at"], Value::Null);
    let started = api.call("POST", &at("run/"), &ada, Value::Null).await;
    assert_eq!(
        (started.status.as_u16(), &started.body["run"]["cause"]),
        (202, &"schedule".into()),
        "{}",
        started.body
    );
    let resumed = api.call("POST", &at("resume"), &ada, Value::Null).await;
    assert_eq!((resumed.status.as_u16(), &resumed.body["paused"]), (200, &false.into()));
    let ticks = api.call("GET", &at("ticks/?outcome=started"), &ada, Value::Null).await;
    assert_eq!((&ticks.body["count"], &ticks.body["results"][0]["backfill"]), (&1.into(), &"manual".into()));
    let range = json!({"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T06:00:00Z"});
    let backfill = api.call("POST", &at("backfill/"), &ada, range).await;
    assert_eq!((backfill.status.as_u16(), &backfill.body["left_out"]), (202, &0.into()), "{}", backfill.body);
    assert_eq!(backfill.body["times"].as_array().map(Vec::len), Some(6));

    let listed = api.call("GET", &format!("{SCHEDULES}?workflow={workflow}"), &ada, Value::Null).await;
    assert_eq!((&listed.body["count"], &listed.body["results"][0]["name"]), (&1.into(), &"Mornings".into()));
    assert_eq!(api.call("DELETE", &at(""), &ada, Value::Null).await.status, 204);
    assert_eq!(api.call("GET", &at(""), &ada, Value::Null).await.status, 404);
}

#[tokio::test]
async fn a_preview_shows_what_fires_and_names_what_is_wrong() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let preview = async |body: Value| api.call("POST", &format!("{SCHEDULES}preview/"), &ada, body).await;

    let gap = json!({
        "expression": "30 2 * * *", "time_zone": "America/New_York", "after": "2026-03-08T00:00:00Z", "count": 2,
    });
    let shown = preview(gap).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    let first = &shown.body["upcoming"][0];
    assert_eq!(
        (&first["at"], &first["local"]),
        (&"2026-03-08T07:00:00Z".into(), &"2026-03-08T03:00:00".into())
    );
    assert_eq!(first["shifted_from"], "2026-03-08T02:30:00");
    for (body, field) in [
        (json!({"expression": "0 0 30 2 *"}), "expression"),
        (json!({"expression": "@daily", "time_zone": "Mars"}), "time_zone"),
        (json!({"every_secs": 0}), "every_secs"),
        (json!({}), "expression"),
    ] {
        let refused = preview(body).await;
        assert_eq!((refused.status.as_u16(), &refused.body["code"]), (422, &"VALIDATION_FAILED".into()));
        assert!(refused.body["details"][field].is_string(), "{}", refused.body);
    }
}
