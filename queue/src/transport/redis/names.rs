//! The names of keys and channels. Each begins with the prefix of the installation and a
//! colon, so that the permissions of a Redis user can be limited to them.

use apalis_redis::Config;
use uuid::Uuid;

use crate::name::QueueName;

/// Channels of an installation.
#[derive(Clone, Debug)]
pub(super) struct Channels {
    /// Names of queues that have new ids.
    pub(super) wake: String,
    /// [`Message`](crate::bus::Message)s as JSON.
    pub(super) news: String,
    /// Ids of changed jobs as bytes, since there are many.
    pub(super) changed: String,
    /// Prefix of a process's channel of confirmations: the numbers of its messages.
    heard: String,
}

impl Channels {
    pub(super) fn of(prefix: &str) -> Self {
        Self {
            wake: format!("{prefix}:wake"),
            news: format!("{prefix}:news"),
            changed: format!("{prefix}:changed"),
            heard: format!("{prefix}:heard"),
        }
    }

    /// The channel on which a process receives confirmations.
    pub(super) fn confirmations_of(&self, process: Uuid) -> String {
        format!("{}:{process}", self.heard)
    }
}

/// The apalis-redis configuration of a queue. The braces put all keys of the queue into one
/// slot of a Redis cluster.
pub(super) fn queue_config(prefix: &str, queue: QueueName) -> Config {
    config(format!("{prefix}:{{{queue}}}"))
}

/// The configuration with the names of earlier versions: the brace before the prefix.
pub(super) fn former_config(prefix: &str, queue: QueueName) -> Config {
    config(format!("{{{prefix}:{queue}}}"))
}

fn config(name: String) -> Config {
    Config::default().queue(name).lock_tasks(false).emit_events(false)
}

#[cfg(test)]
mod tests {
    use apalis_core::worker::context::WorkerContext;

    use super::*;

    #[test]
    fn every_name_begins_with_the_prefix() {
        let (config, channels) = (queue_config("a:b", QueueName::Email), Channels::of("a:b"));
        let worker = WorkerContext::new("w");
        for name in [
            config.active_jobs_list(),
            config.scheduled_jobs_set(),
            config.workers_set(),
            config.inflight_set_for(&worker),
            config.job_data_hash(),
            config.job_meta_hash(),
            config.signal_list(),
            config.idempotency_key_set(),
        ] {
            assert!(name.starts_with("a:b:{email}:"), "{name}");
        }
        for name in
            [&channels.wake, &channels.news, &channels.changed, &channels.confirmations_of(Uuid::nil())]
        {
            assert!(name.starts_with("a:b:"), "{name}");
        }
    }
}
