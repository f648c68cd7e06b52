//! Everything that is held about a person, for the person.

use atelier_entities::{
    MailCategory, UserId, api_tokens, audit_log, credit_transactions, deployments, jobs, mail_messages,
    mail_opt_outs, oauth_identities, project_versions, projects, users,
};
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;

use super::{Identity, IdentityError, SignIn, profile::own_projects, user_target};
use crate::{Caller, Page, audit, paging::fetch};

/// Most rows of one kind: the newest ones.
const MAX_ROWS: u64 = 5_000;

/// Rows of one kind, newest first.
#[derive(Clone, Debug)]
pub struct Held<T> {
    /// At most 5,000 of them.
    pub rows: Vec<T>,
    /// How many there are.
    pub total: u64,
}

/// Everything that is held about a person. Hashes of passwords and tokens are secrets
/// rather than data, and are left to whoever shows it to leave out.
#[derive(Clone, Debug)]
pub struct PersonalData {
    /// The account.
    pub user: users::Model,
    /// Where the person is signed in.
    pub sign_ins: Vec<SignIn>,
    /// Accounts at providers that are linked to it.
    pub linked: Vec<oauth_identities::Model>,
    /// API tokens.
    pub api_tokens: Vec<api_tokens::Model>,
    /// Categories of mails that the person does not want.
    pub unwanted_mails: Vec<MailCategory>,
    /// Projects.
    pub projects: Held<projects::Model>,
    /// Versions of the projects, without their files.
    pub versions: Held<project_versions::Model>,
    /// Publications.
    pub deployments: Held<deployments::Model>,
    /// Changes of the balance.
    pub credits: Held<credit_transactions::Model>,
    /// Mails that were sent or kept.
    pub mails: Held<mail_messages::Model>,
    /// Jobs that are still kept.
    pub jobs: Held<jobs::Model>,
    /// What the person did.
    pub activity: Held<audit_log::Model>,
}

impl Identity {
    /// Everything that is held about a person.
    pub async fn export(&self, caller: &Caller, user: UserId) -> Result<PersonalData, IdentityError> {
        let tx = self.queue.begin().await?;
        audit::record(&tx, caller, "account.export", user_target(user), json!({})).await?;
        tx.commit().await?;
        let db = self.queue.db();
        Ok(PersonalData {
            user: self.get_user(user).await?,
            sign_ins: self.list_sign_ins(user).await?,
            linked: oauth_identities::Entity::find()
                .filter(oauth_identities::Column::UserId.eq(user))
                .order_by_asc(oauth_identities::Column::Id)
                .all(db)
                .await?,
            api_tokens: self.list_api_tokens(user).await?,
            unwanted_mails: list_unwanted(db, user).await?,
            projects: held(db, projects::Entity::find_owned(user).order_by_desc(projects::Column::Id))
                .await?,
            versions: held(
                db,
                project_versions::Entity::find()
                    .filter(project_versions::Column::ProjectId.in_subquery(own_projects(user)))
                    .order_by_desc(project_versions::Column::Id),
            )
            .await?,
            deployments: held(
                db,
                deployments::Entity::find()
                    .filter(deployments::Column::UserId.eq(user))
                    .order_by_desc(deployments::Column::Id),
            )
            .await?,
            credits: held(
                db,
                credit_transactions::Entity::find()
                    .filter(credit_transactions::Column::UserId.eq(user))
                    .order_by_desc(credit_transactions::Column::Id),
            )
            .await?,
            mails: held(
                db,
                mail_messages::Entity::find()
                    .filter(mail_messages::Column::UserId.eq(user))
                    .order_by_desc(mail_messages::Column::Id),
            )
            .await?,
            jobs: held(
                db,
                jobs::Entity::find().filter(jobs::Column::OwnerId.eq(user)).order_by_desc(jobs::Column::Id),
            )
            .await?,
            activity: held(
                db,
                audit_log::Entity::find()
                    .filter(audit_log::Column::ActorId.eq(user))
                    .order_by_desc(audit_log::Column::Id),
            )
            .await?,
        })
    }
}

async fn list_unwanted(db: &DatabaseConnection, user: UserId) -> Result<Vec<MailCategory>, DbErr> {
    let rows = mail_opt_outs::Entity::find().filter(mail_opt_outs::Column::UserId.eq(user)).all(db).await?;
    Ok(rows.into_iter().map(|row| row.category).collect())
}

async fn held<E, M>(db: &DatabaseConnection, rows: sea_orm::Select<E>) -> Result<Held<M>, DbErr>
where
    E: EntityTrait<Model = M>,
    M: sea_orm::FromQueryResult + Sized + Send + Sync,
{
    let (rows, total) = fetch(db, rows, Page { number: 1, size: MAX_ROWS }).await?;
    Ok(Held { rows, total })
}

#[cfg(test)]
mod tests {
    use atelier_entities::ProjectKind;

    use super::*;
    use crate::testing::Bench;

    #[tokio::test]
    async fn holds_what_is_the_persons_and_nothing_of_others() {
        let bench = Bench::new().await;
        let (ada, bob) = (bench.register("ada@example.org").await, bench.register("bob@example.org").await);
        let caller = Caller { user: Some(ada.id), ..Caller::default() };
        for owner in [ada.id, ada.id, bob.id] {
            let project = bench.create_project(owner, ProjectKind::WebApp).await;
            bench.store_version(&project, 1, &[("index.html", "<p>Books</p>")]).await;
        }

        let data = bench.services.identity.export(&caller, ada.id).await.expect("exported");

        assert_eq!((data.user.id, data.sign_ins.len(), data.api_tokens.len()), (ada.id, 1, 0));
        assert_eq!((data.projects.total, data.versions.total, data.mails.total), (2, 2, 1));
        assert_eq!((data.credits.rows.len(), data.jobs.total), (1, 0));
        assert!(data.projects.rows.iter().all(|project| project.user_id == ada.id));
        assert!(data.activity.rows.iter().any(|entry| entry.action == "account.export"));
    }
}
