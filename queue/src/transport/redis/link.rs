//! The connection of this process to Redis. The client library keeps a connection
//! that merely stays silent — a firewall forgot it, a host vanished — until the kernel
//! gives it up, a quarter of an hour later; and where it cannot connect, it answers the
//! next command by that old failure before it tries again. Here a command that fails
//! for want of a connection, gets no answer in time, or is refused by a replica, ends its
//! connection: the next one goes over a new one.

use std::sync::{Arc, PoisonError, RwLock};

use ::redis::{
    Client, Cmd, Pipeline, RedisError, RedisFuture, RedisResult, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
};
use futures::FutureExt;
use tokio::sync::Notify;

use crate::fault::Fault;

/// Cheap to clone; every clone goes over the same connection.
#[derive(Clone)]
pub(crate) struct Link {
    client: Client,
    config: ConnectionManagerConfig,
    current: Arc<RwLock<Numbered>>,
    silence: Arc<Notify>,
}

/// A connection, and how many there were before it.
#[derive(Clone)]
struct Numbered {
    number: u64,
    connection: ConnectionManager,
}

impl Link {
    /// A link that connects when it is first used.
    pub(crate) fn new(client: Client, config: ConnectionManagerConfig) -> RedisResult<Self> {
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config.clone())?;
        let current = Arc::new(RwLock::new(Numbered { number: 0, connection }));
        Ok(Self { client, config, current, silence: Arc::default() })
    }

    fn current(&self) -> Numbered {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the next command go over a new connection.
    pub(crate) fn renew(&self) -> RedisResult<()> {
        self.replace(self.current().number)
    }

    /// Returns once a command got no answer in time: whatever else goes the same way
    /// may have fallen silent too.
    pub(crate) async fn fell_silent(&self) {
        self.silence.notified().await;
    }

    /// What fell silent until now is known.
    pub(crate) fn forget_silence(&self) {
        let _known = self.silence.notified().now_or_never();
    }

    /// Looks at an answer that came, or not, over the connection of that number.
    fn judge<T>(&self, answer: RedisResult<T>, number: u64) -> RedisResult<T> {
        let error = answer.as_ref().err();
        // One that became a replica may have a successor under the same name.
        let is_replica = error.is_some_and(|error| Fault::of_redis(error) == Fault::ReadOnly);
        if is_replica || error.is_some_and(RedisError::is_io_error) {
            self.replace(number)?;
        }
        if error.is_some_and(RedisError::is_timeout) {
            tracing::warn!("Redis did not answer in time; connecting anew");
            self.silence.notify_one();
        }
        answer
    }

    /// Of many commands that fail together, one replaces their connection.
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
            self.judge(answer, number)
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
            self.judge(answer, number)
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

    /// Answers everything with OK; the first connection, once told so, with nothing.
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
    async fn leaves_a_connection_that_fell_silent() {
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
        assert!(clone.fell_silent().now_or_never().is_some(), "whoever asks is told");
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
        assert!(link.fell_silent().now_or_never().is_none(), "nobody was silent");
    }
}
