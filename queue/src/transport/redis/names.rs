//! The names of keys and channels. Each begins with the prefix of the installation and a
//! colon, so that a user of Redis can be confined to them.

use apalis_redis::Config;
use uuid::Uuid;

use crate::name::QueueName;

/// Channels of an installation.
#[derive(Clone, Debug)]
pub(super) struct Channels {
    /// Queue names that have something new.
    pub(super) wake: String,
    /// [`Message`](crate::bus::Message)s as JSON.
    pub(super) news: String,
    /// The ids of jobs that changed, as bytes: there are many of them.
    pub(super) changed: String,
    /// Before the id of a process: the numbers of its news that others have heard.
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

    /// Where a process is told that its news was heard.
    pub(super) fn heard_by(&self, process: Uuid) -> String {
        format!("{}:{process}", self.heard)
    }
}

/// apalis-redis's settings of a queue. What stands in braces, the queue, puts all of its
/// keys into one slot of a cluster.
pub(super) fn queue_config(prefix: &str, queue: QueueName) -> Config {
    config(format!("{prefix}:{{{queue}}}"))
}

/// The same as versions before named the queue's keys: with the brace before the prefix.
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
        for name in [&channels.wake, &channels.news, &channels.changed, &channels.heard_by(Uuid::nil())] {
            assert!(name.starts_with("a:b:"), "{name}");
        }
    }
}
