//! Tests across several domains.

mod deactivation;
mod erasure;
mod export;
mod leaving;
mod mails;
mod personal;
mod profile;
mod sealed;
mod workflows;
