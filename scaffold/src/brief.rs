//! What an application is to be, read from a title and a description.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

use super::language::Language;
use super::lexicon::LEXICON;
use super::text::{self, capitalize, clean, clean_line, first_sentence, fold, plural, slug};
use crate::llm::{AppKind, Effort, GenerationRequest};
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
    /// What sort of application.
    pub(crate) kind: AppKind,
    /// With more views, tests and relations.
    pub(crate) advanced: bool,
    /// The language of its texts.
    pub(crate) language: Language,
    /// The description, cleaned.
    pub(crate) description: String,
    /// The first sentence of the description.
    pub(crate) tagline: String,
    /// What it keeps: at least one, the main one first.
    pub(crate) entities: Vec<Entity>,
    /// Keys of the features that were asked for and exist.
    pub(crate) features: BTreeSet<String>,
    /// Features that were asked for and that a scaffold does not have.
    pub(crate) absent: Vec<String>,
    /// Things that the description lists, in its words.
    pub(crate) listed: Vec<String>,
    /// The ISO code of the currency of its amounts.
    pub(crate) currency: &'static str,
}

/// A sort of thing that the application keeps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Entity {
    /// Name in code: lower case, digits and underscores.
    pub(crate) key: String,
    /// Name of one, such as `Book`.
    pub(crate) name: String,
    /// Name of many, such as `Books`.
    pub(crate) plural: String,
    /// Last part of its address, such as `books`.
    pub(crate) path: String,
    /// At least one; the first is its title.
    pub(crate) fields: Vec<Field>,
    /// Examples to begin with.
    pub(crate) samples: Vec<Map<String, Value>>,
}

/// A value that an entity has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Field {
    /// Name in code: lower case, digits and underscores.
    pub(crate) name: String,
    /// Name on the screen.
    pub(crate) label: String,
    /// What sort of value.
    #[serde(flatten)]
    pub(crate) kind: FieldKind,
}

/// What a field may hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", content = "of", rename_all = "snake_case")]
pub(crate) enum FieldKind {
    /// One line.
    Text,
    /// Many lines.
    LongText,
    /// A number.
    Number,
    /// One to five stars.
    Rating,
    /// A day.
    Date,
    /// Yes or no.
    Boolean,
    /// An email address.
    Email,
    /// A telephone number.
    Phone,
    /// A web address.
    Url,
    /// An amount in the application's currency.
    Money,
    /// Words with commas between them.
    Tags,
    /// One of these.
    Choice(Vec<String>),
    /// Another entity's record, by the entity's key.
    Reference(String),
}

impl AppBrief {
    /// Reads what was asked for. Never fails: what it does not understand
    /// becomes an application that keeps items.
    pub(crate) fn of(request: &GenerationRequest) -> Self {
        let description = clean(&request.description, MAX_DESCRIPTION);
        let language = Language::of(&format!("{} {description}", request.title));
        let fallback = language.pick("My application", "Mon application");
        let given_title = clean_line(&request.title, MAX_TITLE);
        let candidates = [given_title.clone(), first_sentence(&description, 60), fallback.to_owned()];
        let title = candidates.into_iter().find(|title| !title.is_empty()).unwrap_or_default();
        let advanced = request.effort == Effort::Advanced;
        let reading = Reading::of(&given_title, &description, language);
        let entities = assembly::entities(&title, &description, &reading, language, advanced);
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

impl Entity {
    fn named(key: &str, name: &str, many: Option<&str>, language: Language) -> Self {
        let name = capitalize(name);
        let many = many.map_or_else(|| plural(&name, language), str::to_owned);
        let path =
            Some(slug(&many, '-', 40)).filter(|path| !path.is_empty()).unwrap_or_else(|| "items".to_owned());
        Self { key: key.to_owned(), name, plural: many, path, fields: Vec::new(), samples: Vec::new() }
    }

    /// The field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    fn known(key: &str, language: Language) -> Option<Self> {
        LEXICON.field(key).map(|entry| Self {
            name: entry.key.clone(),
            label: entry.label.in_language(language).clone(),
            kind: entry.kind(language),
        })
    }

    /// A field with a label of the person's own. Names that mean something to
    /// JavaScript or to the application itself are changed.
    fn new(label: &str, kind: FieldKind) -> Option<Self> {
        const TAKEN: &[&str] = &[
            "id",
            "created_at",
            "updated_at",
            "createdat",
            "updatedat",
            "constructor",
            "prototype",
            "proto",
        ];
        let label = capitalize(&clean_line(label, 40));
        let name = slug(&label, '_', 32);
        let name = match name.as_str() {
            "" => format!("field_{}", text::fingerprint(&[&label])),
            taken if TAKEN.contains(&taken) => format!("{taken}_field"),
            digit if digit.starts_with(|c: char| c.is_ascii_digit()) => format!("field_{digit}"),
            _ => name,
        };
        (!label.is_empty()).then_some(Self { name, label, kind })
    }
}

fn absent_name(key: &str, language: Language) -> Option<String> {
    let feature = LEXICON.find_feature(key).filter(|feature| feature.absent)?;
    let name = match language {
        Language::English => feature.en.as_ref(),
        Language::French => feature.fr.as_ref(),
    };
    name.cloned()
}

fn currency(description: &str, language: Language) -> &'static str {
    let folded = fold(description);
    let signs =
        [("€", "EUR"), ("euro", "EUR"), ("£", "GBP"), ("$", "USD"), ("dollar", "USD"), ("fcfa", "XOF")];
    let named = signs.iter().find(|(sign, _)| folded.contains(sign)).map(|(_, code)| *code);
    named.unwrap_or(if language == Language::French { "EUR" } else { "USD" })
}

#[cfg(test)]
mod tests;
