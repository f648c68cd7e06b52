//! Kinds of the domain `mail`.

pub(crate) mod deliver;
