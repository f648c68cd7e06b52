//! The providers that the settings ask for.

use std::sync::Arc;

use anyhow::Context;
use atelier_config::{LlmProvider, Settings};
use atelier_providers::{
    limiter::{
        RateLimiter,
        memory::MemoryLimiter,
        redis::{RedisLimiter, RedisLimiterOptions},
    },
    llm::{
        ChatModel,
        openai::{OpenAi, OpenAiOptions},
        scaffold::Scaffold,
    },
    mail::{
        Mailer,
        captured::CapturedMailer,
        smtp::{SmtpMailer, SmtpOptions},
    },
    object_store::{ObjectStoreOptions, Objects, S3Options},
};

pub(super) fn model(settings: &Settings) -> anyhow::Result<Arc<dyn ChatModel>> {
    let llm = &settings.llm;
    if llm.resolved_provider() != LlmProvider::Openai {
        return Ok(Arc::new(Scaffold));
    }
    let model = OpenAi::new(OpenAiOptions {
        base_url: llm.base_url.clone(),
        api_key: llm.api_key.clone(),
        quick_model: llm.quick_model.clone(),
        advanced_model: llm.advanced_model.clone(),
        max_output_tokens: llm.max_output_tokens,
        connect_timeout: settings.http_client.connect_timeout(),
        timeout: llm.timeout(),
        idle_timeout: llm.idle_timeout(),
    });
    Ok(Arc::new(model.context("cannot use the model server")?))
}

pub(super) fn mailer(settings: &Settings) -> anyhow::Result<Arc<dyn Mailer>> {
    let Some(url) = settings.smtp_url() else { return Ok(Arc::new(CapturedMailer)) };
    let max_connections = u32::try_from(settings.queue.concurrency.email).unwrap_or(u32::MAX).max(1);
    let options = SmtpOptions { url: url.clone(), timeout: settings.mail.timeout(), max_connections };
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

pub(super) fn limiter(settings: &Settings) -> anyhow::Result<Arc<dyn RateLimiter>> {
    let Some(url) = settings.redis_url() else { return Ok(Arc::new(MemoryLimiter::new())) };
    let limiter = RedisLimiter::new(&RedisLimiterOptions {
        url: url.clone(),
        key_prefix: settings.redis.key_prefix.clone(),
        command_timeout: settings.redis.command_timeout(),
    });
    Ok(Arc::new(limiter.context("cannot use Redis for rate limits")?))
}
