//! The provider that needs no model: it writes a small, complete application from
//! templates and from the words of the description.
//!
//! `text`, `nouns`, `language` and `detection` process words. `lexicon` contains the known words, with
//! their entities and fields from `schema`. `brief` plans an application. `web_app`,
//! `mobile_app`, `api`, `landing_page` and `documents` write its files with `render` and
//! `texts`.

use std::collections::BTreeMap;

use async_trait::async_trait;

use atelier_providers::llm::{
    AppKind, ChatModel, Completion, Effort, GenerationRequest, LlmError, StreamEvent, StreamSink,
};
use brief::AppBrief;
use render::File;
use texts::document_texts;

mod api;
mod brief;
mod detection;
mod documents;
mod landing_page;
mod language;
mod lexicon;
mod mobile_app;
mod nouns;
mod render;
mod schema;
mod text;
mod texts;
mod web_app;

/// Writes applications from templates: static pages that store their data in the browser,
/// installable pages, Node servers and landing pages, in English, French, Spanish, German or
/// Portuguese. The same request always gives the same completion, without network access.
///
/// A description that names nothing to keep is [`LlmError::NotUnderstood`], and so is a request
/// for a change that would change no file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scaffold;

#[async_trait]
impl ChatModel for Scaffold {
    fn provider(&self) -> &str {
        "scaffold"
    }

    fn model(&self, effort: Effort) -> &str {
        match effort {
            Effort::Quick => "scaffold-quick",
            Effort::Advanced => "scaffold-advanced",
        }
    }

    fn can_plan(&self) -> bool {
        false
    }

    async fn generate(
        &self,
        request: &GenerationRequest,
        sink: StreamSink<'_>,
    ) -> Result<Completion, LlmError> {
        let brief = AppBrief::of(request);
        let words = document_texts(brief.language);
        if !brief.is_understood {
            let key = if brief.kind == AppKind::LandingPage { "not_presented" } else { "not_understood" };
            return Err(not_understood(&words, key));
        }
        let files = files(&brief).map_err(|error| LlmError::BadRequest {
            message: format!("the scaffold has no template for it: {error}"),
        })?;
        if is_unchanged(&files, &request.previous_files) {
            return Err(not_understood(&words, "not_changed"));
        }
        let mut text = String::new();
        for piece in std::iter::once(introduction(&brief, &words)).chain(files.iter().map(block)) {
            text.push_str(&piece);
            sink(StreamEvent::Delta { text: piece });
        }
        Ok(Completion {
            text,
            provider: self.provider().to_owned(),
            model: self.model(request.effort).to_owned(),
            usage: None,
            truncated: false,
        })
    }
}

fn files(brief: &AppBrief) -> Result<Vec<File>, minijinja::Error> {
    let mut files = match brief.kind {
        AppKind::WebApp => web_app::files(brief)?,
        AppKind::MobileApp => mobile_app::files(brief)?,
        AppKind::Api => api::files(brief)?,
        AppKind::LandingPage => landing_page::files(brief)?,
    };
    files.extend(documents::files(brief)?);
    Ok(files)
}

fn not_understood(words: &BTreeMap<String, String>, key: &str) -> LlmError {
    LlmError::NotUnderstood { message: words.get(key).cloned().unwrap_or_default() }
}

/// Whether every file is there already. The documents about the description do not count.
fn is_unchanged(files: &[File], previous: &[(String, String)]) -> bool {
    let same =
        |file: &File| previous.iter().any(|(path, content)| *path == file.path && *content == file.content);
    let counts = |file: &&File| !["README.md", "scaffold.json"].contains(&file.path.as_str());
    !previous.is_empty() && files.iter().filter(counts).all(same)
}

/// A paragraph about the application, its provider, and what it does not have.
fn introduction(brief: &AppBrief, words: &BTreeMap<String, String>) -> String {
    let sentence = |key: &str, name: &str, values: &[String]| {
        let values: Vec<String> = values.iter().map(|value| render::markdown(value)).collect();
        let text = words.get(key).map(|text| text.replace(name, &values.join(", ")));
        text.filter(|_| !values.is_empty()).map(|text| format!(" {text}")).unwrap_or_default()
    };
    let plurals: Vec<String> = match brief.kind {
        AppKind::LandingPage => Vec::new(),
        AppKind::WebApp | AppKind::MobileApp | AppKind::Api => {
            brief.entities.iter().map(|entity| entity.plural.clone()).collect()
        }
    };
    let missed: Vec<String> = brief.missed.iter().map(|sentence| format!("“{sentence}”")).collect();
    format!(
        "**{}**. {}{}{}{}\n",
        render::markdown(&brief.title),
        texts::strings(brief.language).get("madeBy").map_or("", String::as_str),
        sentence("keeps", "{names}", &plurals),
        sentence("lacks", "{parts}", &brief.absent),
        sentence("missed", "{parts}", &missed),
    )
}

/// A file as a fenced block. Its fence is longer than any run of backticks in the file.
fn block(file: &File) -> String {
    let longest = file.content.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(3.max(longest + 1));
    let end = if file.content.ends_with('\n') { "" } else { "\n" };
    format!("\n{fence}{} path={}\n{}{end}{fence}\n", language_of(&file.path), file.path, file.content)
}

fn language_of(path: &str) -> &str {
    match path.rsplit('.').next() {
        Some("html") => "html",
        Some("css") => "css",
        Some("js") => "js",
        Some("json") => "json",
        Some("svg") => "svg",
        _ => "markdown",
    }
}

#[cfg(test)]
mod tests;
