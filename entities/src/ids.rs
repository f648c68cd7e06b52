//! Ids as types: a user's id cannot be passed where a project's is expected.
//! All are UUIDv7, so that they sort by the time they were made.

use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, DeriveValueType,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id that sorts after every one made before it in this process.
            #[must_use]
            #[allow(clippy::new_without_default, reason = "a default id would be a trap")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        // sea-orm asks this of every primary key; a UUID is never a row number.
        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )+};
}

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
    /// One kept generation of a project.
    VersionId,
    DeploymentId,
    JobId,
    /// What one claim holds.
    LeaseId,
    /// One run of a worker process; a restart gets another.
    WorkerId,
    /// One run of a scheduler process.
    SchedulerId,
    MailId,
    CreditTransactionId,
    AuditId,
}
