//! Mails, and who does not get them.

pub mod mail_messages;
pub mod mail_opt_outs;
pub mod mail_suppressions;
