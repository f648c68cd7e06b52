//! All tests that span crates, in one program.

mod architecture;
mod automation;
mod connections;
mod deployment;
mod documented;
mod documents;
mod harness;
mod http;
mod kubernetes;
mod promises;
mod queue;
mod sources;
mod start;
mod words;
