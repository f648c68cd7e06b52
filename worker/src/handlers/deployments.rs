//! Kinds of the domain `deployments`.

pub(crate) mod publish;
