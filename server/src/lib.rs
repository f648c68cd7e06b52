//! The processes of Atelier. One code runs them all: `atelier` with every role in
//! it, and `atelier-api`, `atelier-worker` and `atelier-scheduler` with one each.

mod banner;
pub mod cli;
mod demo;
pub mod instance;
pub mod wire;

use atelier_ops::terminal;
