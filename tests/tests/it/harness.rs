//! Tests of the harness.

mod database;
mod openai;
mod redis;
mod smtp;
