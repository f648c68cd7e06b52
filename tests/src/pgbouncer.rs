//! A PgBouncer for one test, in front of the shared PostgreSQL.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use url::Url;

use crate::environment;

/// A pooler that ends when the value is dropped.
pub struct PgBouncer {
    port: u16,
    process: Child,
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts a pooler with these lines in the section `[pgbouncer]` of its settings, and waits
    /// until it accepts connections.
    ///
    /// # Panics
    /// If the program pgbouncer is missing or does not start.
    #[must_use]
    pub fn start(settings: &str) -> Self {
        let server = Url::parse(&environment::database_url()).expect("TEST_DATABASE_URL is a URL");
        for _ in 0..5 {
            let folder = TempDir::with_prefix("atelier-pgbouncer-").expect("a temporary folder");
            let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let port = port.expect("the system has a free port").port();
            write_settings(folder.path(), &server, port, settings);
            if let Some(process) = spawn(folder.path()) {
                return Self { port, process, _folder: folder };
            }
        }
        panic!("pgbouncer did not start on any of five ports")
    }

    /// Converts the direct URL of a database to one through the pooler.
    ///
    /// # Panics
    /// If it is not a URL.
    #[must_use]
    pub fn url(&self, direct: &str) -> String {
        let mut url = Url::parse(direct).expect("a URL");
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(self.port)).expect("a port");
        url.into()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn write_settings(folder: &Path, server: &Url, port: u16, settings: &str) {
    let users = folder.join("users.txt");
    let password = server.password().unwrap_or_default();
    let text = format!(
        "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
         unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\nmax_client_conn = 200\n\
         {settings}\n",
        server.host_str().unwrap_or("127.0.0.1"),
        server.port().unwrap_or(5432),
        users.display(),
    );
    std::fs::write(&users, format!("\"{}\" \"{password}\"\n", server.username())).expect("written");
    std::fs::write(folder.join("pgbouncer.ini"), text).expect("written");
}

/// Starts a pooler. `None` if it exits before it accepts connections.
fn spawn(folder: &Path) -> Option<Child> {
    let program = environment::pgbouncer();
    let mut command = Command::new(&program);
    // PgBouncer does not run as root.
    if let Some((name, uid, gid)) = find_owner(folder) {
        for path in [folder.to_owned(), folder.join("users.txt"), folder.join("pgbouncer.ini")] {
            std::os::unix::fs::chown(path, Some(uid), Some(gid)).expect("root may give a file away");
        }
        command.args(["-u", &name]);
    }
    let mut process = command
        .arg(folder.join("pgbouncer.ini"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} does not start ({error}): run scripts/test"));
    let output = process.stderr.take().expect("stderr is piped");
    let (ready, started) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if line.contains("process up") {
                let _ = ready.send(());
            }
        }
    });
    if started.recv_timeout(Duration::from_secs(20)).is_ok() {
        return Some(process);
    }
    let _ = process.kill();
    let _ = process.wait();
    None
}

/// If this process runs as root: the user for PgBouncer, with user and group id.
fn find_owner(own: &Path) -> Option<(String, u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    if own.metadata().expect("a folder").uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        let fields: Vec<&str> =
            users.lines().map(|line| line.split(':').collect()).find(|fields: &Vec<_>| fields[0] == name)?;
        Some((name.to_owned(), fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    Some(["postgres", "nobody"].into_iter().find_map(find).expect("a user postgres or nobody"))
}
