//! Signing in at Google, GitHub or Apple.
//!
//! A browser begins at `login` and ends at the frontend, by way of the provider and of
//! `callback`. A client that asks `login` for JSON ends its sign-in itself: `callback`
//! hands it code and state, and it posts them.

use atelier_entities::{OAuthEnd, SignInProvider};
use atelier_foundation::{
    Actor,
    identity::{OAuthRefusal, SignInCallback, SignedIn},
};
use atelier_providers::oauth::Callback;
use axum::{
    Form, Json,
    extract::{State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::signed_in::signed_in;
use crate::{
    cookies,
    dto::identity::{
        account::SignedInView,
        oauth::{BegunSignInView, OAuthCallback, OAuthInput, SignInProviderView},
    },
    error::{ApiError, ErrorBody},
    extract::{Anyone, ApiPath, ApiQuery, JsonBody},
    policy::Limit,
    route::{Routes, operation, route, routes},
    schema::sets,
    state::ApiState,
};

const TAG: &str = "Accounts";

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_sign_in_providers))
        .add(route(routes!(begin_oauth)).costs(Limit::SignIn))
        .add(route(routes!(end_oauth_in_browser, end_oauth_by_form)).costs(Limit::SignIn).answers_secret())
        .add(route(routes!(end_oauth)).costs(Limit::SignIn).answers_secret())
}

/// Where people may sign in beside here.
#[operation(
    get, path = "/api/auth/providers", tag = TAG, security(()),
    responses((status = 200, description = "The providers.", body = Vec<SignInProviderView>))
)]
async fn list_sign_in_providers(State(state): State<ApiState>) -> Json<Vec<SignInProviderView>> {
    let providers = state.services.foundation.identity.list_sign_in_providers();
    Json(providers.into_iter().map(SignInProviderView::from).collect())
}

/// Begins a sign-in at a provider.
///
/// A browser is sent there, with a cookie that ties the sign-in to it; it ends at the
/// frontend's /auth/callback. A client that accepts application/json alone gets the
/// address instead, and ends the sign-in itself: the frontend's /auth/callback is given
/// `code` and `state` in the fragment, to be posted to /api/auth/oauth/{provider} once
/// `state` is the one that was kept. Either way there are ten minutes.
#[operation(
    get, path = "/api/auth/{provider}/login", operation_id = "begin_provider_sign_in",
    tag = TAG, security(()),
    params(("provider" = sets::SignInProvider, Path, description = "Where")),
    responses(
        (status = 200, description = "Where to go, for clients that ask for JSON.", body = BegunSignInView),
        (
            status = 302, headers(("Location" = String)),
            description = "To the provider, or to the frontend with `error` in the fragment.",
        ),
        (status = 404, description = "PROVIDER_NOT_CONFIGURED.", body = ErrorBody),
        (status = 502, description = "OAUTH_PROVIDER_UNAVAILABLE.", body = ErrorBody),
    )
)]
async fn begin_oauth(
    State(state): State<ApiState>,
    ApiPath(provider): ApiPath<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let provider = find_provider(&state, &provider)?;
    if wants_json(&headers) {
        let begun = state.services.foundation.identity.begin_oauth(provider, OAuthEnd::Client).await?;
        return Ok(Json(BegunSignInView::from(begun)).into_response());
    }
    match state.services.foundation.identity.begin_oauth(provider, OAuthEnd::Browser).await {
        Ok(begun) => {
            let mut response = redirect(&begun.authorization_url);
            if let Some(cookie) = &begun.cookie {
                cookies::set(response.headers_mut(), cookie, begun.lifetime);
            }
            Ok(response)
        }
        Err(error) => redirect_with_error(&state, provider, error.into()),
    }
}

/// Ends a sign-in: the provider sends the browser here.
///
/// The browser goes on to the frontend's /auth/callback. The fragment has
/// `access_token`, `refresh_token`, `token_type`, `expires_in` and `provider`; or
/// `error`, a code of this interface; or, for a client that ends the sign-in itself,
/// `code` and `state`.
#[operation(
    get, path = "/api/auth/{provider}/callback", operation_id = "finish_provider_sign_in_in_browser",
    tag = TAG, security(()),
    params(("provider" = sets::SignInProvider, Path, description = "Where"), OAuthCallback),
    responses(
        (status = 302, description = "To the frontend.", headers(("Location" = String))),
        (status = 404, description = "PROVIDER_NOT_CONFIGURED.", body = ErrorBody),
    )
)]
async fn end_oauth_in_browser(
    State(state): State<ApiState>,
    Anyone(actor): Anyone,
    ApiPath(provider): ApiPath<String>,
    headers: HeaderMap,
    ApiQuery(callback): ApiQuery<OAuthCallback>,
) -> Result<Response, ApiError> {
    let provider = find_provider(&state, &provider)?;
    finish_in_browser(&state, &actor, provider, &headers, callback).await
}

/// Ends a sign-in where the provider posts a form, as Apple does.
#[operation(
    post, path = "/api/auth/{provider}/callback", operation_id = "finish_provider_sign_in_by_form",
    tag = TAG, security(()),
    params(("provider" = sets::SignInProvider, Path, description = "Where")),
    request_body(content = OAuthCallback, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 302, description = "To the frontend.", headers(("Location" = String))),
        (status = 404, description = "PROVIDER_NOT_CONFIGURED.", body = ErrorBody),
    )
)]
async fn end_oauth_by_form(
    State(state): State<ApiState>,
    Anyone(actor): Anyone,
    ApiPath(provider): ApiPath<String>,
    headers: HeaderMap,
    form: Result<Form<OAuthCallback>, FormRejection>,
) -> Result<Response, ApiError> {
    let provider = find_provider(&state, &provider)?;
    let Form(callback) = form.map_err(|rejection| refuse_form(&rejection))?;
    finish_in_browser(&state, &actor, provider, &headers, callback).await
}

/// Ends a sign-in that the client began with `Accept: application/json`.
#[operation(
    post, path = "/api/auth/oauth/{provider}", operation_id = "finish_provider_sign_in",
    tag = TAG, security(()),
    params(("provider" = sets::SignInProvider, Path, description = "Where")),
    request_body = OAuthInput,
    responses(
        (status = 200, description = "The account and its tokens.", body = SignedInView),
        (
            status = 400, body = ErrorBody,
            description = "OAUTH_STATE_INVALID: not begun here, too late, or ended already. \
                OAUTH_CODE_REFUSED: the provider does not take the code. Or no JSON.",
        ),
        (
            status = 403, body = ErrorBody,
            description = "OAUTH_EMAIL_UNVERIFIED: the provider has not proven the mail address. \
                ACCOUNT_DEACTIVATED: the account was closed.",
        ),
        (status = 404, description = "PROVIDER_NOT_CONFIGURED.", body = ErrorBody),
        (
            status = 502, body = ErrorBody,
            description = "OAUTH_PROVIDER_UNAVAILABLE, or OAUTH_ANSWER_UNTRUSTED: its answer fails a check.",
        ),
    )
)]
async fn end_oauth(
    State(state): State<ApiState>,
    Anyone(actor): Anyone,
    ApiPath(provider): ApiPath<String>,
    JsonBody(input): JsonBody<OAuthInput>,
) -> Result<Response, ApiError> {
    let provider = find_provider(&state, &provider)?;
    let done = state.services.foundation.identity.finish_oauth(&actor, provider, input.into()).await?;
    Ok(signed_in(StatusCode::OK, done))
}

/// Finishes the sign-in of a browser that comes back from a provider.
async fn finish_in_browser(
    state: &ApiState,
    actor: &Actor,
    provider: SignInProvider,
    headers: &HeaderMap,
    callback: OAuthCallback,
) -> Result<Response, ApiError> {
    let identity = &state.services.foundation.identity;
    let OAuthCallback { code, state: token, iss, user, error } = callback;
    let token = token.unwrap_or_default();
    let cookie = identity.oauth_cookie(provider, &token);
    let mut response = match (error, code) {
        (Some(error), _) => {
            let refusal = provider_error(&error);
            identity.abandon_oauth(actor, provider, &token, refusal.code()).await?;
            redirect_with_error(state, provider, refusal)?
        }
        (None, Some(code)) => {
            if identity.find_oauth_end(provider, &token).await? == Some(OAuthEnd::Client) {
                return Ok(redirect_with_code(
                    state,
                    provider,
                    &token,
                    &Callback { code, issuer: iss, user },
                ));
            }
            let returned = SignInCallback {
                state: token,
                callback: Callback { code, issuer: iss, user },
                end: OAuthEnd::Browser,
                cookie: cookies::find(headers, &cookie.name),
            };
            match identity.finish_oauth(actor, provider, returned).await {
                Ok(signed_in) => redirect_signed_in(state, provider, &signed_in),
                Err(error) => redirect_with_error(state, provider, error.into())?,
            }
        }
        (None, None) => redirect_with_error(state, provider, OAuthRefusal::InvalidState.into())?,
    };
    cookies::remove(response.headers_mut(), &cookie);
    Ok(response)
}

/// Redirects to the frontend with the tokens.
fn redirect_signed_in(state: &ApiState, provider: SignInProvider, signed_in: &SignedIn) -> Response {
    let mut response = redirect(&state.services.foundation.identity.frontend_callback(&[
        ("access_token", &signed_in.access_token),
        ("refresh_token", &signed_in.refresh_token),
        ("token_type", "bearer"),
        ("expires_in", &signed_in.expires_in.to_string()),
        ("provider", provider.as_str()),
    ]));
    cookies::set_device(&mut response, signed_in.device.as_ref());
    response
}

/// Redirects to the frontend with the code: the client finishes the sign-in itself.
fn redirect_with_code(
    state: &ApiState,
    provider: SignInProvider,
    token: &str,
    callback: &Callback,
) -> Response {
    let mut parameters = vec![("code", &*callback.code), ("state", token), ("provider", provider.as_str())];
    parameters.extend(callback.issuer.as_deref().map(|issuer| ("iss", issuer)));
    parameters.extend(callback.user.as_deref().map(|user| ("user", user)));
    redirect(&state.services.foundation.identity.frontend_callback(&parameters))
}

/// Redirects to the frontend with the error's code. Internal errors are answered directly.
fn redirect_with_error(
    state: &ApiState,
    provider: SignInProvider,
    error: ApiError,
) -> Result<Response, ApiError> {
    if matches!(error.status(), StatusCode::INTERNAL_SERVER_ERROR | StatusCode::SERVICE_UNAVAILABLE) {
        return Err(error);
    }
    let parameters = [("error", error.code()), ("provider", provider.as_str())];
    Ok(redirect(&state.services.foundation.identity.frontend_callback(&parameters)))
}

/// The error for the code of a provider. The provider's description is not shown: anybody
/// may write one into an address.
fn provider_error(error: &str) -> ApiError {
    let (code, message) = match error {
        "access_denied" | "user_cancelled_authorize" => ("OAUTH_DENIED", "The sign-in was broken off."),
        "temporarily_unavailable" | "server_error" => {
            return OAuthRefusal::Unavailable.into();
        }
        _ => ("OAUTH_REFUSED", "The provider refused the sign-in."),
    };
    ApiError::new(StatusCode::BAD_REQUEST, code, message)
}

fn find_provider(state: &ApiState, name: &str) -> Result<SignInProvider, ApiError> {
    let offered = state.services.foundation.identity.list_sign_in_providers();
    let provider = SignInProvider::parse(name).filter(|provider| offered.contains(provider));
    provider.ok_or_else(|| OAuthRefusal::NotConfigured.into())
}

/// Whether a client asks for JSON and not for a page.
fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let kinds: Vec<&str> = accepted
        .flat_map(|value| value.split(','))
        .map(|kind| kind.split(';').next().unwrap_or_default().trim())
        .collect();
    kinds.contains(&"application/json") && !kinds.contains(&"text/html")
}

fn refuse_form(rejection: &FormRejection) -> ApiError {
    match rejection {
        FormRejection::InvalidFormContentType(_) => {
            let message = "Send the body as application/x-www-form-urlencoded.";
            ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
        }
        rejection => ApiError::of_status(rejection.status()),
    }
}

fn redirect(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(location) => (StatusCode::FOUND, [(header::LOCATION, location)]).into_response(),
        Err(error) => ApiError::internal(error).into_response(),
    }
}

#[cfg(test)]
mod tests;
