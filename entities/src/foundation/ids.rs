//! The ids of accounts, projects, credits, mails and the audit log.

use crate::typed_ids::typed_ids;

typed_ids! {
    /// A person's account.
    UserId,
    /// One signed-in device: a row of `sessions`.
    SessionId,
    /// A person's account at a provider, linked to theirs here.
    OAuthIdentityId,
    /// The chain of refresh tokens that began with one sign-in.
    SessionFamilyId,
    /// A token that a mail carries, such as the one that proves its address.
    AccountTokenId,
    /// A token that a person made for a script.
    ApiTokenId,
    ProjectId,
    MailId,
    CreditTransactionId,
    AuditId,
}
