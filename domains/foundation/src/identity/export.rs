//! Everything that is held about a person, for the person: part by part and page by page,
//! however much it is.

use std::collections::HashMap;

use atelier_entities::{
    MailCategory, UserId, VersionId, account_tokens, api_tokens, audit_log, credit_transactions, deployments,
    jobs, mail_messages, mail_opt_outs, oauth_identities, project_files, project_versions, projects,
    sessions, users,
};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
};
use serde_json::json;
use uuid::Uuid;

use super::{Identity, IdentityError, profile::own_projects, user_target};
use crate::{Actor, audit};

/// Rows of one read.
const PAGE: u64 = 500;

/// What there is one of, or a few. Hashes of passwords and tokens are secrets rather than
/// data, here and in the rows, and are left to whoever shows them to leave out.
#[derive(Clone, Debug)]
pub struct AccountData {
    /// The account.
    pub user: users::Model,
    /// Accounts at providers that are linked to it.
    pub linked: Vec<oauth_identities::Model>,
    /// API tokens.
    pub api_tokens: Vec<api_tokens::Model>,
    /// Categories of mails that the person does not want.
    pub unwanted_mails: Vec<MailCategory>,
}

/// A version with the names of its files, which are read by its number.
#[derive(Clone, Debug)]
pub struct ListedVersion {
    /// The version.
    pub version: project_versions::Model,
    /// Paths of its files, in order.
    pub files: Vec<String>,
}

/// A row that is paged by its id.
trait Listed {
    fn id(&self) -> Uuid;
}

impl Listed for ListedVersion {
    fn id(&self) -> Uuid {
        self.version.id.0
    }
}

macro_rules! listed {
    ($($entity:ident),+ $(,)?) => {$(
        impl Listed for $entity::Model {
            fn id(&self) -> Uuid {
                self.id.0
            }
        }
    )+};
}

listed!(
    sessions,
    account_tokens,
    projects,
    project_versions,
    deployments,
    credit_transactions,
    mail_messages,
    jobs,
    audit_log,
);

macro_rules! parts {
    ($($(#[$doc:meta])* $part:ident($row:ty) = $name:literal),+ $(,)?) => {
        /// What there may be many of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Part {
            $($(#[$doc])* $part),+
        }

        impl Part {
            /// Every part, in the order in which they come.
            pub const ALL: &'static [Self] = &[$(Self::$part),+];

            /// Its name in the document.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$part => $name),+ }
            }
        }

        /// Rows of a part, newest first.
        #[derive(Clone, Debug)]
        pub enum Rows {
            $($(#[$doc])* $part(Vec<$row>)),+
        }

        impl Rows {
            /// Whose rows they are.
            #[must_use]
            pub const fn part(&self) -> Part {
                match self { $(Self::$part(_) => Part::$part),+ }
            }

            /// How many they are.
            #[must_use]
            pub fn count(&self) -> u64 {
                match self { $(Self::$part(rows) => rows.len() as u64),+ }
            }

            fn last(&self) -> Option<Uuid> {
                match self { $(Self::$part(rows) => rows.last().map(Listed::id)),+ }
            }
        }
    };
}

parts! {
    /// Sign-ins and each of their refreshes, ended ones too, until they expire.
    Sessions(sessions::Model) = "sessions",
    /// Links that were mailed, and where to.
    Links(account_tokens::Model) = "links",
    /// Projects.
    Projects(projects::Model) = "projects",
    /// Versions of the projects.
    Versions(ListedVersion) = "versions",
    /// Publications.
    Deployments(deployments::Model) = "deployments",
    /// Changes of the balance.
    Credits(credit_transactions::Model) = "credits",
    /// Mails that were sent or kept.
    Mails(mail_messages::Model) = "mails",
    /// Jobs that are still kept.
    Jobs(jobs::Model) = "jobs",
    /// What the person did.
    Activity(audit_log::Model) = "activity",
    /// What others did to the account, or tried.
    Records(audit_log::Model) = "records",
}

/// An export under way: ask for the next rows until there are none.
#[derive(Debug)]
pub struct PersonalExport {
    identity: Identity,
    user: UserId,
    part: usize,
    after: Option<Uuid>,
}

impl Identity {
    /// Begins an export of everything that is held about a person. That it was asked for
    /// is itself recorded.
    pub async fn start_export(&self, actor: &Actor) -> Result<(AccountData, PersonalExport), IdentityError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        audit::record(&tx, actor, "account.export", user_target(user), json!({})).await?;
        tx.commit().await?;
        let db = self.queue.db();
        let linked = oauth_identities::Entity::find()
            .filter(oauth_identities::Column::UserId.eq(user))
            .order_by_asc(oauth_identities::Column::Id);
        let unwanted = mail_opt_outs::Entity::find().filter(mail_opt_outs::Column::UserId.eq(user));
        let account = AccountData {
            user: self.get_user(user).await?,
            linked: linked.all(db).await?,
            api_tokens: self.list_api_tokens(actor).await?,
            unwanted_mails: unwanted.all(db).await?.into_iter().map(|row| row.category).collect(),
        };
        Ok((account, PersonalExport { identity: self.clone(), user, part: 0, after: None }))
    }
}

impl PersonalExport {
    /// The next rows. Each part comes at least once, though it may have no rows; none
    /// after the last one.
    pub async fn next(&mut self) -> Result<Option<Rows>, IdentityError> {
        let Some(part) = Part::ALL.get(self.part) else { return Ok(None) };
        let rows = self.read(*part).await?;
        if rows.count() < PAGE {
            (self.part, self.after) = (self.part + 1, None);
        } else {
            self.after = rows.last();
        }
        Ok(Some(rows))
    }

    async fn read(&self, part: Part) -> Result<Rows, DbErr> {
        let user = self.user;
        macro_rules! of {
            ($entity:ident.$owner:ident) => {
                self.page(
                    $entity::Entity::find().filter($entity::Column::$owner.eq(user)),
                    $entity::Column::Id,
                )
                .await?
            };
        }
        Ok(match part {
            Part::Sessions => Rows::Sessions(of!(sessions.UserId)),
            Part::Links => Rows::Links(of!(account_tokens.UserId)),
            Part::Projects => Rows::Projects(of!(projects.UserId)),
            Part::Versions => Rows::Versions(self.versions().await?),
            Part::Deployments => Rows::Deployments(of!(deployments.UserId)),
            Part::Credits => Rows::Credits(of!(credit_transactions.UserId)),
            Part::Mails => Rows::Mails(of!(mail_messages.UserId)),
            Part::Jobs => Rows::Jobs(of!(jobs.OwnerId)),
            Part::Activity => Rows::Activity(of!(audit_log.ActorId)),
            Part::Records => {
                let by_others = Condition::any()
                    .add(audit_log::Column::ActorId.is_null())
                    .add(audit_log::Column::ActorId.ne(user));
                let about = audit_log::Entity::find()
                    .filter(audit_log::Column::Target.eq(user_target(user)))
                    .filter(by_others);
                Rows::Records(self.page(about, audit_log::Column::Id).await?)
            }
        })
    }

    async fn page<E>(&self, rows: Select<E>, id: E::Column) -> Result<Vec<E::Model>, DbErr>
    where
        E: EntityTrait,
        E::Model: FromQueryResult + Send + Sync,
    {
        rows.apply_if(self.after, |rows, after| rows.filter(id.lt(after)))
            .order_by_desc(id)
            .limit(PAGE)
            .all(self.identity.queue.db())
            .await
    }

    async fn versions(&self) -> Result<Vec<ListedVersion>, DbErr> {
        let own = project_versions::Column::ProjectId.in_subquery(own_projects(self.user));
        let versions =
            self.page(project_versions::Entity::find().filter(own), project_versions::Column::Id).await?;
        let names = project_files::Entity::find()
            .select_only()
            .column(project_files::Column::VersionId)
            .column(project_files::Column::Path)
            .filter(project_files::Column::VersionId.is_in(versions.iter().map(|version| version.id)))
            .order_by_asc(project_files::Column::Path);
        let names: Vec<(VersionId, String)> = names.into_tuple().all(self.identity.queue.db()).await?;
        let mut files: HashMap<VersionId, Vec<String>> = HashMap::new();
        for (version, path) in names {
            files.entry(version).or_default().push(path);
        }
        let listed = versions.into_iter().map(|version| {
            let files = files.remove(&version.id).unwrap_or_default();
            ListedVersion { version, files }
        });
        Ok(listed.collect())
    }
}
