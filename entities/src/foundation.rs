//! Accounts, projects, credits, mails and the audit log.

pub(crate) mod audit;
pub mod credit_transactions;
pub(crate) mod enums;
pub mod idempotency_keys;
pub(crate) mod identity;
pub(crate) mod ids;
pub(crate) mod mail;
pub mod projects;
