//! The test harness: a real PostgreSQL or SQLite database and a real Redis for each test, a
//! real SMTP server, a small server with OpenAI's protocol, aimock, and complete instances of
//! Atelier with people who use them over HTTP.
//!
//! The functions panic if a test cannot continue; each documents it. They need the servers
//! that `scripts/test` starts.

mod aimock;
mod app;
mod authority;
mod chromium;
mod client;
mod database;
mod environment;
mod node;
mod oidc;
mod openai;
mod person;
#[cfg(unix)]
mod pgbouncer;
mod redis;
mod smtp;
mod waiting;

pub use self::aimock::AiMock;
pub use self::app::{AppSetup, KillableWorker, TestApp};
pub use self::authority::Authority;
pub use self::chromium::{Chromium, skip};
pub use self::client::{Call, Client, Reply};
pub use self::database::TestDatabase;
#[cfg(unix)]
pub use self::node::run_vite;
pub use self::oidc::{Browser, FragmentParams, IdentityServer, ProviderRedirect};
pub use self::openai::{Completion, FakeOpenAi, ReceivedRequest};
pub use self::person::{PASSWORD, Person, job_id};
#[cfg(unix)]
pub use self::pgbouncer::PgBouncer;
pub use self::redis::{EncryptedRedis, PrivateRedis, RedisServer, TestRedis, redis_client};
pub use self::smtp::{ReceivedMail, SmtpMode, SmtpServer};
pub use self::waiting::{in_time, until, until_statements_wait};
