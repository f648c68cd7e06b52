//! The connection of this process to Redis. The client library makes a broken
//! connection anew, but keeps one that merely stays silent — a firewall forgot it, a
//! host vanished — until the kernel gives it up, a quarter of an hour later. Here a
//! command that gets no answer in time ends its connection: the next one goes over a
//! new one.

use std::sync::{Arc, PoisonError, RwLock};

use ::redis::{
    Client, Cmd, Pipeline, RedisFuture, RedisResult, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
};

/// Cheap to clone; every clone goes over the same connection.
#[derive(Clone)]
pub(crate) struct Link {
    client: Client,
    config: ConnectionManagerConfig,
    current: Arc<RwLock<Numbered>>,
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
        Ok(Self { client, config, current })
    }

    fn current(&self) -> Numbered {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at an answer that came, or not, over the connection of that number. Of
    /// many commands that time out together, one replaces it.
    fn judge<T>(&self, answer: RedisResult<T>, number: u64) -> RedisResult<T> {
        let silent = answer.as_ref().err().is_some_and(::redis::RedisError::is_timeout);
        if silent {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            if current.number == number {
                let connection =
                    ConnectionManager::new_lazy_with_config(self.client.clone(), self.config.clone())?;
                *current = Numbered { number: number + 1, connection };
                tracing::warn!("Redis did not answer in time; connecting anew");
            }
        }
        answer
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
    }
}
