//! One generation from the job's args to the stored version.

use std::time::Duration;

use atelier_entities::{GenerationMode, ProjectKind, project_files, project_versions, projects};
use atelier_providers::llm::{AppKind, Completion, Effort, GenerationRequest};
use atelier_queue::{JobContext, JobError, LogLevel, Outcome};
use sea_orm::{DbErr, EntityTrait};
use serde_json::json;

use super::{
    Generation, RunGeneration,
    store::{NewVersion, Stored, store},
    stream::{follow, stopped},
};
use crate::{
    check::{self, CheckedApp},
    fault::{Fault, FaultCode},
    file::GeneratedFile,
    parse,
    prompt::{self, Prompt, PromptInput},
};
use atelier_foundation::{credits, identity::is_deactivated};

/// What checking and storing an answer may take.
const AFTER_ANSWER: Duration = Duration::from_secs(30);

/// An application that may be stored, and who wrote it.
struct Written {
    app: CheckedApp,
    summary: String,
    provider: String,
    model: String,
}

/// What is written, and from what.
struct Brief {
    project: projects::Model,
    request: GenerationRequest,
}

impl Generation {
    /// Runs one attempt. A version of an attempt before that died after storing it is
    /// the answer; a project that is gone or whose person may not sign in ends the job.
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
        let Some(mut brief) = self.prepare(&args).await? else {
            return Ok(Outcome::Cancel("the project was deleted".to_owned()));
        };
        if is_deactivated(db, brief.project.user_id).await? {
            return Ok(Outcome::Cancel("the account is deactivated".to_owned()));
        }
        let written = self.write(ctx, &args, &mut brief).await?;
        if ctx.stop().is_cancelled() {
            return Err(stopped());
        }
        ctx.progress(90, "saving", "Saving the application").await;
        let version = self.new_version(ctx, &args, &brief.project, written);
        match store(&self.queue, version).await? {
            Stored::Version(version) => {
                ctx.progress(100, "done", format!("Version {} is ready", version.number)).await;
                Ok(done(&version))
            }
            Stored::ProjectGone => Ok(Outcome::Cancel("the project was deleted".to_owned())),
            Stored::JobEnded => Err(stopped()),
        }
    }

    async fn prepare(&self, args: &RunGeneration) -> Result<Option<Brief>, DbErr> {
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
        Ok(Some(Brief { project, request }))
    }

    async fn load_files(&self, project: &projects::Model, number: i32) -> Result<Vec<GeneratedFile>, DbErr> {
        let db = self.queue.db();
        let Some(version) = project_versions::Entity::find_numbered(project.id, number).one(db).await? else {
            return Ok(Vec::new());
        };
        let rows = project_files::Entity::find_of(version.id).all(db).await?;
        Ok(rows.into_iter().map(GeneratedFile::from).collect())
    }

    /// Has the application written, and sent back with its faults as often as allowed.
    async fn write(
        &self,
        ctx: &JobContext,
        args: &RunGeneration,
        brief: &mut Brief,
    ) -> Result<Written, JobError> {
        let asked = brief.request.messages.len();
        let model = self.model.model(brief.request.effort).to_owned();
        ctx.log(LogLevel::Info, format!("asking {} ({model})", self.model.provider())).await;
        ctx.progress(5, "writing", "Asking for the application").await;
        let mut repairs = 0;
        loop {
            let answer = follow(ctx, self.model.as_ref(), &brief.request, args.mode).await?;
            ctx.progress(75, "checking", "Checking every file").await;
            let text = answer.text.clone();
            let (notes, faults) = match self.examine(answer, brief.project.kind).await? {
                (notes, Ok(written)) => {
                    log_faults(ctx, LogLevel::Info, &notes).await;
                    return Ok(written);
                }
                (notes, Err(faults)) => (notes, faults),
            };
            log_faults(ctx, LogLevel::Info, &notes).await;
            log_faults(ctx, LogLevel::Warning, &faults).await;
            if repairs >= self.options.max_repairs {
                return Err(faulty(&faults));
            }
            if !has_time_for_another(ctx.time_left(), self.options.longest_answer) {
                ctx.log(LogLevel::Warning, "no time is left to have the faults put right").await;
                return Err(faulty(&faults));
            }
            repairs += 1;
            let message = format!("Correcting {} faults, round {repairs}", faults.len());
            ctx.progress(75, "repairing", message).await;
            brief.request.messages.truncate(asked);
            brief.request.messages.extend(prompt::create_repair_messages(&text, &faults));
        }
    }

    /// Parses and checks an answer on a thread of its own: it may be long. Answers the
    /// notes, and the application or its faults.
    async fn examine(
        &self,
        answer: Completion,
        kind: ProjectKind,
    ) -> Result<(Vec<Fault>, Result<Written, Vec<Fault>>), JobError> {
        let limits = self.limits();
        let examined = tokio::task::spawn_blocking(move || {
            let parsed = parse::parse(&answer.text, answer.truncated);
            let (notes, faults): (Vec<_>, Vec<_>) =
                parsed.problems.into_iter().partition(|problem| problem.code.is_note());
            if !faults.is_empty() {
                return (notes, Err(faults));
            }
            let Completion { provider, model, .. } = answer;
            let checked = check::check(parsed.files, limits, kind);
            (notes, checked.map(|app| Written { app, summary: parsed.summary, provider, model }))
        });
        examined.await.map_err(|_| JobError::retry("CHECK_FAILED", "the answer could not be checked"))
    }

    fn new_version(
        &self,
        ctx: &JobContext,
        args: &RunGeneration,
        project: &projects::Model,
        written: Written,
    ) -> NewVersion {
        NewVersion {
            job: ctx.id(),
            project: project.id,
            mode: args.mode,
            prompt: full_request(&project.description, args.prompt.as_ref()),
            provider: written.provider,
            model: written.model,
            summary: written.summary,
            files: written.app.files,
        }
    }
}

/// Whether an answer that takes as long as it may, and what comes after it, still fit in
/// the time that the attempt has left.
fn has_time_for_another(left: Duration, longest_answer: Duration) -> bool {
    left >= longest_answer + AFTER_ANSWER
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
        tracing::info!(job.id = %ctx.id(), %truncated, "the answer was cut off");
    }
    if !faults.is_empty() {
        let lines: Vec<String> = faults.iter().map(|fault| format!("{} {fault}", fault.code)).collect();
        ctx.log(level, lines.join("\n")).await;
    }
}

fn faulty(faults: &[Fault]) -> JobError {
    let faults: Vec<_> = faults
        .iter()
        .map(|fault| {
            json!({"path": fault.path, "line": fault.line, "code": fault.code.as_str(), "message": fault.message})
        })
        .collect();
    JobError::fail("GENERATION_FAULTY", "the model's answer did not pass the checks")
        .with_details(json!({"faults": faults}))
}

/// The description, followed by the prompt.
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
