//! What people see of several domains at once.

mod deactivation;
mod erasure;
mod export;
mod leaving;
mod mails;
mod personal;
mod profile;
