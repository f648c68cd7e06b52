//! The yardstick: a server written by hand with axum and sqlx that answers four of the
//! product's operations from the product's tables, with as few statements as possible.
//!
//! It shares no code with the product, and does only what the answer and the rows need.
//! `docs/performance.md` lists what it leaves out.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::Context;
use axum::{
    Json, Router,
    extract::{ConnectInfo, Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use clap::Args;
use sea_orm::sqlx;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use uuid::Uuid;

mod access;
mod database;
mod generation;
mod reads;
mod state;
mod tokens;
mod views;

use access::Person;
use database::Database;
use generation::{GenerateInput, Outcome, Statements};
use state::Shared;
use tokens::Tokens;

/// How to run the server.
#[derive(Args, Clone, Debug)]
pub struct YardstickArgs {
    /// Port of 127.0.0.1 that it listens on.
    #[arg(long)]
    pub port: u16,
    /// Connections to the database.
    #[arg(long)]
    pub connections: u32,
    /// Database of the product.
    #[arg(long, env = "ATELIER_BENCH_DATABASE_URL", hide_env_values = true)]
    pub database_url: SecretString,
    /// Secret that the product signs access tokens with.
    #[arg(long, env = "ATELIER_BENCH_JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: SecretString,
}

/// Goes before the path of a generation's request whose rows are to be written by one
/// statement.
pub const AT_ONCE: &str = "/at-once";

/// Serves requests until the process is killed.
///
/// # Errors
/// Where the database cannot be reached or the port cannot be listened on.
pub async fn serve(args: YardstickArgs) -> anyhow::Result<()> {
    let tokens = Tokens::new(&args.jwt_secret);
    let database = Database::connect(args.database_url.expose_secret(), args.connections);
    let database = database.await.context("cannot connect to the database")?;
    let router = Router::new()
        .route("/readyz", get(async || StatusCode::OK))
        .route("/api/projects", get(list_projects))
        .route("/api/projects/{id}/generate", post(generate))
        .route(&format!("{AT_ONCE}/api/projects/{{id}}/generate"), post(generate_at_once))
        .route("/api/jobs/{id}", get(get_job))
        .route("/api/users/me", get(get_profile))
        .with_state(Arc::new(state::State { tokens, database }));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await?;
    Ok(axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?)
}

async fn list_projects(
    State(state): State<Shared>,
    Person(user): Person,
) -> Result<impl IntoResponse, StatusCode> {
    let (projects, total) = reads::list_projects(&state.database, user).await.map_err(internal)?;
    Ok(([("x-total-count", total)], Json(projects)))
}

async fn get_job(
    State(state): State<Shared>,
    Person(user): Person,
    Path(id): Path<Uuid>,
) -> Result<impl IntoResponse, StatusCode> {
    let job = reads::find_job(&state.database, user, id).await.map_err(internal)?;
    let job = job.ok_or(StatusCode::NOT_FOUND)?;
    let headers = [
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
        (header::ETAG, format!("W/\"{}\"", job.revision)),
    ];
    Ok((headers, Json(job)))
}

async fn get_profile(
    State(state): State<Shared>,
    Person(user): Person,
) -> Result<impl IntoResponse, StatusCode> {
    let profile = reads::find_profile(&state.database, user).await.map_err(internal)?;
    let profile = profile.ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(Json(views::ProfileAnswer { user: profile }))
}

async fn generate(
    state: State<Shared>,
    client: ConnectInfo<SocketAddr>,
    person: Person,
    project: Path<Uuid>,
    input: Json<GenerateInput>,
) -> Result<Response, StatusCode> {
    start(&state, Statements::InTurn, client, (person, project), input).await
}

async fn generate_at_once(
    state: State<Shared>,
    client: ConnectInfo<SocketAddr>,
    person: Person,
    project: Path<Uuid>,
    input: Json<GenerateInput>,
) -> Result<Response, StatusCode> {
    start(&state, Statements::AtOnce, client, (person, project), input).await
}

async fn start(
    state: &state::State,
    by: Statements,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    (Person(user), Path(project)): (Person, Path<Uuid>),
    Json(input): Json<GenerateInput>,
) -> Result<Response, StatusCode> {
    let started = generation::start((&state.database, by), (user, project), &input, client.ip()).await;
    match started.map_err(internal)? {
        Outcome::Started(job) => {
            let headers =
                [(header::LOCATION, format!("/api/jobs/{}", job.id)), (header::RETRY_AFTER, "1".to_owned())];
            let answer = views::GenerationAnswer { job: *job, project_id: project };
            Ok((StatusCode::ACCEPTED, headers, Json(answer)).into_response())
        }
        Outcome::InvalidInput => Err(StatusCode::UNPROCESSABLE_ENTITY),
        Outcome::Refused => Err(StatusCode::CONFLICT),
    }
}

fn internal(error: sqlx::Error) -> StatusCode {
    tracing::warn!(%error, "a statement failed");
    StatusCode::INTERNAL_SERVER_ERROR
}
