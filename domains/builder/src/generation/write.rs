//! Writes an application: the plan, its parts, and the repair of faults.

use std::time::Duration;

use atelier_entities::{GenerationMode, ProjectKind};
use atelier_providers::llm::{Completion, GenerationRequest, Message};
use atelier_queue::{JobContext, JobError, LogLevel};
use serde_json::{Value, json};

use super::{
    Generation, RunGeneration,
    draft::{Draft, Taken},
    ledger::Ledger,
    plan::Plan,
    run::PreparedGeneration,
    stream::follow,
};
use crate::{
    check::{self, CheckedApp, MAX_FAULTS},
    fault::{Fault, FaultCode},
    file::GeneratedFile,
    parse,
    prompt::{self, Repair},
    react,
};

/// Time for checking and storing a completion.
const AFTER_COMPLETION: Duration = Duration::from_secs(30);

/// An application that passed the checks, and the model that wrote it.
pub(super) struct GeneratedApp {
    pub(super) app: CheckedApp,
    pub(super) summary: String,
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) plan: Option<Value>,
    pub(super) notes: Vec<Fault>,
}

/// A generation on its way.
struct Writing<'a> {
    ctx: &'a JobContext,
    args: &'a RunGeneration,
    prepared: &'a PreparedGeneration,
    draft: Draft,
    notes: Vec<Fault>,
    repairs: u32,
    /// The model of the last answer.
    author: (String, String),
}

/// An answer to be looked at.
struct Answer {
    text: String,
    truncated: bool,
    /// Whether no part of the application follows.
    is_last: bool,
}

impl Generation {
    /// Asks the model for the application, and sends completions with faults back, up to
    /// the maximum number of repairs.
    pub(super) async fn write(
        &self,
        ctx: &JobContext,
        args: &RunGeneration,
        prepared: &PreparedGeneration,
    ) -> Result<GeneratedApp, JobError> {
        let model = self.model.model(prepared.request.effort).to_owned();
        ctx.log(LogLevel::Info, format!("asking {} ({model})", self.model.provider())).await;
        if ctx.attempt() > 1 {
            let restarted = json!({"provider": self.model.provider(), "model": model, "kept_files": []});
            ctx.event("restarted", &restarted).await;
        }
        let mut writing = Writing {
            ctx,
            args,
            prepared,
            draft: Draft::new(prepared.previous.clone()),
            notes: Vec::new(),
            repairs: 0,
            author: (self.model.provider().to_owned(), model),
        };
        let plan = self.plan(&writing).await?;
        ctx.progress(5, "writing", "Asking for the application").await;
        let groups = plan.as_ref().map_or_else(|| vec![Vec::new()], Plan::groups);
        let mut app = None;
        for (index, group) in groups.iter().enumerate() {
            if index > 0 && !has_time_for_another(ctx.time_left(), self.options.max_completion_time) {
                let fault = Fault::new(FaultCode::Truncated, "no time was left to write every planned file");
                return Err(checks_failed(&[fault]));
            }
            let messages = self.messages_of(&writing, plan.as_ref(), group);
            app = self.write_part(&mut writing, messages, index + 1 == groups.len()).await?;
        }
        let app = app.ok_or_else(|| JobError::retry("CHECK_FAILED", "the answer could not be checked"))?;
        log_faults(ctx, LogLevel::Info, &app.notes).await;
        let Writing { draft, mut notes, author: (provider, model), .. } = writing;
        notes.extend(app.notes.iter().cloned());
        notes.truncate(MAX_FAULTS);
        let plan = plan.and_then(|plan| serde_json::to_value(plan).ok());
        Ok(GeneratedApp { app, summary: draft.summary().to_owned(), provider, model, plan, notes })
    }

    /// Asks for the plan of a new advanced application, and tells it. An answer without a plan
    /// costs no more than its tokens: the application is written without one.
    async fn plan(&self, writing: &Writing<'_>) -> Result<Option<Plan>, JobError> {
        let Writing { ctx, args, prepared, .. } = *writing;
        let is_new = prepared.previous.is_empty();
        if args.mode != GenerationMode::Advanced || !is_new || !self.model.can_plan() {
            return Ok(None);
        }
        ctx.progress(3, "planning", "Planning the application").await;
        let completion = self.ask(writing, prepared.plan_messages.clone(), "planning").await?;
        let plan = Plan::read(&completion.text);
        match &plan {
            Some(plan) => {
                ctx.event("plan", &serde_json::to_value(plan).unwrap_or_default()).await;
            }
            None => ctx.log(LogLevel::Warning, "the model gave no plan; it writes without one").await,
        }
        Ok(plan)
    }

    /// The messages that ask for a part of the application.
    fn messages_of(&self, writing: &Writing<'_>, plan: Option<&Plan>, group: &[String]) -> Vec<Message> {
        let mut messages = writing.prepared.request.messages.clone();
        let plan = plan.and_then(|plan| serde_json::to_string(plan).ok());
        if let (Some(plan), Some(last)) = (plan, messages.last_mut()) {
            let shown = prompt::shown_bytes(self.model.smallest_context_tokens());
            last.content += &prompt::planned_part(&plan, writing.draft.files(), group, shown);
        }
        messages
    }

    /// Asks for one part until it has no faults. The last part is the whole application, which
    /// is checked across its files.
    async fn write_part(
        &self,
        writing: &mut Writing<'_>,
        mut messages: Vec<Message>,
        is_last: bool,
    ) -> Result<Option<CheckedApp>, JobError> {
        let asked = messages.len();
        let ctx = writing.ctx;
        loop {
            let Completion { text, truncated, provider, model, .. } =
                self.ask(writing, messages.clone(), "writing").await?;
            writing.author = (provider, model);
            ctx.progress(75, "checking", "Checking every file").await;
            let answer = Answer { text: text.clone(), truncated, is_last };
            let faults = match self.examine(writing, answer).await? {
                Ok(app) => return Ok(app),
                Err(faults) => faults,
            };
            log_faults(ctx, LogLevel::Warning, &faults).await;
            if writing.repairs >= self.options.max_repairs {
                return Err(checks_failed(&faults));
            }
            if !has_time_for_another(ctx.time_left(), self.options.max_completion_time) {
                ctx.log(LogLevel::Warning, "no time is left to have the faults put right").await;
                return Err(checks_failed(&faults));
            }
            writing.repairs += 1;
            let message = format!("Correcting {} faults, round {}", faults.len(), writing.repairs);
            ctx.progress(75, "repairing", message).await;
            writing.draft.settle(&faults);
            let (kept, shown) = writing.draft.split(&faults);
            let whole = writing.draft.refused();
            let repair = Repair { kept: &kept, shown: &shown, whole: &whole };
            messages.truncate(asked);
            messages.extend(prompt::create_repair_messages(&text, &faults, repair));
        }
    }

    /// Makes one request to the model. What it cost is stored however it ends.
    async fn ask(
        &self,
        writing: &Writing<'_>,
        messages: Vec<Message>,
        stage: &'static str,
    ) -> Result<Completion, JobError> {
        let Writing { ctx, args, prepared, .. } = *writing;
        let request = GenerationRequest { messages, ..prepared.request.clone() };
        let ledger = Ledger::default();
        let followed = follow(ctx, self.model.as_ref(), &request, (args.mode, stage), &ledger).await;
        ledger.store(self.queue.db(), ctx.id(), prepared.project.id, ctx.queue().now()).await;
        followed
    }

    /// Takes an answer over and checks the whole, on a blocking thread, since it may be long.
    /// Returns the application once its last part is there, or the faults.
    async fn examine(
        &self,
        writing: &mut Writing<'_>,
        answer: Answer,
    ) -> Result<Result<Option<CheckedApp>, Vec<Fault>>, JobError> {
        let (limits, kind) = (self.limits(), writing.prepared.project.kind);
        let draft = std::mem::take(&mut writing.draft);
        let examined = tokio::task::spawn_blocking(move || examine(draft, &answer, limits, kind)).await;
        let failed = |_| JobError::retry("CHECK_FAILED", "the answer could not be checked");
        let (draft, notes, result) = examined.map_err(failed)?;
        writing.draft = draft;
        log_faults(writing.ctx, LogLevel::Info, &notes).await;
        writing.notes.extend(notes);
        writing.notes.truncate(MAX_FAULTS);
        Ok(result)
    }
}

type Examined = (Draft, Vec<Fault>, Result<Option<CheckedApp>, Vec<Fault>>);

fn examine(mut draft: Draft, answer: &Answer, limits: check::Limits, kind: ProjectKind) -> Examined {
    let Taken { notes, faults } = draft.take(parse::parse(&answer.text, answer.truncated));
    if !faults.is_empty() {
        return (draft, notes, Err(faults));
    }
    if !answer.is_last {
        return (draft, notes, Ok(None));
    }
    let faults = match check_whole(draft.files().to_vec(), limits, kind) {
        Ok(app) => return (draft, notes, Ok(Some(app))),
        Err(faults) => faults,
    };
    // A repair may leave a file out that had a fault, if the others stand without it.
    if let Some(rest) = draft.without_abandoned(&faults)
        && let Ok(app) = check_whole(rest.clone(), limits, kind)
    {
        draft.set(rest);
        return (draft, notes, Ok(Some(app)));
    }
    (draft, notes, Err(faults))
}

/// Checks the files, and compiles a React application.
fn check_whole(
    files: Vec<GeneratedFile>,
    limits: check::Limits,
    kind: ProjectKind,
) -> Result<CheckedApp, Vec<Fault>> {
    let app = check::check(files, limits, kind)?;
    let faults = react::list_faults(&app.files);
    if faults.is_empty() { Ok(app) } else { Err(faults) }
}

/// Whether the time left suffices for another completion and for storing it.
pub(super) fn has_time_for_another(left: Duration, max_completion_time: Duration) -> bool {
    left >= max_completion_time + AFTER_COMPLETION
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
    JobError::fail("GENERATION_FAULTY", "the model's answer did not pass the checks")
        .with_details(json!({"faults": listed(faults)}))
}

/// Faults or notes as JSON, as they are shown and stored: at most [`MAX_FAULTS`].
pub(super) fn listed(faults: &[Fault]) -> Value {
    let all = faults.iter().take(MAX_FAULTS).map(|fault| {
        json!({
            "path": fault.path,
            "line": fault.line,
            "code": fault.code.as_str(),
            "message": fault.message,
            "hint": fault.hint,
        })
    });
    all.collect()
}

#[cfg(test)]
mod tests;
