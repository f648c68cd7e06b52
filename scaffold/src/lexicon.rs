//! The known words: fields, entities, domains and features.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::language::{Language, Localized};
use crate::nouns::singulars;
use crate::schema::{Field, FieldKind};
use crate::text::fold;

/// The words for a thing in each language, beside its name, with `|` between them.
#[derive(Debug, Deserialize)]
struct Words {
    #[serde(default)]
    en_words: String,
    #[serde(default)]
    fr_words: String,
    #[serde(default)]
    es_words: String,
    #[serde(default)]
    de_words: String,
    #[serde(default)]
    pt_words: String,
}

impl Words {
    fn in_language(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en_words,
            Language::French => &self.fr_words,
            Language::Spanish => &self.es_words,
            Language::German => &self.de_words,
            Language::Portuguese => &self.pt_words,
        }
    }
}

/// A known field.
#[derive(Debug, Deserialize)]
pub(crate) struct FieldEntry {
    pub(crate) key: String,
    kind: String,
    #[serde(flatten)]
    pub(crate) label: Localized<String>,
    #[serde(flatten)]
    words: Words,
    /// Whether it is recognised only inside a list of fields, since the word is common.
    #[serde(default)]
    pub(crate) strict: bool,
    /// Whether only the singular is a field; the plural is an entity.
    #[serde(default)]
    singular: bool,
    options: Option<Localized<Vec<String>>>,
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
    pub(crate) name: Localized<String>,
    /// The plural of the name; derived where it is empty.
    #[serde(default)]
    pub(crate) plurals: Localized<String>,
    #[serde(flatten)]
    words: Words,
    /// Keys of the fields it always has.
    pub(crate) fields: Vec<String>,
    /// Its own choices, by field.
    #[serde(default)]
    pub(crate) options: BTreeMap<String, Localized<Vec<String>>>,
    /// Its own labels, by field.
    #[serde(default)]
    pub(crate) titles: BTreeMap<String, Localized<String>>,
    /// A second entity of an advanced application.
    pub(crate) companion: Option<String>,
    /// The field of this entity that names its companion.
    pub(crate) companion_ref: Option<String>,
    /// Sample records; dates are days from today.
    pub(crate) samples: Option<Localized<Vec<Map<String, Value>>>>,
}

#[derive(Debug, Deserialize)]
struct DomainEntry {
    #[serde(flatten)]
    words: Localized<String>,
    entities: Vec<String>,
}

/// A known feature.
#[derive(Debug, Deserialize)]
pub(crate) struct FeatureEntry {
    pub(crate) key: String,
    words: String,
    /// Whether the scaffold lacks the feature. Its README says so, with this name.
    #[serde(default)]
    pub(crate) absent: bool,
    pub(crate) name: Option<Localized<String>>,
}

/// All known words, indexed by folded phrase.
pub(crate) struct Lexicon {
    fields: Vec<FieldEntry>,
    entities: Vec<EntityEntry>,
    domains: Vec<DomainEntry>,
    features: Vec<FeatureEntry>,
    field_words: HashMap<(Language, String), usize>,
    entity_words: HashMap<(Language, String), usize>,
    domain_words: HashMap<(Language, String), usize>,
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
        let mut entity_words = HashMap::new();
        let mut domain_words = HashMap::new();
        for language in Language::ALL {
            for (at, field) in fields.iter().enumerate() {
                let label = field.label.in_language(language);
                for phrase in phrases(field.words.in_language(language), label) {
                    field_words.entry((language, phrase)).or_insert(at);
                }
            }
            for (at, entity) in entities.iter().enumerate() {
                for phrase in entity.phrases(language) {
                    entity_words.entry((language, phrase)).or_insert(at);
                }
            }
            for (at, domain) in domains.iter().enumerate() {
                for phrase in phrases(domain.words.in_language(language), "") {
                    domain_words.entry((language, phrase)).or_insert(at);
                }
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
        languages_from(language).find_map(|language| self.field_in(phrase, language))
    }

    fn field_in(&self, phrase: &str, language: Language) -> Option<&FieldEntry> {
        let exact = self.field_words.get(&(language, phrase.to_owned()));
        let singular = || {
            singular_phrases(phrase, language).into_iter().find_map(|phrase| {
                self.field_words.get(&(language, phrase)).filter(|at| !self.fields[**at].singular)
            })
        };
        exact.or_else(singular).map(|at| &self.fields[*at])
    }

    /// The entity that people call `phrase` (folded), in either number.
    pub(crate) fn find_entity(&self, phrase: &str, language: Language) -> Option<&EntityEntry> {
        languages_from(language).find_map(|language| self.entity_in(phrase, language))
    }

    fn entity_in(&self, phrase: &str, language: Language) -> Option<&EntityEntry> {
        let exact = self.entity_words.get(&(language, phrase.to_owned()));
        let singular = || {
            singular_phrases(phrase, language)
                .into_iter()
                .find_map(|phrase| self.entity_words.get(&(language, phrase)))
        };
        exact.or_else(singular).map(|at| &self.entities[*at])
    }

    /// The keys of the entities that a domain such as `shop` means.
    pub(crate) fn find_domain(&self, phrase: &str, language: Language) -> Option<&[String]> {
        let at = languages_from(language)
            .find_map(|language| self.domain_words.get(&(language, phrase.to_owned())))?;
        Some(self.domains[*at].entities.as_slice())
    }

    /// Whether the word (folded) names a field, an entity or a domain in this very language.
    pub(crate) fn knows(&self, word: &str, language: Language) -> bool {
        self.entity_in(word, language).is_some()
            || self.field_in(word, language).is_some()
            || self.domain_words.contains_key(&(language, word.to_owned()))
    }

    /// The feature of that key.
    pub(crate) fn find_feature_by_key(&self, key: &str) -> Option<&FeatureEntry> {
        self.features.iter().find(|feature| feature.key == key)
    }

    /// The feature called `phrase` (folded).
    pub(crate) fn find_feature(&self, phrase: &str) -> Option<&FeatureEntry> {
        self.feature_words.get(phrase).map(|at| &self.features[*at])
    }
}

impl EntityEntry {
    /// Whether the phrase (folded) names more than one of them.
    pub(crate) fn is_plural(&self, phrase: &str, language: Language) -> bool {
        let [one, many] = [&self.name, &self.plurals].map(|name| fold(name.in_language(language)));
        match language {
            Language::German => phrase != one || one == many,
            Language::Spanish | Language::Portuguese => {
                phrase == many || phrase.split(' ').next().is_some_and(|head| head.ends_with('s'))
            }
            Language::English | Language::French => {
                let singular = singular_phrases(phrase, language);
                singular.iter().all(|one| one != phrase)
            }
        }
    }

    /// The folded words for it. Names that are common words are left out.
    fn phrases(&self, language: Language) -> Vec<String> {
        let is_common = matches!(self.key.as_str(), "stock_item" | "grocery");
        let names = [self.name.in_language(language), self.plurals.in_language(language)];
        let names = names.into_iter().filter(|_| !is_common).flat_map(|name| phrases("", name));
        phrases(self.words.in_language(language), "").chain(names).collect()
    }
}

/// The language, then the one that people mix with it.
fn languages_from(language: Language) -> impl Iterator<Item = Language> {
    let other = if language == Language::English { Language::French } else { Language::English };
    [language, other].into_iter()
}

/// The phrase with its noun, or all of its words, in each singular that the language may have.
fn singular_phrases(phrase: &str, language: Language) -> Vec<String> {
    if !language.has_head_first() {
        return match phrase.rsplit_once(' ') {
            Some((before, last)) => {
                singulars(last, language).iter().map(|last| format!("{before} {last}")).collect()
            }
            None => singulars(phrase, language),
        };
    }
    let all: Vec<String> = phrase
        .split(' ')
        .map(|word| singulars(word, language).into_iter().next().unwrap_or_else(|| word.to_owned()))
        .collect();
    let head =
        phrase.split_once(' ').map_or((phrase, String::new()), |(head, rest)| (head, format!(" {rest}")));
    let heads = singulars(head.0, language).into_iter().map(|one| format!("{one}{}", head.1));
    std::iter::once(all.join(" ")).chain(heads).collect()
}

#[cfg(test)]
mod tests;
