//! Answers as real models write them, through the running product: which become versions, and
//! what the others cost.

use atelier_tests::{AppSetup, Completion, FakeOpenAi, Person, TestApp, job_id};
use serde_json::{Value, json};

const PAGE: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Tom & Jerry</title>\n\
    <link rel=\"stylesheet\" href=\"styles.css\">\n</head>\n<body>\n<a href=\"/?a=1&title=b\">Tom & Jerry</a>\n\
    </body>\n</html>\n";
const STYLE: &str = "a {\n  color: teal;\n}\n";

/// An instance whose model is asked once for each generation.
struct Setup {
    app: TestApp,
    model: FakeOpenAi,
    ada: Person,
}

impl Setup {
    async fn new() -> Self {
        let model = FakeOpenAi::start([]).await;
        let setup = AppSetup::embedded().with_model(&model);
        let app = setup.with(|settings| settings.generation.max_repairs = 0).start().await;
        let ada = app.client().register("ada@example.org").await;
        Self { app, model, ada }
    }

    /// Lets the model give this answer to a prompt, and returns the job once it has this status.
    async fn change(&self, project: &str, answer: &Completion, status: &str) -> Value {
        self.model.add_completion(answer.clone());
        let path = format!("/api/projects/{project}/generate");
        let body = json!({"mode": "quick", "prompt": "Make it blue"});
        let started = self.ada.client.post(&path).json(&body).send().await.expect(202);
        self.ada.job_once(&job_id(&started), status).await
    }

    async fn files(&self, project: &str) -> Value {
        self.ada.get(&format!("/api/projects/{project}/code")).await["all_files"].take()
    }
}

fn answer(page: &str, style: &str) -> String {
    format!("Links.\n\n```html path=index.html\n{page}```\n\n```css path=styles.css\n{style}```\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_in_the_forms_of_real_models_become_versions() {
    let setup = Setup::new().await;
    let good = answer(PAGE, STYLE);
    let draft = "A draft:\n```html path=draft.html\n<p>\n```\n";
    let readme = "````md path=README.md\n# Links\n\n```html path=index.html\n<p>An example.</p>\n```\n````\n";
    let labelled = good.replace("```html path=index.html", "Datei: index.html\n```html");
    let as_json = json!({"summary": "Links.", "files": [
        {"path": "index.html", "content": PAGE}, {"path": "styles.css", "content": STYLE}]});
    for text in [
        format!("{draft}</think>\n{good}"),
        format!("{good}\n{readme}"),
        labelled.replace("```css path=styles.css", "```css path=/styles.css"),
        as_json.to_string(),
    ] {
        let project = setup.ada.create_project("Links").await;
        setup.model.add_completion(Completion::text(&text));

        setup.ada.job_once(&setup.ada.start_generation(&project).await, "succeeded").await;

        let files = setup.files(&project).await;
        assert_eq!((&files["index.html"], &files["styles.css"]), (&json!(PAGE), &json!(STYLE)), "{text}");
        assert_eq!(files.get("draft.html"), None, "{text}");
    }
    assert_eq!(setup.ada.balance().await, 2);
    setup.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_answers_cost_nothing_and_leave_the_version_before() {
    let setup = Setup::new().await;
    let project = setup.ada.create_project("Links").await;
    setup.model.add_completion(Completion::text(&answer(PAGE, STYLE)));
    setup.ada.job_once(&setup.ada.start_generation(&project).await, "succeeded").await;
    let before = setup.files(&project).await;
    let page = |text: &str| format!("```html path=index.html\n{text}```\n");
    let broken = [
        page(&PAGE.replacen('\n', "\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> main\n", 1)),
        page(&PAGE.replace("<a href", "<!-- existing content unchanged -->\n<a href")),
        page(&PAGE.replace("</body>", "<script src=\"https://cdn.example/a.js\"></script>\n</body>")),
        page(&PAGE.replace("</body>", "<img src=\"cat.png\" alt=\"\">\n</body>")),
        page("Here is the page that you asked for.\n"),
        page(PAGE)[..120].to_owned(),
        "```search/replace path=styles.css\n<<<<<<< SEARCH\n  color: red;\n=======\n  color: blue;\n>>>>>>> REPLACE\n```\n".to_owned(),
        "Shall I use blue?".to_owned(),
    ];

    for text in &broken {
        let job = setup.change(&project, &Completion::text(text), "failed").await;

        assert_eq!(job["error"]["code"], "GENERATION_FAULTY", "{text}: {job}");
        assert!(job["error"]["details"]["faults"][0]["code"].is_string(), "{text}: {job}");
        assert_eq!(setup.files(&project).await, before, "{text}");
        assert_eq!(setup.ada.balance().await, 8, "{text}");
    }

    let charges = setup.ada.ledger().await;
    let refunds = charges.iter().filter(|(kind, amount)| kind == "refund" && *amount == 2).count();
    assert_eq!((refunds, charges.len()), (broken.len(), 2 + 2 * broken.len()), "{charges:?}");
    let blue = STYLE.replace("teal", "blue");
    let good = Completion::text(&format!("```css path=styles.css\n{blue}```\n"));
    let job = setup.change(&project, &good, "succeeded").await;
    assert_eq!(job["result"]["version"], 2, "{job}");
    assert_eq!(setup.files(&project).await, json!({"index.html": PAGE, "styles.css": blue}));
    setup.app.finish().await;
}
