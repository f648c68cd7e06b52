//! The examples in `--help`. A test parses each of them as a command line.

pub(super) const ALL: &str = "\
Examples:
  atelier                                       start everything on 127.0.0.1:8001
  atelier demo \"A reading list with ratings\"    create an application and save its ZIP
  atelier --config atelier.toml config          show every setting and its source
  atelier admin create --email ada@example.org  create an administrator
  atelier queues list                           show backlog, workers, limits
  atelier jobs list --status failed             list failed jobs
  DATABASE_URL=postgres://… REDIS_URL=redis://… atelier migrate

Every setting can be set in the environment, as DATABASE_URL or as
ATELIER_QUEUE__HEARTBEAT_SECS=2: see `atelier config`.

Exit codes: 0 done; 1 not found, refused or failed; 2 wrong command line or settings;
130 interrupted.";

pub(super) const SERVE: &str = "\
Examples:
  atelier serve
  BIND=0.0.0.0:8001 DATA_DIR=/var/lib/atelier atelier serve
  atelier serve --config atelier.toml

Ctrl-C or SIGTERM finishes the running work; a second one ends the process at once.";

pub(super) const CONFIG: &str = "\
Examples:
  atelier config
  atelier config --config atelier.toml
  RUST_LOG=debug atelier config | grep telemetry

With a wrong setting it reports every mistake and exits with 2.";

pub(super) const MIGRATE: &str = "\
Examples:
  atelier migrate
  DATABASE_URL=postgres://owner:secret@db/atelier atelier migrate

Every process does this at its start if its database user may change tables.
Otherwise run this first, as a user who may. Without pending migrations it changes nothing.";

pub(super) const OPENAPI: &str = "\
Examples:
  atelier openapi > openapi.json
  atelier openapi | jq '.paths | keys'

It needs no settings and no database.";

pub(super) const JOBS_LIST: &str = "\
Examples:
  atelier jobs list --status failed --since 1h
  atelier jobs list --queue generation --owner ada@example.org
  atelier jobs list --error MAIL_UNAVAILABLE --json | jq -r '.jobs[].id'";

pub(super) const JOBS_SHOW: &str = "\
Examples:
  atelier jobs show 0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a
  atelier jobs show 0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a --json | jq .attempts";

pub(super) const JOBS_WHY: &str = "\
Examples:
  atelier jobs why 0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a
  atelier jobs why 0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a --json | jq -r .code";

pub(super) const JOBS_CANCEL: &str = "\
Examples:
  atelier jobs cancel 0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a
  atelier jobs list --status available --json | jq -r '.jobs[].id' | xargs atelier jobs cancel";

pub(super) const JOBS_RETRY: &str = "\
Examples:
  atelier jobs retry 0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a
  atelier jobs list --error MAIL_UNAVAILABLE --json | jq -r '.jobs[].id' | xargs atelier jobs retry";

pub(super) const CREDENTIALS: &str = "\
Examples:
  atelier credentials keys
  atelier credentials rewrap";

pub(super) const CREDENTIALS_KEYS: &str = "\
Examples:
  atelier credentials keys
  atelier credentials keys --json | jq '.keys[].secrets'";

pub(super) const CREDENTIALS_REWRAP: &str = "\
Examples:
  atelier credentials rewrap

Put the new key in front in CREDENTIAL_KEYS and restart every process first. Remove the old
key once `atelier credentials keys` lists it no more.";

pub(super) const QUEUES_LIST: &str = "\
Examples:
  atelier queues list
  atelier queues list --json | jq '.queues[] | select(.paused_at)'";

pub(super) const QUEUES_PAUSE: &str = "\
Examples:
  atelier queues pause email
  atelier queues resume email    resume it";

pub(super) const QUEUES_RESUME: &str = "\
Examples:
  atelier queues resume email
  atelier queues list            show which are paused";

pub(super) const QUEUES_LIMIT: &str = "\
Examples:
  atelier queues limit generation                                   show its limits
  atelier queues limit generation --max-running 40 --per-owner 2
  atelier queues limit email --rate 100/60                          at most 100 starts in 60 seconds
  atelier queues limit email --rate none                            remove the rate
  atelier queues limit email --clear                                remove all limits";

pub(super) const ADMIN_CREATE: &str = "\
Examples:
  atelier admin create --email ada@example.org
  atelier admin create --email ada@example.org --full-name \"Ada Lovelace\"
  pass atelier | atelier admin create --email ada@example.org --password-stdin";

/// The examples and the needs of a split role.
pub(super) fn role(name: &str) -> String {
    format!(
        "\
Examples:
  {name}
  {name} --config atelier.toml
  DATABASE_URL=postgres://… REDIS_URL=redis://… JWT_SECRET=… {name}

It needs the services that all roles share:
  DATABASE_URL   postgres:// URL
  REDIS_URL      redis:// URL
  JWT_SECRET     at least 32 bytes, the same for all
and CREDENTIAL_KEYS, the same for all, if people store credentials.

Every setting can be set in the environment, as ATELIER_QUEUE__HEARTBEAT_SECS=2,
or in the file named by --config: `atelier config` shows them all."
    )
}
