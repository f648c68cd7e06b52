//! Redis servers for one test.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use uuid::Uuid;

use super::RedisServer;
use crate::authority::{Authority, Issued};
use crate::environment;

/// A Redis for one test, which may kill, restart and empty it. It stores nothing on disk and
/// ends when the value is dropped.
pub struct PrivateRedis {
    /// The server; its URL stays the same over restarts.
    pub server: RedisServer,
    port: u16,
    password: String,
    process: Option<Child>,
}

impl PrivateRedis {
    /// Starts a server on a free port and waits until it accepts connections.
    ///
    /// # Panics
    /// If the program redis-server is missing or does not start.
    #[must_use]
    pub fn start() -> Self {
        let password = Uuid::new_v4().simple().to_string();
        for _ in 0..5 {
            let port = find_port();
            if let Some(process) = spawn_server(&plain_settings(port, &password)) {
                let url = format!("redis://:{password}@127.0.0.1:{port}");
                let server = RedisServer { url, authority: None };
                return Self { server, port, password, process: Some(process) };
            }
        }
        panic!("redis-server did not start on any of five ports")
    }

    /// Kills the server and waits until it has exited. Does nothing if it is not running.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts the server again on the same port, without data. Kills it first if it is running.
    ///
    /// # Panics
    /// If the server does not start.
    pub fn restart(&mut self) {
        self.kill();
        let process = spawn_server(&plain_settings(self.port, &self.password));
        self.process = Some(process.expect("redis-server starts again on its port"));
    }
}

impl Drop for PrivateRedis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn find_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("the system has a free port")
        .port()
}

/// A Redis for one test that accepts only TLS. Its certificate is for `localhost`. It stores
/// nothing and ends when the value is dropped.
pub struct EncryptedRedis {
    /// The server.
    pub server: RedisServer,
    /// The CA of its certificate.
    pub authority: Authority,
    _folder: TempDir,
    process: Child,
}

impl EncryptedRedis {
    /// Starts a server on a free port and waits until it accepts connections.
    ///
    /// # Panics
    /// If the program redis-server is missing, does not support TLS or does not start.
    #[must_use]
    pub fn start() -> Self {
        let authority = Authority::create();
        let Issued { certificate, key } = authority.issue();
        let folder = TempDir::with_prefix("atelier-redis-").expect("a temporary folder can be created");
        let write = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).expect("a temporary file can be written");
            file.display().to_string()
        };
        let files = format!(
            "tls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\ntls-auth-clients no\n",
            write("certificate.pem", &certificate),
            write("key.pem", &key),
            write("authority.pem", &authority.pem()),
        );
        let password = Uuid::new_v4().simple().to_string();
        for _ in 0..5 {
            let port = find_port();
            let settings = format!("port 0\ntls-port {port}\n{}{files}", private_settings(&password));
            if let Some(process) = spawn_server(&settings) {
                let url = format!("rediss://:{password}@localhost:{port}");
                let server = RedisServer { url, authority: Some(authority.pem()) };
                return Self { server, authority, _folder: folder, process };
            }
        }
        panic!("redis-server did not start with TLS on any of five ports")
    }
}

impl Drop for EncryptedRedis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn plain_settings(port: u16, password: &str) -> String {
    format!("port {port}\n{}", private_settings(password))
}

fn private_settings(password: &str) -> String {
    format!("bind 127.0.0.1\nrequirepass {password}\nsave \"\"\nappendonly no\n")
}

/// Starts a server. `None` if it exits before it accepts connections.
fn spawn_server(settings: &str) -> Option<Child> {
    let program = environment::redis_server();
    let mut process = Command::new(&program)
        .arg("-")
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} does not start ({error}): run scripts/test"));
    let written = process.stdin.take().expect("stdin is piped").write_all(settings.as_bytes());
    let output = process.stdout.take().expect("stdout is piped");
    let (ready, started) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if line.contains("Ready to accept connections") {
                let _ = ready.send(());
            }
        }
    });
    if written.is_ok() && started.recv_timeout(Duration::from_secs(20)).is_ok() {
        return Some(process);
    }
    let _ = process.kill();
    let _ = process.wait();
    None
}
