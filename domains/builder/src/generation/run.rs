//! Runs a generation, from the job's args to the stored version.

use atelier_entities::{
    GenerationMode, ProjectKind, ProjectStack, project_files, project_versions, projects,
};
use atelier_providers::llm::{AppKind, Effort, GenerationRequest, Message};
use atelier_queue::{JobContext, JobError, LogLevel, Outcome};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait};
use serde_json::json;

use super::{
    Generation, RunGeneration,
    store::{NewVersion, Stored, store},
    stream::stopped,
    write::{GeneratedApp, listed},
};
use crate::{
    file::{FileChanges, GeneratedFile},
    prompt::{self, Prompt, PromptInput, derive_stack},
};
use atelier_foundation::{credits, identity::is_deactivated};

/// The project and the request to the model.
pub(super) struct PreparedGeneration {
    pub(super) project: projects::Model,
    pub(super) stack: ProjectStack,
    pub(super) request: GenerationRequest,
    /// The messages that ask for a plan.
    pub(super) plan_messages: Vec<Message>,
    /// The files of the version that is changed.
    pub(super) previous: Vec<GeneratedFile>,
}

impl Generation {
    /// Runs one attempt. If an earlier attempt stored a version and then died, that version
    /// is the result. If the project was deleted or its owner is deactivated, the job is
    /// cancelled.
    pub async fn run(&self, ctx: &JobContext, args: RunGeneration) -> Result<Outcome, JobError> {
        let db = self.queue.db();
        if let Some(version) = project_versions::Entity::find_by_job(ctx.id()).one(db).await? {
            ctx.log(LogLevel::Info, "an earlier attempt had stored the version already").await;
            return Ok(done(&version));
        }
        if credits::is_refunded(db, ctx.id()).await? {
            let message = "the generation ended and was refunded; start another one";
            return Err(JobError::fail("GENERATION_REFUNDED", message));
        }
        ctx.progress(2, "preparing", "Reading the project").await;
        let Some(prepared) = self.prepare(&args).await? else {
            return Ok(Outcome::Cancel("the project was deleted".to_owned()));
        };
        if is_deactivated(db, prepared.project.user_id).await? {
            return Ok(Outcome::Cancel("the account is deactivated".to_owned()));
        }
        let generated = self.write(ctx, &args, &prepared).await?;
        if ctx.stop().is_cancelled() {
            return Err(stopped());
        }
        ctx.progress(90, "saving", "Saving the application").await;
        let version = new_version(ctx, &args, prepared, generated);
        match store(&self.queue, version).await? {
            Stored::Version(version) => {
                ctx.progress(100, "done", format!("Version {} is ready", version.number)).await;
                Ok(done(&version))
            }
            Stored::ProjectGone => Ok(Outcome::Cancel("the project was deleted".to_owned())),
            Stored::JobEnded => Err(stopped()),
        }
    }

    async fn prepare(&self, args: &RunGeneration) -> Result<Option<PreparedGeneration>, DbErr> {
        let db = self.queue.db();
        let Some(project) = projects::Entity::find_by_id(args.project_id).one(db).await? else {
            return Ok(None);
        };
        let previous = load_previous(db, &project, args).await?;
        let stack = stack_of(&project, args, &previous);
        let shown_bytes = prompt::shown_bytes(self.model.smallest_context_tokens());
        let input = self.input(&project, args, &previous, shown_bytes);
        let plan_messages = prompt::create_plan_messages(&input);
        let request = GenerationRequest {
            title: project.title.clone(),
            kind: app_kind(project.kind),
            description: full_request(&project.description, args.prompt.as_ref()),
            effort: effort(args.mode),
            messages: prompt::create_messages(&input),
            previous_files: previous.iter().map(|file| (file.path.clone(), file.content.clone())).collect(),
        };
        Ok(Some(PreparedGeneration { project, stack, request, plan_messages, previous }))
    }

    /// The input of the messages about a project.
    fn input<'a>(
        &self,
        project: &'a projects::Model,
        args: &'a RunGeneration,
        previous_files: &'a [GeneratedFile],
        shown_bytes: usize,
    ) -> PromptInput<'a> {
        PromptInput {
            title: &project.title,
            kind: project.kind,
            stack: stack_of(project, args, previous_files),
            mode: args.mode,
            description: &project.description,
            prompt: args.prompt.as_ref().map(Prompt::as_str),
            previous_files,
            shown_bytes,
            limits: self.limits(),
        }
    }

    /// The tokens that a generation needs at least: its files are only outlined.
    pub(super) async fn least_tokens(
        &self,
        project: &projects::Model,
        args: &RunGeneration,
    ) -> Result<u64, DbErr> {
        let previous = load_previous(self.queue.db(), project, args).await?;
        Ok(prompt::needed_tokens(&prompt::create_messages(&self.input(project, args, &previous, 0))))
    }
}

/// The files of the version that a prompt changes; none without a prompt.
async fn load_previous(
    db: &impl ConnectionTrait,
    project: &projects::Model,
    args: &RunGeneration,
) -> Result<Vec<GeneratedFile>, DbErr> {
    let (Some(_), Some(number)) = (&args.prompt, project.current_version) else { return Ok(Vec::new()) };
    let Some(version) = project_versions::Entity::find_numbered(project.id, number).one(db).await? else {
        return Ok(Vec::new());
    };
    let rows = project_files::Entity::find_of(version.id).all(db).await?;
    Ok(rows.into_iter().map(GeneratedFile::from).collect())
}

fn stack_of(project: &projects::Model, args: &RunGeneration, previous: &[GeneratedFile]) -> ProjectStack {
    let request = || full_request(&project.description, args.prompt.as_ref());
    args.stack.unwrap_or_else(|| derive_stack(project.kind, &request(), previous))
}

fn new_version(
    ctx: &JobContext,
    args: &RunGeneration,
    prepared: PreparedGeneration,
    generated: GeneratedApp,
) -> NewVersion {
    let PreparedGeneration { project, stack, previous, .. } = prepared;
    let changes = FileChanges::between(&previous, &generated.app.files);
    NewVersion {
        job: ctx.id(),
        project: project.id,
        mode: args.mode,
        stack,
        prompt: full_request(&project.description, args.prompt.as_ref()),
        provider: generated.provider,
        model: generated.model,
        summary: generated.summary,
        plan: generated.plan,
        notes: listed(&generated.notes),
        changes: serde_json::to_value(changes).unwrap_or_default(),
        files: generated.app.files,
    }
}

fn done(version: &project_versions::Model) -> Outcome {
    Outcome::Done(json!({
        "project_id": version.project_id,
        "version": version.number,
        "files": version.file_count,
        "bytes": version.total_bytes,
        "provider": version.provider,
        "model": version.model,
    }))
}

/// The description and the prompt.
fn full_request(description: &str, prompt: Option<&Prompt>) -> String {
    match prompt.map(Prompt::as_str) {
        Some(prompt) if description.is_empty() => prompt.to_owned(),
        Some(prompt) => format!("{description}\n\n{prompt}"),
        None => description.to_owned(),
    }
}

fn effort(mode: GenerationMode) -> Effort {
    match mode {
        GenerationMode::Quick => Effort::Quick,
        GenerationMode::Advanced => Effort::Advanced,
    }
}

fn app_kind(kind: ProjectKind) -> AppKind {
    match kind {
        ProjectKind::WebApp => AppKind::WebApp,
        ProjectKind::MobileApp => AppKind::MobileApp,
        ProjectKind::Api => AppKind::Api,
        ProjectKind::LandingPage => AppKind::LandingPage,
    }
}

#[cfg(test)]
mod tests;
