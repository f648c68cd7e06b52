//! Every test that crosses crates, in one program.

mod architecture;
mod deployment;
mod documented;
mod documents;
mod harness;
mod queue;
mod sources;
