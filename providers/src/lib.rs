//! External services: language models, mail, the object store, identity providers, rate
//! limits and guarded HTTP. Each has a trait, a real implementation and a scriptable fake.
//! Timeouts, circuit breakers and failover are implemented only here.

pub mod circuits;
pub mod http;
pub mod jwt;
pub mod limiter;
pub mod llm;
pub mod mail;
pub mod metrics;
pub mod oauth;
pub mod object_store;
pub mod resilience;
pub mod shared_redis;
