//! The test harness: a real PostgreSQL or SQLite database and a real Redis for
//! each test, and small servers that speak SMTP and OpenAI's protocol.
//!
//! The functions here panic where a test cannot go on; each says so. They need
//! the servers that `scripts/test` starts, and fail without them.

mod database;
mod environment;
mod openai;
mod redis;
mod smtp;

pub use self::database::TestDatabase;
pub use self::openai::{Answer, FakeOpenAi, ReceivedRequest};
pub use self::redis::{PrivateRedis, RedisServer, TestRedis};
pub use self::smtp::{FakeSmtp, ReceivedMail, SmtpMode};
