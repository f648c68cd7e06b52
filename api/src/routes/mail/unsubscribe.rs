//! The unsubscribe link of mails. It needs no sign-in and no cookie: only the recipient has
//! the link. Opening it changes nothing, since scanners open links; posting to it
//! unsubscribes (RFC 8058).

use atelier_entities::{Locale, MailCategory};
use atelier_foundation::mail::Subscription;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    error::{ApiError, ErrorBody},
    extract::{Anyone, ApiPath, preferred_locale},
    route::{Routes, operation, route, routes},
    state::ApiState,
};

const TAG: &str = "Platform";

/// A page without any script that can only be posted back.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

pub(super) fn routes() -> Routes {
    Routes::new().add(route(routes!(show_unsubscribe, unsubscribe)).unlimited())
}

/// A page that asks whether to end the mails that a link is about.
#[operation(
    get, path = "/unsubscribe/{token}", tag = TAG, security(()),
    params(("token" = String, Path, description = "The link's token")),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 404, description = "The link is none of this installation.", body = String, content_type = "text/html"),
        (status = 500, description = "Something went wrong on our side.", body = ErrorBody),
    )
)]
async fn show_unsubscribe(
    State(state): State<ApiState>,
    headers: HeaderMap,
    ApiPath(token): ApiPath<String>,
) -> Result<Response, ApiError> {
    let found = state
        .services
        .foundation
        .mail
        .find_subscription(&token)
        .await
        .map_err(|error| ApiError::failed(&error))?;
    Ok(answer(found, &headers, |words, what| words.ask(what)))
}

/// Ends the mails that a link is about.
///
/// For the button of the page and for mail programs (List-Unsubscribe-Post). The body
/// does not matter; a second time changes nothing.
#[operation(
    post, path = "/unsubscribe/{token}", tag = TAG, security(()),
    params(("token" = String, Path, description = "The link's token")),
    responses(
        (status = 200, description = "Done.", body = String, content_type = "text/html"),
        (status = 404, description = "The link is none of this installation.", body = String, content_type = "text/html"),
        (status = 500, description = "Something went wrong on our side.", body = ErrorBody),
    )
)]
async fn unsubscribe(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Anyone(actor): Anyone,
    ApiPath(token): ApiPath<String>,
) -> Result<Response, ApiError> {
    let found = state.services.foundation.mail.unsubscribe(&actor, &token).await?;
    Ok(answer(found, &headers, |words, what| words.done(what)))
}

fn answer(
    found: Option<Subscription>,
    headers: &HeaderMap,
    content: impl FnOnce(&Words, &str) -> String,
) -> Response {
    let (status, page) = match found {
        Some(Subscription { category, locale }) => {
            let words = Words::of(locale);
            (StatusCode::OK, words.page(&content(words, words.name(category))))
        }
        None => {
            let words = Words::of(preferred_locale(headers));
            (StatusCode::NOT_FOUND, words.page(&format!("<p>{}</p>", words.unknown)))
        }
    };
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ];
    (status, headers, page).into_response()
}

/// What the page says in a language.
struct Words {
    language: &'static str,
    title: &'static str,
    question: &'static str,
    button: &'static str,
    done: &'static str,
    later: &'static str,
    unknown: &'static str,
    /// In the order of [`MailCategory::ALL`].
    categories: [&'static str; 4],
}

const ENGLISH: Words = Words {
    language: "en",
    title: "Mails from Atelier",
    question: "Do you want no more mails about this?",
    button: "No more of these",
    done: "You will get no more mails about this:",
    later: "You can change this at any time in the settings of your account.",
    unknown: "This link is not valid. Open the whole link of the mail, or change the settings of your account.",
    categories: [
        "your daily screen time",
        "results of challenges",
        "limits that are near or reached",
        "generations and deployments",
    ],
};

const FRENCH: Words = Words {
    language: "fr",
    title: "Messages d’Atelier",
    question: "Ne plus recevoir de messages à ce sujet ?",
    button: "Ne plus en recevoir",
    done: "Vous ne recevrez plus de messages à ce sujet :",
    later: "Vous pouvez changer d’avis à tout moment dans les réglages de votre compte.",
    unknown: "Ce lien n’est pas valable. Ouvrez le lien entier du message, ou modifiez les réglages de votre compte.",
    categories: [
        "votre temps d’écran du jour",
        "résultats des défis",
        "limites proches ou atteintes",
        "générations et publications",
    ],
};

impl Words {
    const fn of(locale: Locale) -> &'static Self {
        match locale {
            Locale::En => &ENGLISH,
            Locale::Fr => &FRENCH,
        }
    }

    fn name(&self, category: MailCategory) -> &'static str {
        let position = MailCategory::ALL.iter().position(|known| *known == category);
        position.and_then(|position| self.categories.get(position)).copied().unwrap_or_default()
    }

    fn ask(&self, what: &str) -> String {
        format!(
            "<p>{}</p>\n<p><strong>{what}</strong></p>\n<form method=\"post\"><button>{}</button></form>",
            self.question, self.button
        )
    }

    fn done(&self, what: &str) -> String {
        format!("<p>{}</p>\n<p><strong>{what}</strong></p>\n<p>{}</p>", self.done, self.later)
    }

    fn page(&self, content: &str) -> String {
        let Self { language, title, .. } = self;
        format!(
            "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"robots\" content=\"noindex\">\n<title>{title}</title>\n<style>\n\
             body {{ margin: 0 auto; max-width: 32rem; padding: 3rem 1.5rem; font: 1rem/1.5 system-ui, sans-serif; color: #1d1d1b; background: #f4f4f2; }}\n\
             button {{ font: inherit; padding: 0.6rem 1.1rem; border: 0; border-radius: 6px; color: #fff; background: #1d1d1b; cursor: pointer; }}\n\
             button:focus-visible {{ outline: 3px solid #2f6fed; outline-offset: 2px; }}\n</style>\n</head>\n\
             <body>\n<main>\n<h1>{title}</h1>\n{content}\n</main>\n</body>\n</html>\n"
        )
    }
}

#[cfg(test)]
mod tests;
