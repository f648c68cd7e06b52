use super::{IdentityError, OAuthRefusal};
use crate::{Class, Problem, Refusal};

impl Problem for IdentityError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::NotSignedIn(error) => error.refusal(),
            Self::InvalidInput(errors) => errors.refusal(),
            Self::OAuth(refusal) => refusal.refusal(),
            Self::Queue(error) => error.refusal(),
            Self::Database(_) | Self::Crypto(_) => Refusal::internal(),
            Self::NotFound => Refusal::not_found("account"),
            Self::NoSuchSession => Refusal::not_found("session"),
            Self::NoSuchApiToken => Refusal::not_found("API token"),
            Self::NotLinked => Refusal::not_found("linked provider"),
            Self::BadCredentials
            | Self::Deactivated
            | Self::InvalidToken
            | Self::ExpiredToken
            | Self::InvalidLink
            | Self::ExpiredLink
            | Self::WrongPassword
            | Self::RecentSignInRequired
            | Self::TooManyAttempts { .. }
            | Self::Busy => of_sign_in(self),
            Self::EmailTaken
            | Self::LastSignInMethod
            | Self::TooManyApiTokens(_)
            | Self::LastAdmin
            | Self::UnverifiedAdmin
            | Self::OwnAccount => of_account(self),
        }
    }
}

/// The refusal of errors about sign-ins, tokens, links and passwords.
fn of_sign_in(error: &IdentityError) -> Refusal {
    let (class, code, message) = match error {
        IdentityError::BadCredentials => {
            (Class::Unauthenticated, "BAD_CREDENTIALS", "The mail address or the password is wrong.")
        }
        IdentityError::Deactivated => {
            (Class::Forbidden, "ACCOUNT_DEACTIVATED", "This account is deactivated.")
        }
        IdentityError::InvalidToken => {
            (Class::Unauthenticated, "INVALID_TOKEN", "The token is not valid: sign in again.")
        }
        IdentityError::ExpiredToken => {
            (Class::Unauthenticated, "TOKEN_EXPIRED", "The token has expired: refresh it.")
        }
        IdentityError::InvalidLink => {
            (Class::BadRequest, "LINK_INVALID", "The link is not valid or was used.")
        }
        IdentityError::ExpiredLink => {
            (Class::BadRequest, "LINK_EXPIRED", "The link has expired: ask for another.")
        }
        IdentityError::WrongPassword => (Class::Forbidden, "WRONG_PASSWORD", "The password is wrong."),
        IdentityError::RecentSignInRequired => (
            Class::Forbidden,
            "RECENT_SIGN_IN_REQUIRED",
            "Sign in again first: this needs a sign-in of the last ten minutes, \
             or the password where the account has one.",
        ),
        IdentityError::TooManyAttempts { retry_after } => {
            let message = "Too many attempts failed: wait a little.";
            return Refusal::new(Class::TooMany, "TOO_MANY_ATTEMPTS", message).with_retry_after(*retry_after);
        }
        IdentityError::Busy => {
            let message = "Too many people sign in at this moment: try again in a second.";
            return Refusal::new(Class::Unavailable, "BUSY", message).with_retry_after(1);
        }
        _ => return Refusal::internal(),
    };
    Refusal::new(class, code, message)
}

/// The refusal of errors about the account's state: 409.
fn of_account(error: &IdentityError) -> Refusal {
    let conflict = |code, message| Refusal::new(Class::Conflict, code, message);
    match error {
        IdentityError::EmailTaken => {
            conflict("EMAIL_TAKEN", "There is an account of this mail address already.")
                .with_detail("email", "is taken already")
        }
        IdentityError::LastSignInMethod => {
            conflict("LAST_WAY_IN", "Nothing else opens the account: set a password first, by a mailed link.")
        }
        IdentityError::TooManyApiTokens(count) => {
            let message = format!("There are {count} API tokens already: delete one first.");
            Refusal::new(Class::Conflict, "TOO_MANY_API_TOKENS", message)
        }
        IdentityError::LastAdmin => {
            conflict("LAST_ADMIN", "This is the last administrator: make another one first.")
        }
        IdentityError::UnverifiedAdmin => conflict(
            "EMAIL_UNPROVEN",
            "Nobody has proven the mail address of this account, so it may be anybody's.",
        )
        .with_detail("is_admin", "needs a proven mail address"),
        IdentityError::OwnAccount => {
            conflict("OWN_ACCOUNT", "This is your own account: delete it with DELETE /api/users/me.")
        }
        _ => Refusal::internal(),
    }
}

impl Problem for OAuthRefusal {
    fn refusal(&self) -> Refusal {
        let (class, message) = match self {
            Self::NotConfigured => {
                (Class::NotFound, "There is no sign-in with this provider: see /api/auth/providers.")
            }
            Self::InvalidState => (
                Class::BadRequest,
                "The sign-in took too long, has ended, or was not begun here: begin again.",
            ),
            Self::RefusedCode => (Class::BadRequest, "The provider does not take the code: begin again."),
            Self::Untrusted => (Class::Upstream, "The provider's answer cannot be trusted."),
            Self::Unavailable => (Class::Upstream, "The provider does not answer: try again later."),
            Self::UnverifiedEmail => {
                (Class::Forbidden, "The provider has not proven your mail address: prove it there first.")
            }
        };
        Refusal::new(class, self.code(), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_class_and_code() {
        for (error, class, code) in [
            (IdentityError::EmailTaken, Class::Conflict, "EMAIL_TAKEN"),
            (IdentityError::BadCredentials, Class::Unauthenticated, "BAD_CREDENTIALS"),
            (IdentityError::Deactivated, Class::Forbidden, "ACCOUNT_DEACTIVATED"),
            (IdentityError::InvalidToken, Class::Unauthenticated, "INVALID_TOKEN"),
            (IdentityError::ExpiredToken, Class::Unauthenticated, "TOKEN_EXPIRED"),
            (IdentityError::Busy, Class::Unavailable, "BUSY"),
            (IdentityError::NotFound, Class::NotFound, "NOT_FOUND"),
            (IdentityError::NoSuchSession, Class::NotFound, "NOT_FOUND"),
            (IdentityError::NoSuchApiToken, Class::NotFound, "NOT_FOUND"),
            (IdentityError::NotLinked, Class::NotFound, "NOT_FOUND"),
            (IdentityError::LastSignInMethod, Class::Conflict, "LAST_WAY_IN"),
            (IdentityError::TooManyApiTokens(50), Class::Conflict, "TOO_MANY_API_TOKENS"),
            (IdentityError::InvalidLink, Class::BadRequest, "LINK_INVALID"),
            (IdentityError::ExpiredLink, Class::BadRequest, "LINK_EXPIRED"),
            (IdentityError::WrongPassword, Class::Forbidden, "WRONG_PASSWORD"),
            (IdentityError::RecentSignInRequired, Class::Forbidden, "RECENT_SIGN_IN_REQUIRED"),
            (IdentityError::TooManyAttempts { retry_after: 7 }, Class::TooMany, "TOO_MANY_ATTEMPTS"),
            (IdentityError::LastAdmin, Class::Conflict, "LAST_ADMIN"),
            (IdentityError::UnverifiedAdmin, Class::Conflict, "EMAIL_UNPROVEN"),
            (IdentityError::OwnAccount, Class::Conflict, "OWN_ACCOUNT"),
            (
                IdentityError::OAuth(OAuthRefusal::NotConfigured),
                Class::NotFound,
                OAuthRefusal::NotConfigured.code(),
            ),
            (IdentityError::Crypto("no".to_owned()), Class::Internal, "INTERNAL"),
        ] {
            let refusal = error.refusal();
            assert_eq!((refusal.class, refusal.code), (class, code));
        }
    }

    #[test]
    fn too_many_attempts_have_a_retry_after() {
        assert_eq!(IdentityError::TooManyAttempts { retry_after: 7 }.refusal().retry_after, Some(7));
    }
}
