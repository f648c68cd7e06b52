//! The external services of the settings.

use std::sync::Arc;

use anyhow::{Context, bail};
use atelier_automation::nodes::http_request;
use atelier_config::Settings;
use atelier_providers::{
    circuits::{Circuits, LocalCircuits, redis::RedisCircuits},
    http::{GuardedClient, HttpOptions},
    limiter::{RateLimiter, memory::MemoryLimiter, redis::RedisLimiter},
    mail::{
        Mailer,
        captured::CapturedMailer,
        smtp::{SmtpMailer, SmtpOptions},
    },
    object_store::{ObjectStoreOptions, Objects, S3Options},
    resilience::BreakerPolicy,
    shared_redis::SharedRedisOptions,
};
use atelier_queue::transport::open_redis;

/// The circuit breakers. With Redis all processes share them.
pub(super) fn circuits(settings: &Settings, policy: BreakerPolicy) -> anyhow::Result<Arc<dyn Circuits>> {
    let Some(redis) = shared_redis(settings)? else { return Ok(Arc::new(LocalCircuits::new(policy))) };
    Ok(Arc::new(RedisCircuits::new(&redis, policy).context("cannot use Redis for circuits")?))
}

/// The Redis of the settings, where they name one.
pub(super) fn shared_redis(settings: &Settings) -> anyhow::Result<Option<SharedRedisOptions>> {
    let Some(url) = settings.redis_url() else { return Ok(None) };
    Ok(Some(SharedRedisOptions {
        client: open_redis(url, redis_authorities(settings)?).context("cannot use Redis")?,
        key_prefix: settings.redis.key_prefix.clone(),
        command_timeout: settings.redis.command_timeout(),
    }))
}

/// The CA certificates of `redis.ca_file`, if it is set.
fn redis_authorities(settings: &Settings) -> anyhow::Result<Option<String>> {
    let Some(file) = settings.redis.ca_file() else { return Ok(None) };
    let text = std::fs::read_to_string(file).context("cannot read redis.ca_file")?;
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        bail!("redis.ca_file contains no PEM certificate");
    }
    Ok(Some(text))
}

pub(super) fn mailer(settings: &Settings) -> anyhow::Result<Arc<dyn Mailer>> {
    let Some(url) = settings.smtp_url() else { return Ok(Arc::new(CapturedMailer)) };
    let max_connections = u32::try_from(settings.queue.concurrency.email).unwrap_or(u32::MAX).max(1);
    let read = |file| std::fs::read_to_string(file).context("cannot read mail.ca_file");
    let options = SmtpOptions {
        url: url.clone(),
        authorities: settings.mail.ca_file().map(read).transpose()?,
        timeout: settings.mail.timeout(),
        max_connections,
    };
    Ok(Arc::new(SmtpMailer::new(&options).context("cannot use the mail server")?))
}

pub(super) fn objects(settings: &Settings) -> anyhow::Result<Objects> {
    let storage = &settings.storage;
    let s3 = S3Options {
        bucket: String::new(),
        prefix: String::new(),
        endpoint: storage.s3_endpoint.clone(),
        region: storage.s3_region.clone(),
        access_key_id: storage.s3_access_key_id.clone(),
        secret_access_key: storage.s3_secret_access_key.clone(),
    };
    let default_folder = settings.server.data_dir.join("objects");
    ObjectStoreOptions::from_url(&storage.url, default_folder, s3)
        .and_then(|options| Objects::open(&options))
        .context("cannot open the object store")
}

/// The client of the requests of workflows.
pub(super) fn workflow_http(settings: &Settings) -> anyhow::Result<GuardedClient> {
    let http = &settings.http_client;
    let options = HttpOptions {
        connect_timeout: http.connect_timeout(),
        allow_private_addresses: http.allow_private_addresses,
        allowed_networks: http.allowed_networks(),
        ..HttpOptions::default()
    };
    http_request::client(options).context("cannot send requests of workflows")
}

pub(super) fn limiter(settings: &Settings) -> anyhow::Result<Arc<dyn RateLimiter>> {
    let Some(redis) = shared_redis(settings)? else { return Ok(Arc::new(MemoryLimiter::new())) };
    Ok(Arc::new(RedisLimiter::new(&redis).context("cannot use Redis for rate limits")?))
}
