//! Each domain's errors as answers. What belongs to the inside becomes a 500, or a 503 where it may pass.

use atelier_entities::JobId;
use atelier_queue::QueueError;
use atelier_services::{
    FieldErrors, RetryError,
    admin::AdminError,
    audit::AuditError,
    deployments::DeploymentError,
    generation::GenerationError,
    idempotency::IdempotencyError,
    identity::{IdentityError, OAuthRefusal},
    mail::MailingError,
    maintenance::SteeringError,
    projects::ProjectError,
};
use axum::http::StatusCode;

use super::ApiError;

impl From<FieldErrors> for ApiError {
    fn from(errors: FieldErrors) -> Self {
        Self::invalid(errors.0)
    }
}

impl From<IdentityError> for ApiError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::InvalidInput(errors) => errors.into(),
            IdentityError::EmailTaken => {
                let message = "There is an account of this mail address already.";
                Self::new(StatusCode::CONFLICT, "EMAIL_TAKEN", message)
                    .with_detail("email", "is taken already")
            }
            IdentityError::BadCredentials => {
                let message = "The mail address or the password is wrong.";
                Self::new(StatusCode::UNAUTHORIZED, "BAD_CREDENTIALS", message)
            }
            IdentityError::Deactivated => {
                Self::new(StatusCode::FORBIDDEN, "ACCOUNT_DEACTIVATED", "This account is deactivated.")
            }
            IdentityError::InvalidToken => {
                Self::new(StatusCode::UNAUTHORIZED, "INVALID_TOKEN", "The token is not valid: sign in again.")
            }
            IdentityError::ExpiredToken => {
                Self::new(StatusCode::UNAUTHORIZED, "TOKEN_EXPIRED", "The token has expired: refresh it.")
            }
            IdentityError::NotFound => Self::not_found("account"),
            IdentityError::NoSuchSession => Self::not_found("session"),
            IdentityError::NoSuchApiToken => Self::not_found("API token"),
            IdentityError::NotLinked => Self::not_found("linked provider"),
            IdentityError::LastWayIn => last_way_in(),
            IdentityError::TooManyApiTokens(count) => {
                let message = format!("There are {count} API tokens already: delete one first.");
                Self::new(StatusCode::CONFLICT, "TOO_MANY_API_TOKENS", message)
            }
            IdentityError::InvalidLink => {
                Self::new(StatusCode::BAD_REQUEST, "LINK_INVALID", "The link is not valid or was used.")
            }
            IdentityError::ExpiredLink => {
                Self::new(StatusCode::BAD_REQUEST, "LINK_EXPIRED", "The link has expired: ask for another.")
            }
            IdentityError::WrongPassword => {
                Self::new(StatusCode::FORBIDDEN, "WRONG_PASSWORD", "The password is wrong.")
            }
            IdentityError::RecentSignInRequired => {
                let message = "Sign in again first: this needs a sign-in of the last ten minutes, \
                    or the password where the account has one.";
                Self::new(StatusCode::FORBIDDEN, "RECENT_SIGN_IN_REQUIRED", message)
            }
            IdentityError::TooManyAttempts { retry_after } => {
                let message = "Too many attempts failed: wait a little.";
                Self::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_ATTEMPTS", message)
                    .with_retry_after(retry_after)
            }
            IdentityError::LastAdmin => last_admin(),
            IdentityError::UnprovenAdmin => unproven_admin(),
            IdentityError::OwnAccount => own_account(),
            IdentityError::Busy => {
                let message = "Too many people sign in at this moment: try again in a second.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", message).with_retry_after(1)
            }
            IdentityError::OAuth(refusal) => refusal.into(),
            IdentityError::Queue(error) => error.into(),
            IdentityError::Database(_) | IdentityError::Crypto(_) => Self::failed(&error),
        }
    }
}

fn last_way_in() -> ApiError {
    let message = "Nothing else opens the account: set a password first, by a mailed link.";
    ApiError::new(StatusCode::CONFLICT, "LAST_WAY_IN", message)
}

fn last_admin() -> ApiError {
    let message = "This is the last administrator: make another one first.";
    ApiError::new(StatusCode::CONFLICT, "LAST_ADMIN", message)
}

fn unproven_admin() -> ApiError {
    let message = "Nobody has proven the mail address of this account, so it may be anybody's.";
    ApiError::new(StatusCode::CONFLICT, "EMAIL_UNPROVEN", message)
        .with_detail("is_admin", "needs a proven mail address")
}

fn own_account() -> ApiError {
    let message = "This is your own account: delete it with DELETE /api/users/me.";
    ApiError::new(StatusCode::CONFLICT, "OWN_ACCOUNT", message)
}

impl From<OAuthRefusal> for ApiError {
    fn from(refusal: OAuthRefusal) -> Self {
        let (status, message) = match refusal {
            OAuthRefusal::NotConfigured => {
                (StatusCode::NOT_FOUND, "There is no sign-in with this provider: see /api/auth/providers.")
            }
            OAuthRefusal::InvalidState => (
                StatusCode::BAD_REQUEST,
                "The sign-in took too long, has ended, or was not begun here: begin again.",
            ),
            OAuthRefusal::RefusedCode => {
                (StatusCode::BAD_REQUEST, "The provider does not take the code: begin again.")
            }
            OAuthRefusal::Untrusted => (StatusCode::BAD_GATEWAY, "The provider's answer cannot be trusted."),
            OAuthRefusal::Unavailable => {
                (StatusCode::BAD_GATEWAY, "The provider does not answer: try again later.")
            }
            OAuthRefusal::UnverifiedEmail => (
                StatusCode::FORBIDDEN,
                "The provider has not proven your mail address: prove it there first.",
            ),
        };
        Self::new(status, refusal.code(), message)
    }
}

impl From<ProjectError> for ApiError {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::NotFound => Self::not_found("project"),
            ProjectError::NoVersion => no_version(),
            ProjectError::TooMany(most) => at_bound("PROJECT_LIMIT", "projects of one account", most),
            ProjectError::InvalidInput(errors) => errors.into(),
            ProjectError::Queue(error) => error.into(),
            ProjectError::Archive(_) | ProjectError::Storage(_) | ProjectError::Database(_) => {
                Self::failed(&error)
            }
        }
    }
}

impl From<GenerationError> for ApiError {
    fn from(error: GenerationError) -> Self {
        match error {
            GenerationError::NotFound => Self::not_found("project"),
            GenerationError::InvalidInput(errors) => errors.into(),
            GenerationError::AlreadyRunning(job) => {
                let message = "A generation of this project is running already.";
                in_progress("GENERATION_IN_PROGRESS", message, job)
            }
            GenerationError::TooManyVersions(most) => {
                at_bound("VERSION_LIMIT", "versions of one project", most)
            }
            GenerationError::InsufficientCredits { needed, available } => {
                let message = format!("This costs {needed} credits, and {available} are left.");
                Self::new(StatusCode::CONFLICT, "INSUFFICIENT_CREDITS", message)
                    .with_detail("needed", needed)
                    .with_detail("available", available)
            }
            GenerationError::Queue(error) => error.into(),
            GenerationError::Database(_) => Self::failed(&error),
        }
    }
}

impl From<DeploymentError> for ApiError {
    fn from(error: DeploymentError) -> Self {
        match error {
            DeploymentError::NotFound => Self::not_found("project"),
            DeploymentError::NoVersion => no_version(),
            DeploymentError::InvalidInput(errors) => errors.into(),
            DeploymentError::PlatformUnavailable(platform) => {
                let message = format!("This instance is not set up to publish to {platform}.");
                Self::new(StatusCode::CONFLICT, "PLATFORM_UNAVAILABLE", message)
                    .with_detail("platform", platform)
            }
            DeploymentError::AlreadyRunning(job) => {
                let message = "A deployment of this project is running already.";
                in_progress("DEPLOYMENT_IN_PROGRESS", message, job)
            }
            DeploymentError::Queue(error) => error.into(),
            DeploymentError::Storage(_) | DeploymentError::Database(_) => Self::failed(&error),
        }
    }
}

/// 409 where there are as many of something as there may be.
fn at_bound(code: &'static str, what: &str, most: u64) -> ApiError {
    let message = format!("There are {most} {what} already, which is the most.");
    ApiError::new(StatusCode::CONFLICT, code, message).with_detail("limit", most)
}

fn no_version() -> ApiError {
    let message = "There is no such version; a project has none before its first generation.";
    ApiError::new(StatusCode::NOT_FOUND, "VERSION_NOT_FOUND", message)
}

/// 409 that names the job that is in the way.
fn in_progress(code: &'static str, message: &'static str, job: JobId) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, code, message)
        .with_detail("job_id", job.to_string())
        .with_detail("location", format!("/api/jobs/{job}"))
}

impl From<IdempotencyError> for ApiError {
    fn from(error: IdempotencyError) -> Self {
        Self::failed(&error)
    }
}

impl From<AdminError> for ApiError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::InvalidInput(errors) => errors.into(),
            AdminError::NotFound => Self::not_found("account"),
            AdminError::Queue(error) => error.into(),
            AdminError::Database(_) => Self::failed(&error),
        }
    }
}

impl From<AuditError> for ApiError {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::InvalidInput(errors) => errors.into(),
            AuditError::InProgress(job) => {
                in_progress("CLEANUP_IN_PROGRESS", "A cleanup to another bound is under way.", job)
            }
            AuditError::Queue(error) => error.into(),
            AuditError::Database(_) => Self::failed(&error),
        }
    }
}

impl From<SteeringError> for ApiError {
    fn from(error: SteeringError) -> Self {
        match error {
            SteeringError::InvalidInput(errors) => errors.into(),
            SteeringError::Queue(error) => error.into(),
            SteeringError::Database(_) => Self::failed(&error),
        }
    }
}

impl From<MailingError> for ApiError {
    fn from(error: MailingError) -> Self {
        match error {
            MailingError::NoSuchMail => Self::not_found("mail"),
            MailingError::NotSuppressed => Self::not_found("suppressed address"),
            MailingError::TooManyTests { retry_after } => {
                Self::of_status(StatusCode::TOO_MANY_REQUESTS).with_retry_after(retry_after)
            }
            MailingError::Queue(error) => error.into(),
            MailingError::Render(_) | MailingError::Database(_) => Self::failed(&error),
        }
    }
}

impl From<RetryError> for ApiError {
    fn from(error: RetryError) -> Self {
        match error {
            RetryError::Queue(error) => error.into(),
            RetryError::Generation(error) => error.into(),
            RetryError::Deployment(error) => error.into(),
        }
    }
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::NotFound => Self::not_found("job"),
            QueueError::WrongState { state, action } => {
                let message = format!("The job is {state}: it cannot be {action}.");
                Self::new(StatusCode::CONFLICT, "WRONG_STATE", message).with_detail("status", state.as_str())
            }
            other => Self::failed(&other),
        }
    }
}

#[cfg(test)]
mod tests {
    use atelier_entities::JobState;

    use super::*;

    #[test]
    fn each_error_has_its_status_and_code() {
        let wrong_state = QueueError::WrongState { state: JobState::Succeeded, action: "cancelled" };
        let poor = GenerationError::InsufficientCredits { needed: 4, available: 1 };
        for (error, status, code) in [
            (ApiError::from(FieldErrors::of("title", "must not be empty")), 422, "VALIDATION_FAILED"),
            (IdentityError::EmailTaken.into(), 409, "EMAIL_TAKEN"),
            (IdentityError::BadCredentials.into(), 401, "BAD_CREDENTIALS"),
            (IdentityError::Deactivated.into(), 403, "ACCOUNT_DEACTIVATED"),
            (IdentityError::ExpiredToken.into(), 401, "TOKEN_EXPIRED"),
            (IdentityError::Busy.into(), 503, "BUSY"),
            (IdentityError::NoSuchSession.into(), 404, "NOT_FOUND"),
            (IdentityError::NoSuchApiToken.into(), 404, "NOT_FOUND"),
            (IdentityError::TooManyApiTokens(50).into(), 409, "TOO_MANY_API_TOKENS"),
            (IdentityError::InvalidLink.into(), 400, "LINK_INVALID"),
            (IdentityError::ExpiredLink.into(), 400, "LINK_EXPIRED"),
            (IdentityError::WrongPassword.into(), 403, "WRONG_PASSWORD"),
            (IdentityError::RecentSignInRequired.into(), 403, "RECENT_SIGN_IN_REQUIRED"),
            (IdentityError::TooManyAttempts { retry_after: 7 }.into(), 429, "TOO_MANY_ATTEMPTS"),
            (IdentityError::LastAdmin.into(), 409, "LAST_ADMIN"),
            (IdentityError::OwnAccount.into(), 409, "OWN_ACCOUNT"),
            (AdminError::NotFound.into(), 404, "NOT_FOUND"),
            (AuditError::InProgress(JobId::new()).into(), 409, "CLEANUP_IN_PROGRESS"),
            (IdentityError::Crypto("no".to_owned()).into(), 500, "INTERNAL"),
            (ProjectError::NotFound.into(), 404, "NOT_FOUND"),
            (ProjectError::NoVersion.into(), 404, "VERSION_NOT_FOUND"),
            (ProjectError::TooMany(1000).into(), 409, "PROJECT_LIMIT"),
            (GenerationError::TooManyVersions(1000).into(), 409, "VERSION_LIMIT"),
            (GenerationError::AlreadyRunning(JobId::new()).into(), 409, "GENERATION_IN_PROGRESS"),
            (poor.into(), 409, "INSUFFICIENT_CREDITS"),
            (DeploymentError::PlatformUnavailable("vercel").into(), 409, "PLATFORM_UNAVAILABLE"),
            (DeploymentError::AlreadyRunning(JobId::new()).into(), 409, "DEPLOYMENT_IN_PROGRESS"),
            (MailingError::NoSuchMail.into(), 404, "NOT_FOUND"),
            (MailingError::NotSuppressed.into(), 404, "NOT_FOUND"),
            (MailingError::TooManyTests { retry_after: 7 }.into(), 429, "RATE_LIMITED"),
            (QueueError::NotFound.into(), 404, "NOT_FOUND"),
            (wrong_state.into(), 409, "WRONG_STATE"),
            (QueueError::DuplicateKind("a.b").into(), 500, "INTERNAL"),
        ] {
            assert_eq!((error.status().as_u16(), error.code()), (status, code));
        }
    }

    #[test]
    fn a_running_generation_is_named() {
        let job = JobId::new();

        let error = ApiError::from(GenerationError::AlreadyRunning(job));

        assert!(format!("{error:?}").contains(&job.to_string()));
    }
}
