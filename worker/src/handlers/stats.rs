//! Kinds of the domain `stats`.

pub(crate) mod aggregate;
