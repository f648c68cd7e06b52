//! The ids of accounts, projects, credits, mails and the audit log.

use crate::typed_ids::typed_ids;

typed_ids! {
    /// A person's account.
    UserId,
    /// One signed-in device: a row of `sessions`.
    SessionId,
    /// A person's identity at a provider, linked to an account.
    OAuthIdentityId,
    /// The chain of refresh tokens that began with one sign-in.
    SessionFamilyId,
    /// A mailed token, such as the one that verifies the mail address.
    AccountTokenId,
    /// A token that a person created for a script.
    ApiTokenId,
    ProjectId,
    MailId,
    CreditTransactionId,
    AuditId,
}
