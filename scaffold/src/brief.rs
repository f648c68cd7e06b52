//! The plan of an application, read from a title and a description.

use std::collections::BTreeSet;

use atelier_providers::llm::{AppKind, Effort, GenerationRequest};

use crate::detection::detect_language;
use crate::language::Language;
use crate::lexicon::LEXICON;
use crate::schema::Entity;
use crate::text::{clean, clean_line, first_sentence, fold, slug};
use crate::texts::document_texts;
use reading::Reading;

mod assembly;
mod reading;
mod subject;

/// Most characters of a title that are kept.
const MAX_TITLE: usize = 80;
/// Most characters of a description that are kept.
const MAX_DESCRIPTION: usize = 5_000;

/// The plan of one application.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AppBrief {
    /// One line, never empty.
    pub(crate) title: String,
    /// The title in Latin letters, digits and hyphens; never empty.
    pub(crate) slug: String,
    /// The kind of application.
    pub(crate) kind: AppKind,
    /// With more views, tests and relations.
    pub(crate) advanced: bool,
    /// The language of its texts.
    pub(crate) language: Language,
    /// The description, cleaned.
    pub(crate) description: String,
    /// The first sentence of the description.
    pub(crate) tagline: String,
    /// Its entities: at least one, the main one first.
    pub(crate) entities: Vec<Entity>,
    /// Keys of the requested features that the scaffold has.
    pub(crate) features: BTreeSet<String>,
    /// Requested features that the scaffold does not have.
    pub(crate) absent: Vec<String>,
    /// The sentences of the description in which nothing was recognised.
    pub(crate) missed: Vec<String>,
    /// Whether the description names something that the scaffold can write.
    pub(crate) is_understood: bool,
    /// The items that the description lists, as written.
    pub(crate) listed: Vec<String>,
    /// The ISO code of the currency of its amounts.
    pub(crate) currency: &'static str,
}

impl AppBrief {
    /// Reads a request. Never fails: without a known entity, the application keeps items, and
    /// `is_understood` is false.
    pub(crate) fn of(request: &GenerationRequest) -> Self {
        let description = clean(&request.description, MAX_DESCRIPTION);
        let language = detect_language(&format!("{} {description}", request.title));
        let fallback = document_texts(language).remove("title").unwrap_or_default();
        let given_title = clean_line(&request.title, MAX_TITLE);
        let candidates = [given_title.clone(), first_sentence(&description, 60), fallback];
        let title = candidates.into_iter().find(|title| !title.is_empty()).unwrap_or_default();
        let advanced = request.effort == Effort::Advanced;
        let reading = Reading::of(&given_title, &description, language);
        let entities = assembly::entities(&title, &description, &reading, language, advanced);
        let is_understood = match request.kind {
            AppKind::LandingPage => can_be_presented(&given_title, &description),
            AppKind::WebApp | AppKind::MobileApp | AppKind::Api => {
                reading.is_understood() || reads_pattern(&reading, &given_title, &description)
            }
        };
        let absent = reading.features.iter().filter_map(|key| absent_name(key, language)).collect();
        Self {
            slug: Some(slug(&title, '-', 40))
                .filter(|slug| !slug.is_empty())
                .unwrap_or_else(|| "app".to_owned()),
            kind: request.kind,
            advanced,
            language,
            tagline: first_sentence(&description, 160),
            entities,
            features: reading
                .features
                .iter()
                .filter(|key| absent_name(key, language).is_none())
                .cloned()
                .collect(),
            absent,
            missed: if request.kind == AppKind::LandingPage { Vec::new() } else { reading.missed },
            is_understood,
            listed: reading.listed,
            currency: currency(&description, language),
            title,
            description,
        }
    }

    /// The application's first and most important entity.
    pub(crate) fn main_entity(&self) -> &Entity {
        &self.entities[0]
    }
}

/// Whether a text is long enough to be a page: eight letters, or four of another script, of
/// which one may be a syllable or a word.
fn can_be_presented(title: &str, description: &str) -> bool {
    let text = if description.is_empty() { title } else { description };
    let letters = text.chars().filter(|c| c.is_alphabetic());
    let (latin, other): (Vec<char>, Vec<char>) = letters.partition(|c| *c < '\u{250}');
    latin.len() >= 8 || other.len() >= 4
}

/// `Dragon tracker` and `liste de dragons` name what is kept, unless it is a program.
fn reads_pattern(reading: &Reading, title: &str, description: &str) -> bool {
    !reading.features.contains("programs")
        && !reading.features.contains("chat")
        && subject::has_pattern(title, description)
}

fn absent_name(key: &str, language: Language) -> Option<String> {
    let feature = LEXICON.find_feature_by_key(key).filter(|feature| feature.absent)?;
    feature.name.as_ref().map(|name| name.in_language(language).clone())
}

fn currency(description: &str, language: Language) -> &'static str {
    let folded = fold(description);
    let signs = [
        ("r$", "BRL"),
        ("€", "EUR"),
        ("euro", "EUR"),
        ("£", "GBP"),
        ("$", "USD"),
        ("dollar", "USD"),
        ("fcfa", "XOF"),
        ("chf", "CHF"),
    ];
    let named = signs.iter().find(|(sign, _)| folded.contains(sign)).map(|(_, code)| *code);
    named.unwrap_or(match language {
        Language::English => "USD",
        Language::French | Language::Spanish | Language::German => "EUR",
        Language::Portuguese => "BRL",
    })
}

#[cfg(test)]
mod tests;
