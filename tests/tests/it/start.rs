//! The start of an instance on a restricted database and through a pooler.

#[cfg(unix)]
mod pooler;
mod restricted;
