//! Everything outside Atelier: language models, mail, the object store, rate
//! limits and guarded HTTP. Each is a trait with a real implementation and a
//! scriptable fake beside it; timeouts, breakers and failover live here once.

pub mod api_client;
pub mod http;
pub mod limiter;
pub mod llm;
pub mod mail;
pub mod object_store;
pub mod resilience;
