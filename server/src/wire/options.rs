//! Converts the settings to the options of each crate.

use std::{collections::BTreeMap, time::Duration};

use atelier_api::{ApiOptions, LimitOptions, StrictTransport};
use atelier_builder::{BuilderOptions, GenerationOptions};
use atelier_config::{RetentionSettings, ServerSettings, Settings};
use atelier_foundation::{
    AuthOptions, CreditOptions, FoundationOptions, MailOptions, RetentionOptions, key_ring::KeyRing,
};
use atelier_ops::connections::ConnectionLimits;
use atelier_queue::{QueueName, QueueOptions, retention::RetentionRules, worker::WorkerOptions};
use atelier_scheduler::SchedulerOptions;
use atelier_services::ServiceOptions;
use secrecy::ExposeSecret;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// The part of the grace period for handing back unfinished jobs.
const HAND_BACK_TIME: Duration = Duration::from_secs(3);

/// The options of every domain, a line each.
pub(super) fn services(settings: &Settings, public_url: &str) -> ServiceOptions {
    ServiceOptions { foundation: foundation(settings, public_url), builder: builder(settings, public_url) }
}

fn foundation(settings: &Settings, public_url: &str) -> FoundationOptions {
    let Settings { auth, mail, .. } = settings;
    FoundationOptions {
        auth: AuthOptions {
            jwt_secret: auth.jwt_secret.clone(),
            access_token: auth.access_token_lifetime(),
            refresh_token: auth.refresh_token_lifetime(),
            refresh_grace: auth.refresh_grace(),
            max_sign_in_age: auth.max_sign_in_age(),
            hash_concurrency: auth.password_hash_concurrency,
            require_verified_email: auth.require_verified_email,
            hide_registered_emails: auth.hide_registered_emails,
            issuer: settings.token_issuer().to_owned(),
            admin_email: auth.admin_email(),
        },
        key_ring: key_ring(settings),
        credits: credits(settings),
        max_projects: settings.limits.projects_per_user,
        mail: MailOptions {
            from: mail.from.clone(),
            reply_to: mail.reply_to().map(str::to_owned),
            public_url: public_url.to_owned(),
        },
        retention: retention(&settings.retention),
    }
}

fn key_ring(settings: &Settings) -> KeyRing {
    let keys = settings.credential_keys();
    KeyRing::new(keys.iter().map(|key| (key.id.clone(), key.secret.expose_secret())))
}

fn retention(retention: &RetentionSettings) -> RetentionOptions {
    RetentionOptions {
        jobs: RetentionRules {
            succeeded: DAY * retention.succeeded_days,
            failed: DAY * retention.failed_days,
            cancelled: DAY * retention.cancelled_days,
            batch: u32::try_from(retention.batch).unwrap_or(u32::MAX),
        },
        idempotency: HOUR * retention.idempotency_hours,
        audit: (retention.audit_days > 0).then(|| DAY * retention.audit_days),
        audit_archives: (retention.audit_archive_days > 0).then(|| DAY * retention.audit_archive_days),
    }
}

fn builder(settings: &Settings, public_url: &str) -> BuilderOptions {
    let generation = &settings.generation;
    BuilderOptions {
        generation: GenerationOptions {
            max_repairs: generation.max_repairs,
            max_completion_time: settings.llm.timeout(),
            max_files: generation.max_files,
            max_file_bytes: generation.max_file_bytes,
            max_total_bytes: generation.max_total_bytes,
            max_versions: settings.limits.versions_per_project,
        },
        credits: credits(settings),
        public_url: public_url.to_owned(),
        preview_url: settings.preview_url(),
    }
}

fn credits(settings: &Settings) -> CreditOptions {
    let credits = &settings.credits;
    CreditOptions {
        signup_grant: credits.signup_grant,
        quick_price: credits.quick_price,
        advanced_price: credits.advanced_price,
    }
}

pub(super) fn queue(settings: &Settings) -> QueueOptions {
    let queue = &settings.queue;
    QueueOptions {
        heartbeat: queue.heartbeat(),
        window: queue.window as usize,
        max_args_bytes: queue.max_args_bytes,
        max_result_bytes: queue.max_result_bytes,
        max_log_lines: queue.max_log_lines,
    }
}

/// The limits of client connections.
pub(crate) fn connections(settings: &Settings) -> ConnectionLimits {
    let server = &settings.server;
    ConnectionLimits {
        headers: server.header_timeout(),
        idle: server.idle_timeout(),
        write: server.write_timeout(),
        connections: server.max_connections,
    }
}

/// The options of the API.
pub(crate) fn api(settings: &Settings) -> ApiOptions {
    let Settings { server, limits, .. } = settings;
    ApiOptions {
        max_body_bytes: server.max_body_bytes,
        request_timeout: server.request_timeout(),
        connections: connections(settings),
        cors_allowed_origins: server.cors_allowed_origins.clone(),
        trusted_proxies: server.trusted_proxies.clone(),
        data_dir: server.data_dir.clone(),
        limits: LimitOptions {
            requests_per_minute: limits.requests_per_minute,
            auth_per_minute: limits.auth_per_minute,
            generation_per_minute: limits.generation_per_minute,
            preview_per_minute: limits.preview_per_minute,
        },
        strict_transport: strict_transport(server),
    }
}

fn strict_transport(server: &ServerSettings) -> StrictTransport {
    match (server.public_url.starts_with("https://"), server.hsts_include_subdomains) {
        (false, _) => StrictTransport::Off,
        (true, false) => StrictTransport::Host,
        (true, true) => StrictTransport::Subdomains,
    }
}

/// The options of a worker.
pub(crate) fn worker(settings: &Settings) -> WorkerOptions {
    let slots = &settings.queue.concurrency;
    let concurrency = BTreeMap::from([
        (QueueName::Generation, slots.generation),
        (QueueName::Deployment, slots.deployment),
        (QueueName::Email, slots.email),
        (QueueName::Stats, slots.stats),
        (QueueName::Workflow, slots.workflow),
        (QueueName::Maintenance, slots.maintenance),
    ]);
    WorkerOptions {
        concurrency: concurrency.into_iter().filter(|(_, slots)| *slots > 0).collect(),
        grace: worker_grace(settings.server.shutdown_grace()),
        host: host(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        adopt_trace: atelier_ops::trace::set_parent,
    }
}

/// The options of a scheduler.
pub(crate) fn scheduler(settings: &Settings) -> SchedulerOptions {
    SchedulerOptions {
        relay_interval: settings.queue.relay_interval(),
        host: host(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// The part of the grace period for running jobs.
fn worker_grace(shutdown: Duration) -> Duration {
    shutdown.saturating_sub(HAND_BACK_TIME).max(shutdown / 2)
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "unknown".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use atelier_builder::generation::RunGeneration;
    use atelier_config::MAX_LLM_TIMEOUT_SECS;
    use atelier_queue::Job;

    use super::*;

    #[test]
    fn jobs_end_before_the_grace_period_ends() {
        for (shutdown, jobs) in [(25, 22), (5, 2), (2, 1), (0, 0)] {
            let grace = worker_grace(Duration::from_secs(shutdown));
            assert_eq!(grace.as_secs(), jobs, "{shutdown} s");
        }
    }

    #[test]
    fn strict_transport_follows_the_settings() {
        let mut settings = Settings::for_tests();
        for (public_url, subdomains, expected) in [
            ("", true, StrictTransport::Off),
            ("http://atelier.example", true, StrictTransport::Off),
            ("https://atelier.example", false, StrictTransport::Host),
            ("https://atelier.example", true, StrictTransport::Subdomains),
        ] {
            settings.server.public_url = public_url.to_owned();
            settings.server.hsts_include_subdomains = subdomains;
            assert_eq!(strict_transport(&settings.server), expected, "{public_url} {subdomains}");
        }
    }

    #[test]
    fn every_queue_is_served_unless_it_has_no_slots() {
        let mut settings = Settings::for_tests();
        assert_eq!(worker(&settings).concurrency.len(), QueueName::ALL.len());

        settings.queue.concurrency.email = 0;

        assert!(!worker(&settings).concurrency.contains_key(&QueueName::Email));
    }

    #[test]
    fn the_longest_completion_leaves_time_to_store_the_version() {
        let longest = Duration::from_secs(MAX_LLM_TIMEOUT_SECS.unsigned_abs());

        assert!(longest + Duration::from_secs(60) <= RunGeneration::policy().timeout);
    }

    #[test]
    fn settings_are_converted_to_durations() {
        let options = services(&Settings::for_tests(), "http://here");

        assert_eq!(options.foundation.retention.jobs.failed, DAY * 30);
        assert_eq!(options.foundation.retention.idempotency, HOUR * 24);
        assert_eq!(options.foundation.retention.audit_archives, Some(DAY * 1_825));
        assert_eq!(options.foundation.mail.public_url, "http://here");
        assert_eq!(options.foundation.auth.access_token, Duration::from_secs(30 * 60));
    }
}
