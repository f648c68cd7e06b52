use std::time::Duration;

use atelier_entities::{JobId, JobState, job_events, jobs, projects, users};
use atelier_foundation::testing::acting;
use atelier_providers::llm::{
    LlmError,
    fake::{ScriptedCompletion, ScriptedModel},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::*;
use crate::{
    generation::{GenerationError, GenerationInput},
    testing::{BAD_COMPLETION, Fixture, GOOD_COMPLETION, options},
};

const PLAN: &str = "{\"files\": [{\"path\": \"index.html\", \"purpose\": \"the list\"}], \"data\": [\"Book: title\"], \
    \"screens\": [\"List\"]}";

const BLOCK: &str = "Blue now.\n\n```search/replace path=styles.css\n<<<<<<< SEARCH\nh1 { color: teal; }\n=======\n\
    h1 { color: blue; }\n>>>>>>> REPLACE\n```\n";

const WRONG_BLOCK: &str = "Blue.\n\n```search/replace path=styles.css\n<<<<<<< SEARCH\nh1 { color: red; }\n=======\n\
    h1 { color: blue; }\n>>>>>>> REPLACE\n```\n";

struct Scene {
    fixture: Fixture,
    ada: users::Model,
    project: projects::Model,
}

impl Scene {
    async fn with(model: ScriptedModel, max_repairs: u32) -> Self {
        let mut options = options();
        options.builder.generation.max_repairs = max_repairs;
        let fixture = Fixture::with(model, options).await;
        let ada = fixture.register("ada@example.org").await;
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        Self { fixture, ada, project }
    }

    async fn of(script: &[&str], max_repairs: u32) -> Self {
        let script = script.iter().map(|text| ScriptedCompletion::Text((*text).to_owned()));
        Self::with(ScriptedModel::new(script), max_repairs).await
    }

    async fn run(&self, mode: GenerationMode, prompt: Option<&str>) -> jobs::Model {
        let input = GenerationInput { mode, prompt: prompt.map(str::to_owned), stack: None };
        let generation = &self.fixture.services.builder.generation;
        let job = generation.start(&acting(self.ada.id), self.project.id, input).await.expect("started");
        self.fixture.work().await;
        self.fixture.job(job.id).await
    }

    async fn file(&self, path: &str) -> String {
        let versions = &self.fixture.services.builder.versions;
        let (_, code) = versions.code(&acting(self.ada.id), self.project.id, None).await.expect("code");
        code.all_files.get(path).cloned().unwrap_or_default()
    }

    async fn events(&self, job: JobId, kind: &str) -> Vec<Value> {
        let events = job_events::Entity::find()
            .filter(job_events::Column::JobId.eq(job))
            .filter(job_events::Column::Kind.eq(kind))
            .order_by_asc(job_events::Column::Seq);
        let events = events.all(self.fixture.services.queue.db()).await.expect("listed");
        events.into_iter().map(|event| event.data).collect()
    }

    fn last_request(&self) -> String {
        let requests = self.fixture.model.requests();
        requests.last().and_then(|request| request.messages.last()).expect("a message").content.clone()
    }
}

#[tokio::test]
async fn files_are_told_while_they_are_written() {
    let pieces = GOOD_COMPLETION.split_inclusive('\n').map(str::to_owned).collect();
    let scene = Scene::with(ScriptedModel::new([ScriptedCompletion::Pieces(pieces)]), 0).await;
    let job = scene.run(GenerationMode::Quick, None).await;

    assert_eq!(job.state, JobState::Succeeded, "{:?}", job.error);
    let events = scene.events(job.id, "file").await;
    let states: Vec<_> = events
        .iter()
        .filter(|event| event["state"] == "done")
        .map(|event| event["path"].as_str().expect("a path"))
        .collect();
    assert_eq!(states, ["index.html", "styles.css"]);
    let text: String = events
        .iter()
        .filter(|event| event["path"] == "styles.css")
        .map(|event| event["text"].as_str().expect("a text"))
        .collect();
    assert_eq!(text, scene.file("styles.css").await);
}

#[tokio::test]
async fn an_advanced_application_is_planned_before_it_is_written() {
    let script = [PLAN, GOOD_COMPLETION].map(|text| ScriptedCompletion::Text(text.to_owned()));
    let scene = Scene::with(ScriptedModel::new(script).planning(), 0).await;
    let job = scene.run(GenerationMode::Advanced, None).await;

    assert_eq!(job.state, JobState::Succeeded, "{:?}", job.error);
    let told = scene.events(job.id, "plan").await;
    assert_eq!((told.len(), &told[0]["files"][0]["path"]), (1, &json!("index.html")));
    assert!(scene.last_request().contains("<request_plan>") && scene.last_request().contains("Book: title"));
    let versions = &scene.fixture.services.builder.versions;
    let (version, _) = versions.code(&acting(scene.ada.id), scene.project.id, None).await.expect("code");
    assert_eq!(version.plan.expect("the plan is kept")["screens"][0], "List");
}

#[tokio::test]
async fn an_application_without_a_plan_is_written_all_the_same() {
    let script = ["I cannot plan.", GOOD_COMPLETION].map(|text| ScriptedCompletion::Text(text.to_owned()));
    let scene = Scene::with(ScriptedModel::new(script).planning(), 0).await;
    let job = scene.run(GenerationMode::Advanced, None).await;
    assert_eq!(job.state, JobState::Succeeded, "{:?}", job.error);
    assert!(scene.events(job.id, "plan").await.is_empty());
}

#[tokio::test]
async fn a_large_plan_is_written_in_groups_that_keep_what_is_there() {
    let paths: Vec<String> = (0..13).map(|n| format!("\"notes/{n}.md\"")).collect();
    let plan = format!("{{\"files\": [\"index.html\", {}]}}", paths.join(","));
    let script = [plan.as_str(), GOOD_COMPLETION, "```markdown path=notes/12.md\n# Notes\n```\n"];
    let script = script.map(|text| ScriptedCompletion::Text(text.to_owned()));
    let scene = Scene::with(ScriptedModel::new(script).planning(), 0).await;
    let job = scene.run(GenerationMode::Advanced, None).await;

    assert_eq!(job.state, JobState::Succeeded, "{:?}", job.error);
    assert!(scene.last_request().contains("<request_file path=\"index.html\">"));
    assert!(scene.last_request().ends_with("- notes/12.md\n"), "{}", scene.last_request());
    assert_eq!(scene.file("notes/12.md").await, "# Notes\n");
    assert!(scene.file("index.html").await.contains("Books"));
}

#[tokio::test]
async fn a_repair_asks_only_for_the_files_with_faults() {
    let scene = Scene::of(&[BAD_COMPLETION, "```json path=data.json\n{\"a\": 1}\n```\n"], 1).await;
    let job = scene.run(GenerationMode::Quick, None).await;

    assert_eq!(job.state, JobState::Succeeded, "{:?}", job.error);
    let request = scene.last_request();
    assert!(request.contains("stay as they are:\n- index.html\n"), "{request}");
    assert!(request.contains("<request_file path=\"data.json\">"), "{request}");
    assert_eq!(scene.file("data.json").await, "{\"a\": 1}\n");
    assert!(scene.file("index.html").await.contains("Books"));
}

#[tokio::test]
async fn a_change_by_blocks_leaves_the_other_files_as_they_were() {
    let scene = Scene::of(&[GOOD_COMPLETION, BLOCK], 0).await;
    scene.run(GenerationMode::Quick, None).await;
    let page = scene.file("index.html").await;
    let job = scene.run(GenerationMode::Quick, Some("Make it blue")).await;

    assert_eq!(job.state, JobState::Succeeded, "{:?}", job.error);
    assert_eq!(scene.file("styles.css").await, "h1 { color: blue; }\n");
    assert_eq!(scene.file("index.html").await, page);
    let versions = &scene.fixture.services.builder.versions;
    let (version, _) = versions.code(&acting(scene.ada.id), scene.project.id, None).await.expect("code");
    let changes = json!({"added": [], "changed": ["styles.css"], "removed": []});
    assert_eq!(version.changes, Some(changes));
}

#[tokio::test]
async fn a_block_without_a_place_is_asked_again_and_then_the_whole_file() {
    let whole = "```css path=styles.css\nh1 { color: blue; }\n```\n";
    let scene = Scene::of(&[GOOD_COMPLETION, WRONG_BLOCK, WRONG_BLOCK, whole], 2).await;
    scene.run(GenerationMode::Quick, None).await;
    let job = scene.run(GenerationMode::Quick, Some("Make it blue")).await;

    assert_eq!(job.state, JobState::Succeeded, "{:?}", job.error);
    let requests = scene.fixture.model.requests();
    let again = &requests[2].messages.last().expect("a message").content;
    assert!(again.contains("EDIT_NOT_FOUND") && again.contains("h1 { color: teal; }"), "{again}");
    assert!(!again.contains("not as blocks"), "{again}");
    assert!(scene.last_request().contains("not as blocks:\n- styles.css\n"), "{}", scene.last_request());
    assert_eq!(scene.file("styles.css").await, "h1 { color: blue; }\n");
}

#[tokio::test]
async fn a_change_that_stays_faulty_leaves_the_version_before_and_costs_nothing() {
    let scene = Scene::of(&[GOOD_COMPLETION, WRONG_BLOCK, WRONG_BLOCK], 1).await;
    scene.run(GenerationMode::Quick, None).await;
    let before = scene.fixture.credits(scene.ada.id).await;
    let job = scene.run(GenerationMode::Quick, Some("Make it blue")).await;

    let error = job.error.expect("an error");
    assert_eq!((job.state, &error["code"]), (JobState::Failed, &json!("GENERATION_FAULTY")));
    assert_eq!(error["details"]["faults"][0]["path"], "styles.css");
    assert_eq!(scene.fixture.credits(scene.ada.id).await, before);
    assert_eq!(scene.fixture.project(&scene.project).await.current_version, Some(1));
    assert_eq!(scene.file("styles.css").await, "h1 { color: teal; }\n");
}

#[test]
fn a_listed_fault_says_what_to_do_and_quotes_the_lines_around() {
    let fault = Fault::in_file("a.js", FaultCode::SyntaxError, "x").at_line(1).with_hint("Close it.");
    let faults = vec![fault.with_lines_of("a("); MAX_FAULTS + 1];
    let seen = listed(&faults);
    assert_eq!(seen[0]["hint"], "Close it.\n1 | a(");
    assert_eq!(seen.as_array().map(Vec::len), Some(MAX_FAULTS));
}

#[tokio::test]
async fn a_filtered_answer_fails_with_the_category_and_returns_the_credits() {
    let filtered = LlmError::ContentFilter { message: "SAFETY".to_owned() };
    let scene = Scene::with(ScriptedModel::new([ScriptedCompletion::Fails(filtered)]), 2).await;
    let before = scene.fixture.credits(scene.ada.id).await;
    let job = scene.run(GenerationMode::Quick, None).await;

    let error = job.error.expect("an error");
    assert_eq!(
        (&error["code"], &error["details"]["category"]),
        (&json!("LLM_CONTENT_FILTER"), &json!("SAFETY"))
    );
    assert_eq!(scene.fixture.model.requests().len(), 1, "nobody else is asked");
    assert_eq!(scene.fixture.credits(scene.ada.id).await, before);
}

#[tokio::test]
async fn a_request_that_fits_no_model_is_refused_before_it_is_charged() {
    let scene = Scene::with(ScriptedModel::new([]).with_context(4_100), 0).await;
    let before = scene.fixture.credits(scene.ada.id).await;
    let input = GenerationInput { mode: GenerationMode::Quick, prompt: None, stack: None };
    let generation = &scene.fixture.services.builder.generation;
    let refused = generation.start(&acting(scene.ada.id), scene.project.id, input).await.err();

    let Some(GenerationError::ContextTooLong { needed, most }) = refused else { panic!("{refused:?}") };
    assert!(needed > most && most == 4_100, "{needed} of {most}");
    assert_eq!(scene.fixture.credits(scene.ada.id).await, before);
    assert!(scene.fixture.jobs_of_kind("generation.run").await.is_empty());
}

#[tokio::test]
async fn another_attempt_tells_that_nothing_of_the_first_one_stays() {
    let lost = LlmError::Transient { message: "gone".to_owned() };
    let first = ScriptedCompletion::FailsAfter(vec![GOOD_COMPLETION[..120].to_owned()], lost);
    let good = ScriptedCompletion::Text(GOOD_COMPLETION.to_owned());
    let scene = Scene::with(ScriptedModel::new([first, good]), 0).await;
    let job = scene.run(GenerationMode::Quick, None).await;
    assert_eq!(job.state, JobState::Retrying);
    scene.fixture.advance(120);
    scene.fixture.work().await;

    assert_eq!(scene.fixture.job(job.id).await.state, JobState::Succeeded);
    let told = scene.events(job.id, "restarted").await;
    assert_eq!((told.len(), &told[0]["kept_files"]), (1, &json!([])));
}

#[test]
fn a_completion_is_sent_back_only_if_time_is_left_for_another() {
    for (left, fits) in [(600, true), (330, true), (329, false), (0, false)] {
        let left = Duration::from_secs(left);
        assert_eq!(has_time_for_another(left, Duration::from_secs(300)), fits, "{left:?}");
    }
}

mod mutations;
