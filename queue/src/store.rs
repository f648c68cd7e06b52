//! The only SQL on jobs. Every statement reads the same on SQLite and PostgreSQL
//! but for row locks, and works on batches.

pub(crate) mod claim;
pub(crate) mod finish;
pub(crate) mod insert;
pub(crate) mod lease;
pub(crate) mod progress;
pub(crate) mod spacing;
pub(crate) mod sql;
pub(crate) mod window;
