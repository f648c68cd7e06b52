//! The connection of this process to Redis. The client library keeps a silent connection,
//! whose host vanished or whose firewall dropped it, until the kernel closes it after a
//! quarter of an hour. Where it cannot connect, it answers the next command with the old
//! failure before it tries again. Here a command replaces its connection when it cannot
//! connect, times out, or is refused by a replica.

use std::sync::{Arc, PoisonError, RwLock};

use ::redis::{
    Client, Cmd, Pipeline, RedisError, RedisFuture, RedisResult, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
};
use futures::FutureExt;
use tokio::sync::Notify;

use crate::fault::Fault;

/// The connection. Clones are cheap and share it.
#[derive(Clone)]
pub(crate) struct Link {
    client: Client,
    config: ConnectionManagerConfig,
    current: Arc<RwLock<Numbered>>,
    timeouts: Arc<Notify>,
}

/// A connection and its number.
#[derive(Clone)]
struct Numbered {
    number: u64,
    connection: ConnectionManager,
}

impl Link {
    /// A link that connects at its first use.
    pub(crate) fn new(client: Client, config: ConnectionManagerConfig) -> RedisResult<Self> {
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config.clone())?;
        let current = Arc::new(RwLock::new(Numbered { number: 0, connection }));
        Ok(Self { client, config, current, timeouts: Arc::default() })
    }

    fn current(&self) -> Numbered {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the next command use a new connection.
    pub(crate) fn renew(&self) -> RedisResult<()> {
        self.replace(self.current().number)
    }

    /// Returns once a command has timed out: other connections of the same route may be dead
    /// too.
    pub(crate) async fn timed_out(&self) {
        self.timeouts.notified().await;
    }

    /// Clears earlier timeouts.
    pub(crate) fn clear_timeouts(&self) {
        let _cleared = self.timeouts.notified().now_or_never();
    }

    /// Replaces the connection of that number where the answer shows that it is dead.
    fn check<T>(&self, answer: RedisResult<T>, number: u64) -> RedisResult<T> {
        let error = answer.as_ref().err();
        // The address of a server that became a replica may lead to its successor.
        let is_replica = error.is_some_and(|error| Fault::of_redis(error) == Fault::ReadOnly);
        if is_replica || error.is_some_and(RedisError::is_io_error) {
            self.replace(number)?;
        }
        if error.is_some_and(RedisError::is_timeout) {
            tracing::warn!("Redis did not answer in time; reconnecting");
            self.timeouts.notify_one();
        }
        answer
    }

    /// Replaces the connection of that number, unless another command has done so.
    fn replace(&self, number: u64) -> RedisResult<()> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.number == number {
            let connection =
                ConnectionManager::new_lazy_with_config(self.client.clone(), self.config.clone())?;
            *current = Numbered { number: number + 1, connection };
        }
        Ok(())
    }
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let Numbered { number, mut connection } = self.current();
            let answer = connection.req_packed_command(cmd).await;
            self.check(answer, number)
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let Numbered { number, mut connection } = self.current();
            let answer = connection.req_packed_commands(pipeline, offset, count).await;
            self.check(answer, number)
        })
    }

    fn get_db(&self) -> i64 {
        self.current().connection.get_db()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ::redis::AsyncCommands;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        sync::mpsc,
    };

    use super::*;

    /// Answers every command with OK; the first connection stops to answer once told so.
    async fn serve(mut stream: TcpStream, mut silence: Option<mpsc::Receiver<()>>) {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            if silence.as_mut().is_some_and(|told| told.try_recv().is_ok()) {
                std::future::pending::<()>().await;
            }
            let commands = buffer[..read].iter().filter(|byte| **byte == b'*').count();
            if stream.write_all("+OK\r\n".repeat(commands).as_bytes()).await.is_err() {
                return;
            }
        }
    }

    #[tokio::test]
    async fn replaces_a_connection_that_timed_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (tell, told) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut silence = Some(told);
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, silence.take()));
            }
        });
        let client = Client::open(format!("redis://{address}")).expect("a URL");
        let config = ConnectionManagerConfig::new().set_response_timeout(Some(Duration::from_millis(100)));
        let mut link = Link::new(client, config).expect("a link");
        let mut clone = link.clone();
        let first: String = link.ping().await.expect("an answer");
        assert_eq!(first, "OK");

        tell.send(()).await.expect("the server listens");
        let silent = link.ping::<String>().await.expect_err("no answer");

        assert!(silent.is_timeout(), "{silent}");
        assert_eq!(clone.ping::<String>().await.expect("an answer over a new connection"), "OK");
        assert!(clone.timed_out().now_or_never().is_some(), "the timeout is reported");
    }

    #[tokio::test]
    async fn the_first_command_after_an_outage_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let client = Client::open(format!("redis://{address}")).expect("a URL");
        let config = ConnectionManagerConfig::new().set_number_of_retries(0);
        let mut link = Link::new(client, config).expect("a link");
        for _ in 0..3 {
            link.ping::<String>().await.expect_err("nobody is there");
        }

        let listener = TcpListener::bind(address).await.expect("the same port");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, None));
            }
        });

        assert_eq!(link.ping::<String>().await.expect("an answer at once"), "OK");
        assert!(link.timed_out().now_or_never().is_none(), "nothing timed out");
    }
}
