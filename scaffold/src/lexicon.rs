//! The known words: fields, entities, domains and features.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::language::Language;
use crate::schema::{Field, FieldKind};
use crate::text::{fold, singular};

/// A text in both languages.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Bilingual<T> {
    en: T,
    fr: T,
}

impl<T> Bilingual<T> {
    /// The one in `language`.
    pub(crate) fn in_language(&self, language: Language) -> &T {
        match language {
            Language::English => &self.en,
            Language::French => &self.fr,
        }
    }
}

/// A known field.
#[derive(Debug, Deserialize)]
pub(crate) struct FieldEntry {
    pub(crate) key: String,
    kind: String,
    #[serde(flatten)]
    pub(crate) label: Bilingual<String>,
    #[serde(default)]
    en_words: String,
    #[serde(default)]
    fr_words: String,
    /// Whether it is recognised only inside a list of fields, since the word is common.
    #[serde(default)]
    pub(crate) strict: bool,
    /// Whether only the singular is a field; the plural is an entity.
    #[serde(default)]
    singular: bool,
    options: Option<Bilingual<Vec<String>>>,
}

impl FieldEntry {
    /// The kind of value it holds.
    pub(crate) fn kind(&self, language: Language) -> FieldKind {
        match self.kind.as_str() {
            "long_text" => FieldKind::LongText,
            "number" => FieldKind::Number,
            "rating" => FieldKind::Rating,
            "date" => FieldKind::Date,
            "boolean" => FieldKind::Boolean,
            "email" => FieldKind::Email,
            "phone" => FieldKind::Phone,
            "url" => FieldKind::Url,
            "money" => FieldKind::Money,
            "tags" => FieldKind::Tags,
            "choice" => FieldKind::Choice(
                self.options.as_ref().map(|o| o.in_language(language).clone()).unwrap_or_default(),
            ),
            _ => FieldKind::Text,
        }
    }
}

/// A known entity.
#[derive(Debug, Deserialize)]
pub(crate) struct EntityEntry {
    pub(crate) key: String,
    #[serde(flatten)]
    pub(crate) name: Bilingual<String>,
    pub(crate) fr_plural: Option<String>,
    #[serde(default)]
    en_words: String,
    #[serde(default)]
    fr_words: String,
    /// Keys of the fields it always has.
    pub(crate) fields: Vec<String>,
    /// Its own choices, by field.
    #[serde(default)]
    pub(crate) options: BTreeMap<String, Bilingual<Vec<String>>>,
    /// Its own labels, by field.
    #[serde(default)]
    pub(crate) titles: BTreeMap<String, Bilingual<String>>,
    /// A second entity of an advanced application.
    pub(crate) companion: Option<String>,
    /// The field of this entity that names its companion.
    pub(crate) companion_ref: Option<String>,
    /// Sample records; dates are days from today.
    pub(crate) samples: Option<Bilingual<Vec<Map<String, Value>>>>,
}

#[derive(Debug, Deserialize)]
struct DomainEntry {
    en: String,
    fr: String,
    entities: Vec<String>,
}

/// A known feature.
#[derive(Debug, Deserialize)]
pub(crate) struct FeatureEntry {
    pub(crate) key: String,
    words: String,
    /// Whether the scaffold lacks the feature. Its README says so, with these names.
    #[serde(default)]
    pub(crate) absent: bool,
    pub(crate) en: Option<String>,
    pub(crate) fr: Option<String>,
}

/// All known words, indexed by folded phrase.
pub(crate) struct Lexicon {
    fields: Vec<FieldEntry>,
    entities: Vec<EntityEntry>,
    domains: Vec<DomainEntry>,
    features: Vec<FeatureEntry>,
    field_words: HashMap<(Language, String), usize>,
    entity_words: HashMap<(Language, String), usize>,
    domain_words: HashMap<String, usize>,
    feature_words: HashMap<String, usize>,
}

/// The lexicon, read once.
pub(crate) static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::read);

fn parse<T: for<'de> Deserialize<'de>>(json: &str) -> Vec<T> {
    serde_json::from_str(json).expect("the lexicon is compiled in and a test reads it")
}

fn phrases<'a>(words: &'a str, label: &'a str) -> impl Iterator<Item = String> + 'a {
    words
        .split('|')
        .chain([label])
        .filter(|word| !word.is_empty())
        .map(|word| fold(word).replace(['\'', '-'], " "))
}

impl Lexicon {
    fn read() -> Self {
        let fields: Vec<FieldEntry> = parse(include_str!("lexicon/fields.json"));
        let entities: Vec<EntityEntry> = parse(include_str!("lexicon/entities.json"));
        let domains: Vec<DomainEntry> = parse(include_str!("lexicon/domains.json"));
        let features: Vec<FeatureEntry> = parse(include_str!("lexicon/features.json"));
        let mut field_words = HashMap::new();
        for (at, field) in fields.iter().enumerate() {
            for (language, words) in
                [(Language::English, &field.en_words), (Language::French, &field.fr_words)]
            {
                for phrase in phrases(words, field.label.in_language(language)) {
                    field_words.entry((language, phrase)).or_insert(at);
                }
            }
        }
        let mut entity_words = HashMap::new();
        for (at, entity) in entities.iter().enumerate() {
            for (language, words) in
                [(Language::English, &entity.en_words), (Language::French, &entity.fr_words)]
            {
                let label = if entity.key == "stock_item" || entity.key == "grocery" {
                    ""
                } else {
                    entity.name.in_language(language)
                };
                for phrase in phrases(words, label) {
                    entity_words.entry((language, phrase)).or_insert(at);
                }
            }
        }
        let mut domain_words = HashMap::new();
        for (at, domain) in domains.iter().enumerate() {
            for phrase in phrases(&domain.en, "").chain(phrases(&domain.fr, "")) {
                domain_words.entry(phrase).or_insert(at);
            }
        }
        let mut feature_words = HashMap::new();
        for (at, feature) in features.iter().enumerate() {
            for phrase in phrases(&feature.words, "") {
                feature_words.entry(phrase).or_insert(at);
            }
        }
        Self { fields, entities, domains, features, field_words, entity_words, domain_words, feature_words }
    }

    /// The field of that key.
    pub(crate) fn field(&self, key: &str) -> Option<&FieldEntry> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// The field of that key, with its label in `language`.
    pub(crate) fn known_field(&self, key: &str, language: Language) -> Option<Field> {
        self.field(key).map(|entry| Field {
            name: entry.key.clone(),
            label: entry.label.in_language(language).clone(),
            kind: entry.kind(language),
        })
    }

    /// The entity of that key.
    pub(crate) fn entity(&self, key: &str) -> Option<&EntityEntry> {
        self.entities.iter().find(|entity| entity.key == key)
    }

    /// The field that people call `phrase` (folded), in either number.
    pub(crate) fn find_field(&self, phrase: &str, language: Language) -> Option<&FieldEntry> {
        languages_from(language).find_map(|language| {
            let exact = self.field_words.get(&(language, phrase.to_owned()));
            let singular = || {
                self.field_words
                    .get(&(language, singular_phrase(phrase, language)))
                    .filter(|at| !self.fields[**at].singular)
            };
            exact.or_else(singular).map(|at| &self.fields[*at])
        })
    }

    /// The entity that people call `phrase` (folded), in either number.
    pub(crate) fn find_entity(&self, phrase: &str, language: Language) -> Option<&EntityEntry> {
        languages_from(language).find_map(|language| {
            let exact = self.entity_words.get(&(language, phrase.to_owned()));
            let singular = || self.entity_words.get(&(language, singular_phrase(phrase, language)));
            exact.or_else(singular).map(|at| &self.entities[*at])
        })
    }

    /// The keys of the entities that a domain such as `shop` means.
    pub(crate) fn find_domain(&self, phrase: &str) -> Option<&[String]> {
        self.domain_words.get(phrase).map(|at| self.domains[*at].entities.as_slice())
    }

    /// The feature called `phrase` (folded).
    pub(crate) fn find_feature(&self, phrase: &str) -> Option<&FeatureEntry> {
        self.feature_words.get(phrase).map(|at| &self.features[*at])
    }
}

/// The language, then the other one, since people mix them.
fn languages_from(language: Language) -> impl Iterator<Item = Language> {
    let other = if language == Language::English { Language::French } else { Language::English };
    [language, other].into_iter()
}

fn singular_phrase(phrase: &str, language: Language) -> String {
    match language {
        Language::English => match phrase.rsplit_once(' ') {
            Some((before, last)) => format!("{before} {}", singular(last, language)),
            None => singular(phrase, language),
        },
        Language::French => {
            phrase.split(' ').map(|word| singular(word, language)).collect::<Vec<_>>().join(" ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_is_named_exists() {
        for entity in &LEXICON.entities {
            let names: Vec<&str> = LEXICON.entities.iter().map(|entity| entity.key.as_str()).collect();
            for field in &entity.fields {
                assert!(
                    LEXICON.field(field).is_some() || names.contains(&field.as_str()),
                    "{} of {}",
                    field,
                    entity.key
                );
            }
            for field in entity.options.keys().chain(entity.titles.keys()) {
                assert!(entity.fields.contains(field), "{} of {}", field, entity.key);
            }
            assert!(entity.companion.iter().all(|key| names.contains(&key.as_str())), "{}", entity.key);
        }
        for domain in &LEXICON.domains {
            assert!(domain.entities.iter().all(|key| LEXICON.entity(key).is_some()), "{}", domain.en);
        }
    }

    #[test]
    fn words_are_found_in_either_number_and_language() {
        for (phrase, language, key) in [
            ("ratings", Language::English, "rating"),
            ("note", Language::French, "rating"),
            ("note", Language::English, "notes"),
            ("due dates", Language::English, "due_date"),
            ("dates de sortie", Language::French, "release_date"),
            ("prix", Language::French, "price"),
        ] {
            assert_eq!(
                LEXICON.find_field(phrase, language).map(|field| field.key.as_str()),
                Some(key),
                "{phrase}"
            );
        }
        assert_eq!(LEXICON.find_entity("courses", Language::English).map(|e| e.key.as_str()), Some("course"));
        assert_eq!(LEXICON.find_entity("courses", Language::French).map(|e| e.key.as_str()), Some("grocery"));
        assert!(LEXICON.find_field("customers", Language::English).is_none());
        assert_eq!(
            LEXICON.find_entity("customers", Language::English).map(|e| e.key.as_str()),
            Some("customer")
        );
    }
}
