//! The messages of a project: what the person asked for, and what each message changed.

use std::collections::HashMap;

use atelier_entities::{
    JobId, ProjectId, ProjectMessageId, jobs, project_messages, project_versions, projects,
};
use atelier_foundation::{Actor, Page, paging::fetch};
use atelier_queue::{EndedJob, Transaction};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use serde_json::Value;

use super::{Generation, GenerationError, RunGeneration};
use crate::prompt::Prompt;

/// A message with the version that it led to.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectMessage {
    /// The message.
    pub message: project_messages::Model,
    /// The version; none while the generation runs and where it failed.
    pub version: Option<project_versions::Model>,
}

impl Generation {
    /// The messages of the actor's project, newest first, and their number, up to
    /// [`COUNT_LIMIT`](atelier_foundation::COUNT_LIMIT).
    ///
    /// # Errors
    /// If there is no such project, or the database fails.
    pub async fn list_messages(
        &self,
        actor: &Actor,
        project: ProjectId,
        page: Page,
    ) -> Result<(Vec<ProjectMessage>, u64), GenerationError> {
        let user = actor.person()?;
        let db = self.queue.db();
        let own = projects::Entity::find_owned_by_id(user, project).one(db).await?;
        own.ok_or(GenerationError::NotFound)?;
        let rows = project_messages::Entity::find_of(project).order_by_desc(project_messages::Column::Id);
        let (messages, total) = fetch(db, rows, page).await?;
        let jobs = messages.iter().map(|message| message.job_id);
        let versions = project_versions::Entity::find().filter(project_versions::Column::JobId.is_in(jobs));
        let versions = versions.all(db).await?.into_iter();
        let mut versions: HashMap<JobId, project_versions::Model> =
            versions.filter_map(|version| Some((version.job_id?, version))).collect();
        let listed = messages.into_iter().map(|message| {
            let version = versions.remove(&message.job_id);
            ProjectMessage { message, version }
        });
        Ok((listed.collect(), total))
    }
}

/// Stores the message that starts a generation: the prompt, or the project's description.
pub(super) async fn insert(tx: &Transaction, job: &jobs::Model, args: &RunGeneration) -> Result<(), DbErr> {
    let text = match &args.prompt {
        Some(prompt) => Prompt::as_str(prompt).to_owned(),
        None => {
            let description: Option<String> = projects::Entity::find_by_id(args.project_id)
                .select_only()
                .column(projects::Column::Description)
                .into_tuple()
                .one(&**tx)
                .await?;
            description.unwrap_or_default()
        }
    };
    let row = project_messages::ActiveModel {
        id: Set(ProjectMessageId::new()),
        project_id: Set(args.project_id),
        job_id: Set(job.id),
        mode: Set(args.mode),
        text: Set(text),
        failure: Set(None),
        created_at: Set(tx.now()),
    };
    row.insert(&**tx).await?;
    Ok(())
}

/// Notes with the message why its generation gave no version.
pub(super) async fn fail(tx: &Transaction, job: &EndedJob) -> Result<(), DbErr> {
    let reason = job.error.as_ref().and_then(|error| error.get("message")).and_then(Value::as_str);
    let reason = reason.map_or_else(|| format!("the generation is {}", job.state), str::to_owned);
    project_messages::Entity::update_many()
        .col_expr(project_messages::Column::Failure, Expr::value(reason))
        .filter(project_messages::Column::JobId.eq(job.id))
        .exec(&**tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use atelier_entities::ProjectKind;
    use atelier_foundation::testing::acting;
    use atelier_providers::llm::fake::ScriptedCompletion;

    use super::*;
    use crate::testing::{BAD_COMPLETION, Fixture, GOOD_COMPLETION};

    const PAGE: Page = Page { number: 1, size: 10 };

    #[tokio::test]
    async fn each_message_tells_what_it_changed_or_why_nothing() {
        let bad = || ScriptedCompletion::Text(BAD_COMPLETION.to_owned());
        let good = ScriptedCompletion::Text(GOOD_COMPLETION.to_owned());
        let fixture = Fixture::with_script([good, bad(), bad()]).await;
        let ada = fixture.register("ada@example.org").await;
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        fixture.generate(ada.id, project.id, None).await;
        fixture.work().await;
        fixture.generate(ada.id, project.id, Some("Add a shelf")).await;
        let generation = &fixture.services.builder.generation;
        let waiting = generation.list_messages(&acting(ada.id), project.id, PAGE).await.expect("listed").0;
        assert_eq!((waiting[0].message.text.as_str(), &waiting[0].version), ("Add a shelf", &None));
        assert_eq!(waiting[0].message.failure, None, "the message is there before its answer");

        fixture.work().await;

        let (listed, total) =
            generation.list_messages(&acting(ada.id), project.id, PAGE).await.expect("listed");
        assert_eq!(total, 2);
        assert!(listed[0].message.failure.as_deref().is_some_and(|why| why.contains("checks")), "{listed:?}");
        let version = listed[1].version.as_ref().expect("a version");
        assert_eq!(version.changes.as_ref().expect("changes")["added"][0], "index.html");
    }

    #[tokio::test]
    async fn the_messages_of_another_person_are_not_found() {
        let fixture = Fixture::new().await;
        let (ada, eve) =
            (fixture.register("ada@example.org").await, fixture.register("eve@example.org").await);
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        let listed =
            fixture.services.builder.generation.list_messages(&acting(eve.id), project.id, PAGE).await;
        assert!(matches!(listed, Err(GenerationError::NotFound)), "{listed:?}");
    }
}
