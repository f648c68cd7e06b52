//! What an instance starts on, and what it says where it cannot.

#[cfg(unix)]
mod pooler;
mod restricted;
