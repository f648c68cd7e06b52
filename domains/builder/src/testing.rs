//! A fixture for the builder, with its own foundation and a scripted model.

use atelier_foundation::testing::acting;
use std::{ops::Deref, sync::Arc, time::Duration};

use atelier_entities::{GenerationMode, JobId, ProjectId, UserId, jobs, project_versions, projects};
use atelier_foundation::{
    Foundation, FoundationOptions, Ports,
    testing::{self as foundation, Assembled, effects_of, registry_of},
};
use atelier_providers::{
    llm::fake::{ScriptedCompletion, ScriptedModel},
    mail::fake::ScriptedMailer,
};
use atelier_queue::Queue;

use crate::{
    Builder, BuilderOptions, Deps, GenerationOptions, ModuleOptions,
    file::GeneratedFile,
    generation::{GenerationInput, store_for_tests},
};

/// A completion with a valid application.
pub const GOOD_COMPLETION: &str = "A small reading list.\n\n\
    ```html path=index.html\n<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <title>Books</title>\n<link rel=\"stylesheet\" href=\"styles.css\">\n</head>\n\
    <body>\n<h1>Books</h1>\n</body>\n</html>\n```\n\n\
    ```css path=styles.css\nh1 { color: teal; }\n```\n";

/// A completion with an invalid JSON file.
pub const BAD_COMPLETION: &str = "Here.\n\n```html path=index.html\n<!doctype html>\n<html lang=\"en\">\n\
    <head><title>Books</title></head>\n<body><h1>Books</h1></body>\n</html>\n```\n\n\
    ```json path=data.json\n{\"a\": \n```\n";

/// Settings of the builder and its foundation.
#[derive(Clone, Debug)]
pub struct Options {
    /// The foundation's.
    pub foundation: FoundationOptions,
    /// The builder's.
    pub builder: BuilderOptions,
}

/// Settings for tests.
#[must_use]
pub fn options() -> Options {
    let foundation = foundation::options();
    let builder = BuilderOptions {
        generation: GenerationOptions {
            max_repairs: 1,
            max_completion_time: Duration::from_secs(300),
            max_files: 50,
            max_file_bytes: 100_000,
            max_total_bytes: 1_000_000,
            max_versions: 100,
        },
        credits: foundation.credits,
        public_url: "https://atelier.example".to_owned(),
        preview_url: String::new(),
    };
    Options { foundation, builder }
}

/// A builder and its foundation.
#[derive(Clone, Debug)]
pub struct FixtureServices {
    /// The job queue.
    pub queue: Queue,
    /// The foundation.
    pub foundation: Foundation,
    /// The builder.
    pub builder: Builder,
}

/// A fixture with the services `S`, which include a builder.
pub struct Fixture<S = FixtureServices> {
    /// The scripted model.
    pub model: Arc<ScriptedModel>,
    builder: Builder,
    fixture: foundation::Fixture<S>,
}

impl<S> Deref for Fixture<S> {
    type Target = foundation::Fixture<S>;

    fn deref(&self) -> &Self::Target {
        &self.fixture
    }
}

impl Fixture {
    /// A fixture with the settings of [`options`].
    pub async fn new() -> Self {
        Self::with_script([]).await
    }

    /// A fixture with a scripted model.
    pub async fn with_script(script: impl IntoIterator<Item = ScriptedCompletion>) -> Self {
        Self::with(ScriptedModel::new(script), options()).await
    }

    /// A fixture with other settings.
    pub async fn with_options(options: Options) -> Self {
        Self::with(ScriptedModel::new([]), options).await
    }

    /// A fixture with another model and other settings.
    pub async fn with(model: ScriptedModel, options: Options) -> Self {
        let modules = [
            atelier_foundation::module().within(|all: &FixtureServices| &all.foundation),
            crate::module(&ModuleOptions::of(&options.builder, options.foundation.max_projects))
                .within(|all: &FixtureServices| &all.builder),
        ];
        let (model, mailer) = (Arc::new(model), ScriptedMailer::new([]));
        let writer = model.clone();
        let fixture = foundation::Fixture::assemble(mailer, effects_of(&modules), |queue, deps| {
            let objects = deps.objects.clone();
            let foundation = Foundation::new(queue.clone(), deps, options.foundation, Ports::of(&modules));
            let builder = Builder::new(&foundation, Deps { model: writer, objects }, options.builder);
            let services = FixtureServices { queue, foundation: foundation.clone(), builder };
            let registry = registry_of(&modules, &services);
            Assembled { services, foundation, registry }
        })
        .await;
        let builder = fixture.services.builder.clone();
        Self::on(fixture, builder, model)
    }
}

impl<S> Fixture<S> {
    /// A fixture of services that include this builder.
    #[must_use]
    pub fn on(fixture: foundation::Fixture<S>, builder: Builder, model: Arc<ScriptedModel>) -> Self {
        Self { model, builder, fixture }
    }

    /// Starts a quick generation.
    pub async fn generate(&self, user: UserId, project: ProjectId, prompt: Option<&str>) -> jobs::Model {
        let prompt = prompt.map(str::to_owned);
        let input = GenerationInput { mode: GenerationMode::Quick, prompt, stack: None };
        self.builder.generation.start(&acting(user), project, input).await.expect("started")
    }

    /// Stores a version without a job in the queue.
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

    /// Stores the version of a job whose worker then died.
    pub async fn store_version_of(&self, job: &jobs::Model, project: ProjectId) {
        let files = vec![GeneratedFile::new("index.html", "<p>saved before</p>")];
        store_for_tests(self.queue(), project, job.id, files).await;
    }
}
