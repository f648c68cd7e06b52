//! The processes of Atelier: `atelier` with all roles, and `atelier-api`, `atelier-worker` and
//! `atelier-scheduler` with one role each.

mod banner;
pub mod cli;
mod demo;
pub mod instance;
pub mod wire;

use atelier_ops::terminal;
