//! Views of what people pay with.

pub(crate) mod credits;
