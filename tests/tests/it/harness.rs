//! The harness itself: what the other tests stand on.

mod database;
mod openai;
mod redis;
mod smtp;
