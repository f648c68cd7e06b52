//! What schemas are made of that no view or input is: sets of values, free objects, results
//! of jobs. Outside of tests, which make the document, these are no more than names, and the
//! derives of schemas do nothing.

pub(crate) mod free;
pub(crate) mod results;
pub(crate) mod sets;

#[cfg(not(test))]
pub(crate) use atelier_api_macros::{IntoParams, ToSchema};
#[cfg(test)]
pub(crate) use utoipa::{IntoParams, ToSchema};
