//! A builder on a foundation of its own, with a scripted model.

use atelier_foundation::testing::acting;
use std::{ops::Deref, sync::Arc, time::Duration};

use atelier_entities::{GenerationMode, JobId, ProjectId, UserId, jobs, project_versions, projects};
use atelier_foundation::{
    Foundation, FoundationOptions, Ports,
    testing::{self as foundation, Assembled, effects_of, registry_of},
};
use atelier_providers::{
    llm::fake::{ScriptedAnswer, ScriptedModel},
    mail::fake::ScriptedMailer,
};
use atelier_queue::Queue;

use crate::{
    Builder, BuilderOptions, Deps, GenerationOptions,
    file::GeneratedFile,
    generation::{GenerationInput, store_for_tests},
};

/// An answer that is an application.
pub const GOOD_ANSWER: &str = "A small reading list.\n\n\
    ```html path=index.html\n<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <title>Books</title>\n<link rel=\"stylesheet\" href=\"styles.css\">\n</head>\n\
    <body>\n<h1>Books</h1>\n</body>\n</html>\n```\n\n\
    ```css path=styles.css\nh1 { color: teal; }\n```\n";

/// An answer whose style sheet is broken.
pub const BAD_ANSWER: &str = "Here.\n\n```html path=index.html\n<!doctype html>\n<html lang=\"en\">\n\
    <head><title>Books</title></head>\n<body><h1>Books</h1></body>\n</html>\n```\n\n\
    ```json path=data.json\n{\"a\": \n```\n";

/// Settings of the builder and its foundation.
#[derive(Clone, Debug)]
pub struct Options {
    /// Of the foundation.
    pub foundation: FoundationOptions,
    /// Of the builder.
    pub builder: BuilderOptions,
}

/// Settings that suit tests.
#[must_use]
pub fn options() -> Options {
    let foundation = foundation::options();
    let builder = BuilderOptions {
        generation: GenerationOptions {
            max_repairs: 1,
            longest_answer: Duration::from_secs(300),
            max_files: 50,
            max_file_bytes: 100_000,
            max_total_bytes: 1_000_000,
            max_versions: 100,
        },
        credits: foundation.credits,
        public_url: "https://atelier.example".to_owned(),
    };
    Options { foundation, builder }
}

/// A builder and its foundation.
#[derive(Clone, Debug)]
pub struct Both {
    /// The job machine.
    pub queue: Queue,
    /// The foundation.
    pub foundation: Foundation,
    /// The builder.
    pub builder: Builder,
}

/// The services `S`, with a builder among them, at work.
pub struct Bench<S = Both> {
    /// Answers by a script.
    pub model: Arc<ScriptedModel>,
    builder: Builder,
    bench: foundation::Bench<S>,
}

impl<S> Deref for Bench<S> {
    type Target = foundation::Bench<S>;

    fn deref(&self) -> &Self::Target {
        &self.bench
    }
}

impl Bench {
    /// One with the settings of [`options`].
    pub async fn new() -> Self {
        Self::with_script([]).await
    }

    /// One whose model answers by a script.
    pub async fn with_script(script: impl IntoIterator<Item = ScriptedAnswer>) -> Self {
        Self::with(ScriptedModel::new(script), options()).await
    }

    /// One with other settings.
    pub async fn with_options(options: Options) -> Self {
        Self::with(ScriptedModel::new([]), options).await
    }

    /// One with another model and other settings.
    pub async fn with(model: ScriptedModel, options: Options) -> Self {
        let modules = [
            atelier_foundation::module().within(|all: &Both| &all.foundation),
            crate::module(&options.builder.public_url).within(|all: &Both| &all.builder),
        ];
        let (model, mailer) = (Arc::new(model), ScriptedMailer::new([]));
        let writer = model.clone();
        let bench = foundation::Bench::assemble(mailer, effects_of(&modules), |queue, deps| {
            let objects = deps.objects.clone();
            let foundation = Foundation::new(queue.clone(), deps, options.foundation, Ports::of(&modules));
            let builder = Builder::new(&foundation, Deps { model: writer, objects }, options.builder);
            let services = Both { queue, foundation: foundation.clone(), builder };
            let registry = registry_of(&modules, &services);
            Assembled { services, foundation, registry }
        })
        .await;
        let builder = bench.services.builder.clone();
        Self::on(bench, builder, model)
    }
}

impl<S> Bench<S> {
    /// A bench of services that have this builder among them.
    #[must_use]
    pub fn on(bench: foundation::Bench<S>, builder: Builder, model: Arc<ScriptedModel>) -> Self {
        Self { model, builder, bench }
    }

    /// Asks for a quick generation.
    pub async fn generate(&self, user: UserId, project: ProjectId, prompt: Option<&str>) -> jobs::Model {
        let input = GenerationInput { mode: GenerationMode::Quick, prompt: prompt.map(str::to_owned) };
        self.builder.generation.start(&acting(user), project, input).await.expect("started")
    }

    /// Stores a version of no job of the queue.
    pub async fn store_version(
        &self,
        project: &projects::Model,
        number: i32,
        files: &[(&str, &str)],
    ) -> project_versions::Model {
        let files = files.iter().map(|(path, content)| GeneratedFile::new(path, content)).collect();
        let version = store_for_tests(self.queue(), project.id, JobId::new(), files).await;
        assert_eq!(version.number, number);
        version
    }

    /// Stores the version of a job whose worker died then.
    pub async fn store_version_of(&self, job: &jobs::Model, project: ProjectId) {
        let files = vec![GeneratedFile::new("index.html", "<p>saved before</p>")];
        store_for_tests(self.queue(), project, job.id, files).await;
    }
}
