//! Views and inputs of people: accounts, sign-in, sessions, tokens, profiles.

pub(crate) mod account;
pub(crate) mod account_link;
pub(crate) mod api_token;
pub(crate) mod linked_account;
pub(crate) mod oauth;
pub(crate) mod personal_data;
pub(crate) mod profile;
pub(crate) mod session;
