//! Mails, opt-outs and suppressed addresses.

pub mod mail_messages;
pub mod mail_opt_outs;
pub mod mail_suppressions;
