//! A mail server on this machine that takes one password.

use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// The running server.
pub(crate) struct MailServer {
    /// Where it listens.
    pub(crate) port: u16,
    mails: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    /// Starts a server that takes this account alone.
    pub(crate) async fn start(user: &str, password: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let signs_in = format!("AUTH PLAIN {}", STANDARD.encode(format!("\0{user}\0{password}")));
        let mails = Arc::new(Mutex::new(Vec::new()));
        let kept = mails.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, signs_in.clone(), kept.clone()));
            }
        });
        Self { port, mails }
    }

    /// The envelopes and the texts of the mails that it took.
    pub(crate) fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn converse(
    stream: TcpStream,
    signs_in: String,
    mails: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let mut mail = String::new();
    writer.write_all(b"220 test ESMTP\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line.split_whitespace().next().unwrap_or_default().to_uppercase();
        let reply = match verb.as_str() {
            "EHLO" => "250-test\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            "AUTH" if line != signs_in => "535 5.7.8 wrong password",
            "AUTH" => "235 2.7.0 signed in",
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await?;
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    mail.push_str(&line);
                    mail.push('\n');
                }
                mails.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(&mut mail));
                "250 2.0.0 queued"
            }
            _ => {
                mail.push_str(&line);
                mail.push('\n');
                "250 fine"
            }
        };
        writer.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
    Ok(())
}
