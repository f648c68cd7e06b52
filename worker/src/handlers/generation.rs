//! Kinds of the domain `generation`.

pub(crate) mod run;
