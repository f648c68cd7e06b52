//! Links that mails carry.

use serde::Deserialize;

use crate::schema::ToSchema;

/// A mail address that a link is to be sent to.
#[derive(Deserialize, ToSchema)]
pub(crate) struct EmailInput {
    /// The account's mail address.
    #[schema(format = Email, example = "ada@example.org")]
    pub(crate) email: String,
}

/// The token of a mailed link.
#[derive(Deserialize, ToSchema)]
pub(crate) struct LinkInput {
    /// What stands behind `#token=` in the link; good for one use.
    pub(crate) token: String,
}

/// Another password, by the token of a mailed link.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ResetPasswordInput {
    /// What stands behind `#token=` in the link; good for one use within an hour.
    pub(crate) token: String,
    /// 8 to 128 characters.
    #[schema(format = Password, min_length = 8, max_length = 128)]
    pub(crate) new_password: String,
}
