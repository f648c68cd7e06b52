//! The audit log: read, counted, exported, archived.

use atelier_foundation::{
    COUNT_LIMIT,
    audit::{CSV_HEADER, EXPORT_LIMIT, Export, csv_line, json_line},
};
use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use futures::{Stream, TryStreamExt, stream};

use super::TAG;
use crate::{
    dto::{
        admin::logs::{CleanupQuery, ExportQuery, LogFormat, LogQuery, LogRangeQuery, LogStatsView, LogView},
        jobs::JobAnswer,
    },
    error::{ApiError, ErrorBody},
    extract::{Admin, ApiQuery, PageParams, Pagination},
    responses::accepted,
    route::{Routes, operation, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_logs))
        .add(routes!(get_log_stats))
        .add(routes!(export_logs))
        .add(routes!(clean_up_logs))
}

/// The audit log, newest first.
#[operation(
    get, path = "/api/admin/logs", operation_id = "list_audit_logs", tag = TAG, params(LogQuery, PageParams),
    responses((
        status = 200, description = "A page of it.", body = Vec<LogView>
    ))
)]
async fn list_logs(
    State(state): State<ApiState>,
    _: Admin,
    ApiQuery(query): ApiQuery<LogQuery>,
    pagination: Pagination,
) -> Result<Response, ApiError> {
    let (rows, total) = state.services.foundation.audit.list(&query.filter()?, pagination.page()).await?;
    let views: Vec<LogView> = rows.into_iter().map(LogView::from).collect();
    Ok(pagination.answer_capped(&views, total, COUNT_LIMIT))
}

/// How much happened: by level, action and day.
#[operation(
    get, path = "/api/admin/logs/stats", operation_id = "get_audit_log_stats",
    tag = TAG, params(LogRangeQuery),
    responses((status = 200, description = "The figures.", body = LogStatsView))
)]
async fn get_log_stats(
    State(state): State<ApiState>,
    _: Admin,
    ApiQuery(query): ApiQuery<LogRangeQuery>,
) -> Result<Json<LogStatsView>, ApiError> {
    let (from, before) = (query.from()?, query.before()?);
    Ok(Json(state.services.foundation.audit.stats(from, before).await?.into()))
}

/// The entries of a filter as a file, newest first: NDJSON, or CSV for spreadsheets.
///
/// It is streamed. An answer that breaks off is not complete. The export is itself
/// recorded.
#[operation(
    get, path = "/api/admin/logs/export", operation_id = "export_audit_logs",
    tag = TAG, params(LogQuery, ExportQuery),
    responses((
        status = 200, description = "The file.",
        content((String = "application/x-ndjson"), (String = "text/csv")),
        headers(("Content-Disposition" = String))
    ))
)]
async fn export_logs(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiQuery(query): ApiQuery<LogQuery>,
    ApiQuery(how): ApiQuery<ExportQuery>,
) -> Result<Response, ApiError> {
    let (format, limit) = how.check(EXPORT_LIMIT)?;
    let export = state.services.foundation.audit.start_export(&actor, query.filter()?, limit).await?;
    let (content_type, disposition) = match format {
        LogFormat::Ndjson => ("application/x-ndjson", "attachment; filename=\"audit-log.ndjson\""),
        LogFormat::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"audit-log.csv\""),
    };
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(lines(export, format))).into_response())
}

fn lines(export: Export, format: LogFormat) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    let head = match format {
        LogFormat::Ndjson => "",
        LogFormat::Csv => CSV_HEADER,
    };
    let line = match format {
        LogFormat::Ndjson => json_line,
        LogFormat::Csv => csv_line,
    };
    let rows = stream::try_unfold(export, move |mut export| async move {
        let rows = export.next().await.map_err(|error| {
            tracing::error!(%error, "an export of the audit log broke off");
            std::io::Error::other("the export broke off")
        })?;
        let text: String = rows.iter().map(line).collect();
        Ok((!rows.is_empty()).then(|| (Bytes::from(text), export)))
    });
    let head = stream::iter((!head.is_empty()).then(|| Ok(Bytes::from_static(head.as_bytes()))));
    futures::StreamExt::chain(head, rows).into_stream()
}

/// Moves old entries to the object store and deletes them here.
///
/// A job does it; its result has `entries` and `objects`. Asked for twice, it is the
/// same job.
#[operation(
    delete, path = "/api/admin/logs/cleanup", operation_id = "clean_up_audit_logs",
    tag = TAG, params(CleanupQuery),
    responses(
        (
            status = 202, description = "The job.", body = JobAnswer,
            headers(("Location" = String, description = "The job's address."), ("Retry-After" = u64))
        ),
        (
            status = 409, body = ErrorBody,
            description = "CLEANUP_IN_PROGRESS: one to another bound is under way; details has its job_id.",
        ),
    )
)]
async fn clean_up_logs(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiQuery(query): ApiQuery<CleanupQuery>,
) -> Result<Response, ApiError> {
    let job = state.services.foundation.audit.start_cleanup(&actor, query.older_than_days).await?;
    Ok(accepted(&job, JobAnswer { job: job.clone().into() }))
}
