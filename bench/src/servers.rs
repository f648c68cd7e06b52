//! PostgreSQL and Redis that a run starts for itself, in a scratch folder and on free ports.

pub(crate) mod keys;
pub(crate) mod mounts;
pub(crate) mod postgres;
pub(crate) mod programs;
pub(crate) mod reaper;
pub(crate) mod redis_server;
pub(crate) mod scratch;
pub(crate) mod volume;
