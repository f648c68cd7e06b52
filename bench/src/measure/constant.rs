//! A server that answers a constant: the throughput of the HTTP library alone.

use std::net::Ipv4Addr;

use axum::{Router, http::header, routing::get};
use tokio::net::TcpListener;

use super::cli::ConstantArgs;

/// Serves requests until the process is killed.
pub(super) async fn run(args: ConstantArgs) -> anyhow::Result<()> {
    let text: &'static str = Box::leak("x".repeat(args.bytes).into_boxed_str());
    let answer = async move || ([(header::CONTENT_TYPE, "application/json")], text);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await?;
    Ok(axum::serve(listener, Router::new().route("/", get(answer))).await?)
}
