//! What goes over the wire, a folder a context: views with their schemas, and inputs.
//! Inputs ignore unknown fields; the services validate the values.

pub(crate) mod admin;
pub(crate) mod automation;
pub(crate) mod billing;
pub(crate) mod builder;
pub(crate) mod identity;
pub(crate) mod jobs;
pub(crate) mod mail;
pub(crate) mod page;
pub(crate) mod platform;
