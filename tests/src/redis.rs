//! Redis for tests: a prefix on a shared server, or a private server.

mod private;

use std::collections::BTreeMap;
use std::time::Duration;

use atelier_queue::transport::open_redis;
use redis::aio::MultiplexedConnection;
use redis::{Client, InfoDict, RedisResult};
use uuid::Uuid;

use crate::environment;

pub use self::private::{EncryptedRedis, PrivateRedis};

/// A Redis server, with access to its keys and counters.
#[derive(Clone)]
pub struct RedisServer {
    /// redis:// or rediss:// URL with the password.
    pub url: String,
    /// The CA certificate (PEM) of a server with TLS.
    authority: Option<String>,
}

impl RedisServer {
    /// What makes connections to it.
    ///
    /// # Panics
    /// If the URL is not valid.
    #[must_use]
    pub fn client(&self) -> Client {
        redis_client(&self.url, self.authority.clone())
    }

    /// Opens a new connection.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn connect(&self) -> MultiplexedConnection {
        self.client()
            .get_multiplexed_async_connection()
            .await
            .unwrap_or_else(|error| panic!("no connection to a test's Redis: {error}"))
    }

    /// Every key that contains `part`, sorted.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn list_keys(&self, part: &str) -> Vec<String> {
        let mut connection = self.connect().await;
        let mut keys = Vec::new();
        let mut cursor = 0_u64;
        loop {
            let (next, page): (u64, Vec<String>) =
                scan(cursor, part).query_async(&mut connection).await.expect("Redis lists its keys");
            keys.extend(page);
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        keys.sort();
        keys.dedup();
        keys
    }

    /// The number of commands since the server's start, from all clients, including this one.
    /// Compare two values of a [`PrivateRedis`].
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn count_commands(&self) -> u64 {
        self.info("stats").await.get("total_commands_processed").expect("Redis counts its commands")
    }

    /// The number of calls of each command since the server's start, by its name in lower case.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn list_command_counts(&self) -> BTreeMap<String, u64> {
        let text: String = self.info_text("commandstats").await;
        parse_command_counts(&text)
    }

    /// Deletes all keys of the server.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn flush_all(&self) {
        let mut connection = self.connect().await;
        redis::cmd("FLUSHALL").exec_async(&mut connection).await.expect("Redis empties itself");
    }

    async fn info(&self, section: &str) -> InfoDict {
        InfoDict::new(&self.info_text(section).await)
    }

    async fn info_text(&self, section: &str) -> String {
        let mut connection = self.connect().await;
        redis::cmd("INFO").arg(section).query_async(&mut connection).await.expect("Redis answers INFO")
    }
}

/// The client of a Redis URL with these certificate authorities.
///
/// # Panics
/// If the URL is not valid.
#[must_use]
pub fn redis_client(url: &str, authorities: Option<String>) -> Client {
    open_redis(&url.to_owned().into(), authorities).expect("the URL of a test's Redis is valid")
}

/// A prefix of one test on the shared Redis. Its keys are deleted when the value is dropped.
pub struct TestRedis {
    /// The shared server.
    pub server: RedisServer,
    /// A part of every key of this test; consists of letters, digits and `-`.
    pub prefix: String,
}

impl TestRedis {
    /// A new prefix.
    ///
    /// # Panics
    /// If TEST_REDIS_URL is not set.
    #[must_use]
    pub fn create() -> Self {
        let prefix = format!("test-{}", Uuid::new_v4().simple());
        Self { server: RedisServer { url: environment::redis_url(), authority: None }, prefix }
    }

    /// The keys of this test, sorted.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn list_keys(&self) -> Vec<String> {
        self.server.list_keys(&self.prefix).await
    }

    /// Deletes the keys of this test, as after an outage that lost all data.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn flush(&self) {
        let keys = self.list_keys().await;
        if !keys.is_empty() {
            let mut connection = self.server.connect().await;
            redis::cmd("UNLINK").arg(keys).exec_async(&mut connection).await.expect("Redis deletes keys");
        }
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        // An error here would hide the failure of the test.
        let _ = delete_keys(&self.server.url, &self.prefix);
    }
}

fn delete_keys(url: &str, part: &str) -> RedisResult<()> {
    let mut connection = Client::open(url)?.get_connection_with_timeout(Duration::from_secs(5))?;
    let mut cursor = 0_u64;
    loop {
        let (next, page): (u64, Vec<String>) = scan(cursor, part).query(&mut connection)?;
        if !page.is_empty() {
            redis::cmd("UNLINK").arg(page).exec(&mut connection)?;
        }
        cursor = next;
        if cursor == 0 {
            return Ok(());
        }
    }
}

fn scan(cursor: u64, part: &str) -> redis::Cmd {
    let mut command = redis::cmd("SCAN");
    command.arg(cursor).arg("MATCH").arg(format!("*{part}*")).arg("COUNT").arg(1000);
    command
}

/// Reads lines such as `cmdstat_config|get:calls=3,usec=9,...`.
fn parse_command_counts(text: &str) -> BTreeMap<String, u64> {
    text.lines()
        .filter_map(|line| {
            let (name, numbers) = line.strip_prefix("cmdstat_")?.split_once(':')?;
            let calls = numbers.split(',').find_map(|number| number.strip_prefix("calls="))?;
            Some((name.to_owned(), calls.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_command_counts() {
        let text = "# Commandstats\r\ncmdstat_info:calls=2,usec=75\r\ncmdstat_config|get:calls=3,usec=9\r\nother:1\r\n";
        let expected = BTreeMap::from([("info".to_owned(), 2), ("config|get".to_owned(), 3)]);
        assert_eq!(parse_command_counts(text), expected);
    }
}
