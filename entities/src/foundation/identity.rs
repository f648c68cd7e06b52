//! Accounts, sessions, tokens and sign-in.

pub mod account_erasures;
pub mod account_tokens;
pub mod api_tokens;
pub mod known_networks;
pub mod oauth_identities;
pub mod oauth_states;
pub mod sessions;
pub mod sign_in_failures;
pub mod users;
