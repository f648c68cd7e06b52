//! PostgreSQL and Redis of a run, with a proxy in front of each.

use std::time::Duration;

use anyhow::Context;
use tokio::{sync::Mutex, time};

use super::{
    clusters::Clusters,
    outage::{AWAY, STALL},
};
use crate::{
    chaos::{draws, faults::Fault, proxy::Proxy, recovery::Impact},
    servers::{
        postgres::StopMode, programs::Programs, reaper::Reaper, redis_server::RedisServer, scratch::Scratch,
    },
};

/// The servers that processes share.
pub(in crate::chaos) struct Servers {
    clusters: Mutex<Clusters>,
    redis: Mutex<RedisServer>,
    postgres_proxy: Proxy,
    redis_proxy: Proxy,
    /// A proxy without faults, through which the run reads its databases.
    direct_proxy: Proxy,
    has_volume: bool,
    has_standbys: bool,
}

impl Servers {
    /// Starts them; on an error stops those that were started.
    pub(in crate::chaos) async fn start(
        programs: &Programs,
        scratch: &Scratch,
        reaper: &Reaper,
        own_mounts: bool,
    ) -> anyhow::Result<Self> {
        let clusters = Clusters::start(programs, scratch, reaper, own_mounts).await?;
        match Self::start_rest(programs, scratch, reaper, &clusters).await {
            Ok((redis, [postgres_proxy, redis_proxy, direct_proxy])) => Ok(Self {
                has_volume: clusters.has_volume(),
                has_standbys: programs.find_basebackup().is_some(),
                clusters: Mutex::new(clusters),
                redis: Mutex::new(redis),
                postgres_proxy,
                redis_proxy,
                direct_proxy,
            }),
            Err(error) => {
                clusters.stop().await?;
                Err(error)
            }
        }
    }

    async fn start_rest(
        programs: &Programs,
        scratch: &Scratch,
        reaper: &Reaper,
        clusters: &Clusters,
    ) -> anyhow::Result<(RedisServer, [Proxy; 3])> {
        let redis = RedisServer::start(programs, scratch, reaper).await?;
        let port = clusters.primary().port();
        let proxies =
            [Proxy::start(port).await?, Proxy::start(redis.port()).await?, Proxy::start(port).await?];
        Ok((redis, proxies))
    }

    /// The URL of a database through the proxy with faults.
    pub(in crate::chaos) async fn database_url(&self, name: &str) -> String {
        self.clusters.lock().await.primary().url(self.postgres_proxy.port(), name)
    }

    /// The URL of a database through the proxy without faults.
    pub(in crate::chaos) async fn direct_url(&self, name: &str) -> String {
        self.clusters.lock().await.primary().url(self.direct_proxy.port(), name)
    }

    /// The URL of Redis through its proxy.
    pub(in crate::chaos) async fn redis_url(&self) -> String {
        self.redis.lock().await.url(self.redis_proxy.port())
    }

    pub(super) fn unavailable_reason(&self, fault: Fault) -> Option<&'static str> {
        match fault {
            Fault::PostgresFull if !self.has_volume => Some("no file system can be mounted here"),
            Fault::PostgresFailover if !self.has_standbys => Some("pg_basebackup is not here"),
            _ => None,
        }
    }

    /// Stops both.
    pub(in crate::chaos) async fn stop(&self) -> anyhow::Result<()> {
        self.redis.lock().await.kill().await;
        self.clusters.lock().await.stop().await
    }

    pub(super) async fn apply(&self, fault: Fault, draws: [f64; 4]) -> anyhow::Result<Impact> {
        let pause = draws::between(draws[2], STALL.0, STALL.1);
        match fault {
            Fault::RedisRestart => self.restart_redis(true, draws).await?,
            Fault::RedisLose => self.restart_redis(false, draws).await?,
            Fault::RedisFlush => self.redis.lock().await.flush().await?,
            Fault::RedisFull | Fault::RedisReadonly | Fault::RedisForbidden => {
                self.refuse_redis(fault, pause).await?;
            }
            Fault::RedisCut => self.redis_proxy.cut(),
            Fault::RedisStall => stall(&self.redis_proxy, pause).await,
            Fault::RedisHole => self.redis_proxy.blackhole(),
            Fault::PostgresRestart => self.clusters.lock().await.primary().restart(StopMode::Fast).await?,
            Fault::PostgresCrash => self.clusters.lock().await.primary().restart(StopMode::Immediate).await?,
            Fault::PostgresFull => self.clusters.lock().await.fill_for(pause).await?,
            Fault::PostgresReadonly => self.clusters.lock().await.set_readonly_for(pause).await?,
            Fault::PostgresFailover => {
                self.clusters.lock().await.fail_over(&[&self.postgres_proxy, &self.direct_proxy]).await?;
            }
            Fault::PostgresCut => self.postgres_proxy.cut(),
            Fault::PostgresStall => stall(&self.postgres_proxy, pause).await,
            Fault::PostgresHole => self.postgres_proxy.blackhole(),
            _ => {}
        }
        Ok(Impact::now())
    }

    async fn restart_redis(&self, with_data: bool, draws: [f64; 4]) -> anyhow::Result<()> {
        let mut redis = self.redis.lock().await;
        redis.kill().await;
        time::sleep(draws::between(draws[2], AWAY.0, AWAY.1)).await;
        redis.start_again(with_data).await.context("Redis does not start again")
    }

    /// Makes Redis refuse commands for so long.
    async fn refuse_redis(&self, fault: Fault, pause: Duration) -> anyhow::Result<()> {
        let redis = self.redis.lock().await;
        for refuses in [true, false] {
            match fault {
                Fault::RedisFull => redis.set_full(refuses).await?,
                Fault::RedisReadonly => redis.set_readonly(refuses).await?,
                _ => redis.set_forbidden(refuses).await?,
            }
            if refuses {
                time::sleep(pause).await;
            }
        }
        Ok(())
    }
}

async fn stall(proxy: &Proxy, pause: Duration) {
    proxy.stall();
    time::sleep(pause).await;
    proxy.resume();
}
