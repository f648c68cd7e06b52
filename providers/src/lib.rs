//! Everything outside Atelier: language models, mail, the object store, sign-in at
//! others, rate limits and guarded HTTP. Each is a trait with a real implementation and a
//! scriptable fake beside it; timeouts, breakers and failover live here once.

pub mod circuits;
pub mod http;
pub mod limiter;
pub mod llm;
pub mod mail;
pub mod metrics;
pub mod oauth;
pub mod object_store;
pub mod resilience;
pub mod shared_redis;
