//! Runs a generation, from the job's args to the stored version.

use std::time::Duration;

use atelier_entities::{GenerationMode, ProjectKind, project_files, project_versions, projects};
use atelier_providers::llm::{AppKind, Completion, Effort, GenerationRequest};
use atelier_queue::{JobContext, JobError, LogLevel, Outcome};
use sea_orm::{DbErr, EntityTrait};
use serde_json::json;

use super::{
    Generation, RunGeneration,
    ledger::Ledger,
    store::{NewVersion, Stored, store},
    stream::{follow, stopped},
};
use crate::{
    check::{self, CheckedApp},
    fault::{Fault, FaultCode},
    file::GeneratedFile,
    parse,
    prompt::{self, Prompt, PromptInput},
    react,
};
use atelier_foundation::{credits, identity::is_deactivated};

/// Time for checking and storing a completion.
const AFTER_COMPLETION: Duration = Duration::from_secs(30);

/// An application that passed the checks, and the model that wrote it.
struct GeneratedApp {
    app: CheckedApp,
    summary: String,
    provider: String,
    model: String,
}

/// The project and the request to the model.
struct PreparedGeneration {
    project: projects::Model,
    request: GenerationRequest,
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
        let Some(mut prepared) = self.prepare(&args).await? else {
            return Ok(Outcome::Cancel("the project was deleted".to_owned()));
        };
        if is_deactivated(db, prepared.project.user_id).await? {
            return Ok(Outcome::Cancel("the account is deactivated".to_owned()));
        }
        let generated = self.write(ctx, &args, &mut prepared).await?;
        if ctx.stop().is_cancelled() {
            return Err(stopped());
        }
        ctx.progress(90, "saving", "Saving the application").await;
        let version = self.new_version(ctx, &args, &prepared.project, generated);
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
        let previous = match (&args.prompt, project.current_version) {
            (Some(_), Some(number)) => self.load_files(&project, number).await?,
            _ => Vec::new(),
        };
        let messages = prompt::create_messages(&PromptInput {
            title: &project.title,
            kind: project.kind,
            mode: args.mode,
            description: &project.description,
            prompt: args.prompt.as_ref().map(Prompt::as_str),
            previous_files: &previous,
            limits: self.limits(),
        });
        let request = GenerationRequest {
            title: project.title.clone(),
            kind: app_kind(project.kind),
            description: full_request(&project.description, args.prompt.as_ref()),
            effort: effort(args.mode),
            messages,
            previous_files: previous.into_iter().map(|file| (file.path, file.content)).collect(),
        };
        Ok(Some(PreparedGeneration { project, request }))
    }

    async fn load_files(&self, project: &projects::Model, number: i32) -> Result<Vec<GeneratedFile>, DbErr> {
        let db = self.queue.db();
        let Some(version) = project_versions::Entity::find_numbered(project.id, number).one(db).await? else {
            return Ok(Vec::new());
        };
        let rows = project_files::Entity::find_of(version.id).all(db).await?;
        Ok(rows.into_iter().map(GeneratedFile::from).collect())
    }

    /// Asks the model for the application, and sends completions with faults back, up to
    /// the maximum number of repairs.
    async fn write(
        &self,
        ctx: &JobContext,
        args: &RunGeneration,
        prepared: &mut PreparedGeneration,
    ) -> Result<GeneratedApp, JobError> {
        let asked = prepared.request.messages.len();
        let model = self.model.model(prepared.request.effort).to_owned();
        ctx.log(LogLevel::Info, format!("asking {} ({model})", self.model.provider())).await;
        ctx.progress(5, "writing", "Asking for the application").await;
        let mut repairs = 0;
        loop {
            let ledger = Ledger::default();
            let followed = follow(ctx, self.model.as_ref(), &prepared.request, args.mode, &ledger).await;
            ledger.store(self.queue.db(), ctx.id(), prepared.project.id, ctx.queue().now()).await;
            let completion = followed?;
            ctx.progress(75, "checking", "Checking every file").await;
            let text = completion.text.clone();
            let (notes, faults) = match self.examine(completion, prepared.project.kind).await? {
                (notes, Ok(generated)) => {
                    log_faults(ctx, LogLevel::Info, &notes).await;
                    return Ok(generated);
                }
                (notes, Err(faults)) => (notes, faults),
            };
            log_faults(ctx, LogLevel::Info, &notes).await;
            log_faults(ctx, LogLevel::Warning, &faults).await;
            if repairs >= self.options.max_repairs {
                return Err(checks_failed(&faults));
            }
            if !has_time_for_another(ctx.time_left(), self.options.max_completion_time) {
                ctx.log(LogLevel::Warning, "no time is left to have the faults put right").await;
                return Err(checks_failed(&faults));
            }
            repairs += 1;
            let message = format!("Correcting {} faults, round {repairs}", faults.len());
            ctx.progress(75, "repairing", message).await;
            prepared.request.messages.truncate(asked);
            prepared.request.messages.extend(prompt::create_repair_messages(&text, &faults));
        }
    }

    /// Parses and checks a completion on a blocking thread, since it may be long. Returns
    /// the notes, and the application or its faults.
    async fn examine(
        &self,
        completion: Completion,
        kind: ProjectKind,
    ) -> Result<(Vec<Fault>, Result<GeneratedApp, Vec<Fault>>), JobError> {
        let limits = self.limits();
        let examined = tokio::task::spawn_blocking(move || {
            let parsed = parse::parse(&completion.text, completion.truncated).with_whole_files_only();
            let (notes, faults): (Vec<_>, Vec<_>) =
                parsed.problems.into_iter().partition(|problem| problem.code.is_note());
            if !faults.is_empty() {
                return (notes, Err(faults));
            }
            let Completion { provider, model, .. } = completion;
            let checked = check::check(parsed.files, limits, kind).and_then(|app| {
                let faults = react::list_faults(&app.files);
                if faults.is_empty() { Ok(app) } else { Err(faults) }
            });
            (notes, checked.map(|app| GeneratedApp { app, summary: parsed.summary, provider, model }))
        });
        examined.await.map_err(|_| JobError::retry("CHECK_FAILED", "the answer could not be checked"))
    }

    fn new_version(
        &self,
        ctx: &JobContext,
        args: &RunGeneration,
        project: &projects::Model,
        generated: GeneratedApp,
    ) -> NewVersion {
        NewVersion {
            job: ctx.id(),
            project: project.id,
            mode: args.mode,
            prompt: full_request(&project.description, args.prompt.as_ref()),
            provider: generated.provider,
            model: generated.model,
            summary: generated.summary,
            files: generated.app.files,
        }
    }
}

/// Whether the time left suffices for another completion and for storing it.
fn has_time_for_another(left: Duration, max_completion_time: Duration) -> bool {
    left >= max_completion_time + AFTER_COMPLETION
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

async fn log_faults(ctx: &JobContext, level: LogLevel, faults: &[Fault]) {
    if let Some(truncated) = faults.iter().find(|fault| fault.code == FaultCode::Truncated) {
        tracing::info!(job.id = %ctx.id(), %truncated, "the completion was cut off");
    }
    if !faults.is_empty() {
        let lines: Vec<String> = faults.iter().map(|fault| format!("{} {fault}", fault.code)).collect();
        ctx.log(level, lines.join("\n")).await;
    }
}

fn checks_failed(faults: &[Fault]) -> JobError {
    let faults: Vec<_> = faults
        .iter()
        .map(|fault| {
            json!({"path": fault.path, "line": fault.line, "code": fault.code.as_str(), "message": fault.message})
        })
        .collect();
    JobError::fail("GENERATION_FAULTY", "the model's answer did not pass the checks")
        .with_details(json!({"faults": faults}))
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
