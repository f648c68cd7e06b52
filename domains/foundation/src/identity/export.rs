//! The export of all personal data for the person, list by list and page by page, of any
//! size.

use std::sync::Arc;

use atelier_entities::{MailCategory, UserId, api_tokens, oauth_identities, users};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;
use uuid::Uuid;

use super::{Identity, IdentityError, user_target};
use crate::{
    Actor, PersonalData, audit,
    mail::opt_outs_of,
    personal::{ExportList, Page, Rows},
};

/// The account and its few related rows. Hashes of passwords and tokens are secrets; the
/// caller must leave them out.
#[derive(Clone, Debug)]
pub struct AccountData {
    /// The account.
    pub user: users::Model,
    /// Linked provider accounts.
    pub linked: Vec<oauth_identities::Model>,
    /// API tokens.
    pub api_tokens: Vec<api_tokens::Model>,
    /// Categories of mails that the person has opted out of.
    pub unwanted_mails: Vec<MailCategory>,
}

/// A running export. Call [`PersonalExport::next`] until it returns none.
#[derive(Debug)]
pub struct PersonalExport {
    identity: Identity,
    user: UserId,
    lists: Vec<(ExportList, Arc<dyn PersonalData>)>,
    /// Index of the current list.
    reading: usize,
    after: Option<Uuid>,
}

impl Identity {
    /// Starts an export of the actor's personal data. The export itself is recorded.
    pub async fn start_export(&self, actor: &Actor) -> Result<(AccountData, PersonalExport), IdentityError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        audit::record(&tx, actor, "account.export", user_target(user), json!({})).await?;
        tx.commit().await?;
        let db = self.queue.db();
        let linked = oauth_identities::Entity::find()
            .filter(oauth_identities::Column::UserId.eq(user))
            .order_by_asc(oauth_identities::Column::Id);
        let account = AccountData {
            user: self.get_user(user).await?,
            linked: linked.all(db).await?,
            api_tokens: self.list_api_tokens(actor).await?,
            unwanted_mails: opt_outs_of(db, user).await?,
        };
        let lists = self.export_lists();
        Ok((account, PersonalExport { identity: self.clone(), user, lists, reading: 0, after: None }))
    }

    /// The lists of an export in order, each with the part that provides it.
    fn export_lists(&self) -> Vec<(ExportList, Arc<dyn PersonalData>)> {
        let of = |part: &Arc<dyn PersonalData>| {
            let part = part.clone();
            part.clone().lists().iter().map(move |list| (*list, part.clone()))
        };
        let mut lists: Vec<_> = self.personal.iter().flat_map(of).collect();
        lists.sort_by_key(|(list, _)| list.position);
        lists
    }
}

impl PersonalExport {
    /// The next rows with the name of their list. Each list is returned at least once, even
    /// if it is empty. None at the end.
    pub async fn next(&mut self) -> Result<Option<(&'static str, Rows)>, IdentityError> {
        let Some((list, part)) = self.lists.get(self.reading) else { return Ok(None) };
        let page = Page { user: self.user, after: self.after };
        let rows = part.read(self.identity.queue.db(), list.name, page).await?;
        let name = list.name;
        self.after = rows.next();
        if self.after.is_none() {
            self.reading += 1;
        }
        Ok(Some((name, rows)))
    }
}
