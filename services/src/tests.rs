//! Tests across several domains.

mod deactivation;
mod erasure;
mod export;
mod leaving;
mod personal;
mod profile;
