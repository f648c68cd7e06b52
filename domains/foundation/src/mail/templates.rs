//! The mails about accounts.

use serde_json::{Value, json};

use super::Template;

const ACCOUNT: &str = "019aa0b2-0000-7000-8000-000000000002";

/// Every mail about accounts.
pub(crate) static ALL: [&Template; 11] = [
    &WELCOME,
    &CONFIRM_EMAIL,
    &RESET_PASSWORD,
    &PASSWORD_CHANGED,
    &EMAIL_CHANGED,
    &OPERATOR_ADDED,
    &API_TOKEN_CREATED,
    &ACCOUNT_EXISTS,
    &PROVIDER_LINKED,
    &PROVIDER_UNLINKED,
    &ACCOUNT_DEACTIVATED,
];

/// An account was created. Shows `credits`, and `link` where the address is to be proven.
pub(crate) static WELCOME: Template =
    mail_template!("welcome", || json!({"credits": 10, "link": link("verify-email")}));

/// A mail address is to be proven. Shows `link`.
pub(crate) static CONFIRM_EMAIL: Template =
    mail_template!("confirm_email", || json!({"link": link("verify-email")})).needing_link();

/// A password was forgotten. Shows `link`.
pub(crate) static RESET_PASSWORD: Template =
    mail_template!("reset_password", || json!({"link": link("reset-password")})).needing_link();

/// A password was changed. Shows what was `closed` for it and what is still `open`, each as
/// `api_tokens` and `providers`, and `reclaimed` where the account went to the owner of its
/// address.
pub(crate) static PASSWORD_CHANGED: Template = mail_template!("password_changed", password_changed);

/// An operator changed the mail address of the account; to the former one.
pub(crate) static EMAIL_CHANGED: Template = mail_template!("email_changed", || json!({}));

/// An account may operate the platform from now on; to its person, `own`, and to the other
/// operators. Shows its id as `account`.
pub(crate) static OPERATOR_ADDED: Template =
    mail_template!("operator_added", || json!({"own": false, "account": ACCOUNT}));

/// An API token was made. Shows `prefix`, `scopes` and `expires_at`.
pub(crate) static API_TOKEN_CREATED: Template = mail_template!("api_token_created", || json!({
    "prefix": "atl_x7Kq2w",
    "scopes": ["read", "write"],
    "expires_at": "2026-11-20T13:02:00Z",
}));

/// Somebody tried to register an address that has an account.
pub(crate) static ACCOUNT_EXISTS: Template = mail_template!("account_exists", || json!({}));

/// A sign-in provider opens the account from now on. Shows `provider`, and `claimed` where
/// the account was handed to the owner of its address.
pub(crate) static PROVIDER_LINKED: Template =
    mail_template!("provider_linked", || json!({"provider": "GitHub", "claimed": false}));

/// A sign-in provider does not open the account any more. Shows `provider`.
pub(crate) static PROVIDER_UNLINKED: Template =
    mail_template!("provider_unlinked", || json!({"provider": "GitHub"}));

/// An operator deactivated the account. Shows how many jobs were `stopped`.
pub(crate) static ACCOUNT_DEACTIVATED: Template =
    mail_template!("account_deactivated", || json!({"stopped": 2}));

fn link(page: &str) -> String {
    format!("https://atelier.example/{page}#token=dG9rZW4")
}

fn password_changed() -> Value {
    json!({
        "reclaimed": false,
        "closed": {"api_tokens": 1, "providers": []},
        "open": {"api_tokens": 2, "providers": ["GitHub", "Google"]},
    })
}

#[cfg(test)]
mod tests;
