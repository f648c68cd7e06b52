//! The provider that needs no model: it writes a small, complete application from
//! templates and from the words of the description.
//!
//! `text`, `language` and `detection` process words. `lexicon` contains the known words, with
//! their entities and fields from `schema`. `brief` plans an application. `web_app`,
//! `mobile_app`, `api`, `landing_page` and `documents` write its files with `render`.

use async_trait::async_trait;

use atelier_providers::llm::{
    AppKind, ChatModel, Completion, Effort, GenerationRequest, LlmError, StreamEvent, StreamSink,
};
use brief::AppBrief;
use render::File;

mod api;
mod brief;
mod detection;
mod documents;
mod landing_page;
mod language;
mod lexicon;
mod mobile_app;
mod render;
mod schema;
mod text;
mod web_app;

/// Writes applications from templates: static pages that store their data in the browser,
/// installable pages, Node servers and landing pages. The same request always gives the same
/// completion, without network access.
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
        let files = files(&brief).map_err(|error| LlmError::BadRequest {
            message: format!("the scaffold has no template for it: {error}"),
        })?;
        let mut text = String::new();
        for piece in std::iter::once(introduction(&brief)).chain(files.iter().map(block)) {
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

/// A paragraph about the application and its provider.
fn introduction(brief: &AppBrief) -> String {
    let plurals: Vec<String> = brief.entities.iter().map(|entity| render::markdown(&entity.plural)).collect();
    let kept = match brief.kind {
        AppKind::LandingPage => String::new(),
        _ => format!(" {} {}.", brief.language.pick("It keeps:", "Contenu :"), plurals.join(", ")),
    };
    let made = brief
        .language
        .pick("Written by Atelier's scaffold provider.", "Écrit par le générateur scaffold d'Atelier.");
    format!("**{}**. {made}{kept}\n", render::markdown(&brief.title))
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
