//! What goes over the wire: views with their schemas, and inputs. Inputs ignore
//! fields that nobody knows; what they hold is checked in the services.

pub(crate) mod account;
pub(crate) mod account_link;
pub(crate) mod admin;
pub(crate) mod api_token;
pub(crate) mod credits;
pub(crate) mod deployment;
pub(crate) mod job;
pub(crate) mod linked_account;
pub(crate) mod notifications;
pub(crate) mod oauth;
pub(crate) mod personal_data;
pub(crate) mod profile;
pub(crate) mod project;
pub(crate) mod session;
pub(crate) mod stats;
