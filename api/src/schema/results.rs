//! What jobs result in, by their kinds. `JobResults` is never sent: each of its fields is
//! the schema of what a job of that kind resulted in.

#[cfg(test)]
mod kinds;

#[cfg(test)]
pub(crate) use kinds::JobResults;

/// What a job resulted in. The schema for a kind is the field of that name of
/// `JobResults`; a kind may have results of an earlier version that fit none.
pub(crate) enum JobResult {}
