//! Views of the platform as a whole.

pub(crate) mod stats;
