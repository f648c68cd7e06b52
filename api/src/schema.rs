//! What schemas are made of that no view or input is: sets of values, free objects, results
//! of jobs.

pub(crate) mod free;
pub(crate) mod results;
pub(crate) mod sets;
