use sea_orm::entity::prelude::*;

use crate::{Locale, MailId, MailStatus, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "mail_messages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MailId,
    pub user_id: Option<UserId>,
    pub recipient: String,
    pub template: String,
    pub locale: Locale,
    /// The cause of the mail, such as a project's id. (template, recipient, cause) is unique,
    /// so that an event sends one mail.
    pub cause: String,
    /// Values of the template; never a secret.
    pub data: Json,
    pub status: MailStatus,
    pub subject: Option<String>,
    pub text_body: Option<String>,
    pub html_body: Option<String>,
    pub error: Option<String>,
    pub created_at: Timestamp,
    pub sent_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
