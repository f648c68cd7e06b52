//! Mails: templates, the outbox, and suppressed addresses.

use atelier_entities::MailId;
use atelier_foundation::{COUNT_LIMIT, mail::Template};
use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use super::TAG;
use crate::{
    dto::admin::mails::{
        LiftedView, MailTemplateView, OutboxMailDetailView, OutboxMailView, OutboxQuery, PreviewFormat,
        PreviewQuery, PreviewView, SendTestInput, SuppressionView, TestSentView,
    },
    error::ApiError,
    extract::{Admin, ApiPath, ApiQuery, OptionalJsonBody, PageParams, Pagination},
    route::{Routes, operation, route, routes},
    schema::sets,
    state::ApiState,
};

/// A mail has no script, and none would run: it is shown on an origin of its own.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'self'; sandbox";

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_mails))
        .add(routes!(list_mail_templates))
        .add(routes!(preview_mail))
        .add(route(routes!(send_test_mail)).keeps::<Admin>())
        .add(routes!(list_suppressions))
        .add(routes!(delete_suppression))
        .add(routes!(read_mail))
}

/// The outbox: everybody's mails of the last 90 days, newest first.
#[operation(
    get, path = "/api/admin/mails", tag = TAG, params(OutboxQuery, PageParams),
    responses((
        status = 200, description = "A page of them.", body = Vec<OutboxMailView>
    ))
)]
async fn list_mails(
    State(state): State<ApiState>,
    _: Admin,
    ApiQuery(query): ApiQuery<OutboxQuery>,
    pagination: Pagination,
) -> Result<Response, ApiError> {
    let listed = state.services.foundation.mail.list_outbox(&query.into(), pagination.page()).await;
    let (mails, total) = listed.map_err(|error| ApiError::failed(&error))?;
    let views: Vec<OutboxMailView> = mails.into_iter().map(OutboxMailView::from).collect();
    Ok(pagination.answer_capped(&views, total, COUNT_LIMIT))
}

/// A mail of the outbox with what it shows.
///
/// Where mails are kept in rather than sent, that is the whole mail with its links. The
/// audit log has who read it.
#[operation(
    get, path = "/api/admin/mails/{id}", operation_id = "get_mail", tag = TAG,
    params(("id" = Uuid, Path, description = "The mail's id")),
    responses((status = 200, description = "The mail.", body = OutboxMailDetailView))
)]
async fn read_mail(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<OutboxMailDetailView>, ApiError> {
    Ok(Json(state.services.foundation.mail.read_mail(&actor, MailId(id)).await?.into()))
}

/// Every kind of mail.
#[operation(
    get, path = "/api/admin/mails/templates", tag = TAG,
    responses((status = 200, description = "The templates.", body = Vec<MailTemplateView>))
)]
async fn list_mail_templates(State(state): State<ApiState>, _: Admin) -> Json<Vec<MailTemplateView>> {
    let templates = state.services.foundation.mail.templates().iter();
    Json(templates.copied().map(MailTemplateView::from).collect())
}

/// A mail with values made up for it.
#[operation(
    get, path = "/api/admin/mails/templates/{name}/preview", tag = TAG,
    params(("name" = sets::MailTemplate, Path, description = "The template"), PreviewQuery),
    responses((
        status = 200, description = "The mail, or one version of it.",
        content((PreviewView = "application/json"), (String = "text/html"), (String = "text/plain"))
    ))
)]
async fn preview_mail(
    State(state): State<ApiState>,
    _: Admin,
    ApiPath(name): ApiPath<String>,
    ApiQuery(query): ApiQuery<PreviewQuery>,
) -> Result<Response, ApiError> {
    let template = template(&state, &name)?;
    let mail = state.services.foundation.mail.preview(template, query.locale)?;
    let (kind, body) = match query.format {
        PreviewFormat::Json => return Ok(Json(PreviewView::from(mail)).into_response()),
        PreviewFormat::Html => ("text/html; charset=utf-8", mail.html),
        PreviewFormat::Text => ("text/plain; charset=utf-8", mail.text),
    };
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, POLICY)];
    Ok((headers, body).into_response())
}

/// Sends the caller a mail with values made up for it, at most ten an hour.
#[operation(
    post, path = "/api/admin/mails/templates/{name}/test", tag = TAG,
    params(("name" = sets::MailTemplate, Path, description = "The template")),
    request_body(content = SendTestInput, description = "May be left out."),
    responses((
        status = 202, description = "It is on its way.", body = TestSentView,
        headers(("Location" = String, description = "The mail in the outbox."))
    ))
)]
async fn send_test_mail(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath(name): ApiPath<String>,
    OptionalJsonBody(input): OptionalJsonBody<SendTestInput>,
) -> Result<Response, ApiError> {
    let template = template(&state, &name)?;
    let (id, recipient) = state.services.foundation.mail.send_test(&actor, template, input.locale).await?;
    let view = TestSentView { mail_id: id.0, recipient };
    let mut response = (StatusCode::ACCEPTED, Json(view)).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/api/admin/mails/{id}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Addresses whose server said that there is no such mailbox, latest first. They get
/// only what somebody waits for, and that once.
#[operation(
    get, path = "/api/admin/mails/suppressions", operation_id = "list_mail_suppressions",
    tag = TAG, params(PageParams),
    responses((
        status = 200, description = "A page of them.", body = Vec<SuppressionView>
    ))
)]
async fn list_suppressions(
    State(state): State<ApiState>,
    _: Admin,
    pagination: Pagination,
) -> Result<Response, ApiError> {
    let listed = state.services.foundation.mail.list_suppressions(pagination.page()).await;
    let (addresses, total) = listed.map_err(|error| ApiError::failed(&error))?;
    let views: Vec<SuppressionView> = addresses.into_iter().map(SuppressionView::from).collect();
    Ok(pagination.answer_capped(&views, total, COUNT_LIMIT))
}

/// Lets mails to an address leave again.
#[operation(
    delete, path = "/api/admin/mails/suppressions/{address}", operation_id = "delete_mail_suppression",
    tag = TAG,
    params(("address" = String, Path, description = "The mail address")),
    responses((status = 200, description = "Done.", body = LiftedView))
)]
async fn delete_suppression(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath(address): ApiPath<String>,
) -> Result<Json<LiftedView>, ApiError> {
    let audit_target = state.services.foundation.mail.delete_suppression(&actor, &address).await?;
    Ok(Json(LiftedView { success: true, address: address.trim().to_ascii_lowercase(), audit_target }))
}

fn template(state: &ApiState, name: &str) -> Result<&'static Template, ApiError> {
    let template = state.services.foundation.mail.find_template(name);
    template.ok_or_else(|| ApiError::not_found("mail template"))
}

#[cfg(test)]
mod tests;
