//! Views and inputs of mails to people.

pub(crate) mod notifications;
