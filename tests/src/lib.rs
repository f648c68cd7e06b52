//! The test harness: a real PostgreSQL or SQLite database and a real Redis for
//! each test, a real SMTP server, a small one that speaks OpenAI's protocol, and whole
//! instances of Atelier with people who use them over HTTP.
//!
//! The functions here panic where a test cannot go on; each says so. They need
//! the servers that `scripts/test` starts, and fail without them.

mod app;
mod authority;
mod client;
mod database;
mod environment;
mod node;
mod oidc;
mod openai;
mod patience;
mod person;
#[cfg(unix)]
mod pgbouncer;
mod redis;
mod smtp;

pub use self::app::{AppSetup, MortalWorker, TestApp};
pub use self::authority::Authority;
pub use self::client::{Call, Client, Reply};
pub use self::database::TestDatabase;
pub use self::oidc::{Arrival, Browser, IdentityServer, Return};
pub use self::openai::{Answer, FakeOpenAi, ReceivedRequest};
pub use self::patience::{in_time, until};
pub use self::person::{PASSWORD, Person, job_id};
#[cfg(unix)]
pub use self::pgbouncer::PgBouncer;
pub use self::redis::{EncryptedRedis, PrivateRedis, RedisServer, TestRedis, redis_client};
pub use self::smtp::{ReceivedMail, SmtpMode, SmtpServer};
