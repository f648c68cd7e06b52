//! Settings for the tests of every crate.

use std::net::{Ipv4Addr, SocketAddr};

use crate::load::load_from;
use crate::role::Role;
use crate::settings::Settings;

impl Settings {
    /// The defaults for tests: free ports, short times, fixed secrets,
    /// no environment, no hosts of sites. Set `server.data_dir` to a folder of the test's own.
    #[must_use]
    pub fn for_tests() -> Self {
        let loaded = load_from(Role::Embedded, None, &[]);
        let mut settings = loaded.expect("the compiled defaults are checked by this crate's tests").settings;
        settings.server.bind = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        settings.server.shutdown_grace_secs = 5;
        settings.server.preview_url = "none".to_owned();
        settings.auth.jwt_secret = "a signing secret for tests, used nowhere else".into();
        settings.credentials.keys = "tests:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=".into();
        settings.queue.heartbeat_secs = 1;
        settings.queue.relay_interval_ms = 100;
        settings
    }
}
