//! Nouns that the lexicon does not contain.

use super::Reader;
use super::phrases::typed;
use super::vocabulary::{Role, has_role, is_of};
use crate::language::Language;
use crate::lexicon::LEXICON;
use crate::nouns::{is_plural, singular};
use crate::schema::Field;
use crate::text::{Word, slug};

/// An unknown noun that the application may keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Noun {
    /// The singular where the language has a sure rule, else as written.
    pub(crate) one: String,
    /// As written.
    pub(crate) many: String,
    /// Whether it is an entity beside others, and not only a guess.
    pub(crate) is_listed: bool,
}

impl Noun {
    /// Its name in code.
    pub(crate) fn key(&self) -> String {
        Some(slug(&self.one, '_', 32)).filter(|key| !key.is_empty()).unwrap_or_else(|| "item".to_owned())
    }
}

/// Ends of German nouns for the application itself.
const GERMAN_PROGRAMS: &[&str] = &[
    "anwendung",
    "app",
    "software",
    "programm",
    "verwaltung",
    "liste",
    "system",
    "seite",
    "tool",
    "portal",
    "plattform",
    "projekt",
];

/// Whether the noun is a plural; a capital letter has to suffice in German.
pub(super) fn looks_plural(word: &Word, language: Language) -> bool {
    match language {
        Language::German => {
            let is_noun = word.text.chars().count() > 3 && word.text.starts_with(char::is_uppercase);
            is_noun && !GERMAN_PROGRAMS.iter().any(|end| word.folded.ends_with(end))
        }
        _ => is_plural(&word.text, language) || (language.has_head_first() && word.folded.ends_with('s')),
    }
}

impl Reader {
    /// An unknown plural just before a list of fields is the best guess for the entity. Returns
    /// its key.
    pub(super) fn note_unknown_owner(&mut self, words: &[Word]) -> Option<String> {
        let word = words.last()?;
        let one = singular(&word.text, self.language);
        let plain = !has_role(&word.folded, Role::Ender, self.language)
            && LEXICON.find_feature(&word.folded).is_none()
            && LEXICON.find_domain(&word.folded, self.language).is_none();
        if !plain || !looks_plural(word, self.language) {
            return None;
        }
        let before = words.len().checked_sub(2).map(|at| words[at].folded.as_str());
        let is_listed = words.len() <= 2 || before.is_some_and(is_of);
        let noun = Noun { one, many: word.text.clone(), is_listed };
        let key = noun.key();
        self.reading.nouns.insert(0, noun);
        Some(key)
    }

    /// German puts the verb last: `Meine Bienenstöcke verwalten`.
    pub(super) fn note_final_verb(&mut self) {
        const VERBS: &[&str] =
            &["verwalten", "erfassen", "speichern", "verfolgen", "organisieren", "sammeln", "notieren"];
        let [.., noun, verb] = self.before.as_slice() else { return };
        let is_known = LEXICON.find_entity(&noun.folded, self.language).is_some();
        let is_managed = VERBS.contains(&verb.folded.as_str()) && looks_plural(noun, Language::German);
        if self.language == Language::German && is_managed && !is_known {
            let (one, many) = (noun.text.clone(), noun.text.clone());
            self.reading.nouns.push(Noun { one, many, is_listed: true });
        }
    }

    /// The head of a phrase: the last word in English and German, else the first one.
    pub(super) fn head<'a>(&self, words: &'a [Word]) -> Option<&'a Word> {
        if self.language.has_head_first() { words.first() } else { words.last() }
    }

    /// The noun of a phrase.
    pub(super) fn noun(&self, words: &[Word], is_listed: bool) -> Noun {
        Noun { one: self.label(words), many: self.joined(&typed(words)), is_listed }
    }

    /// Decides about the unknown plurals of a list: they are entities where the list has
    /// entities, or nothing but unknown plurals; else they are fields.
    pub(super) fn resolve_pending(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let are_entities = self.list_entities > 0 || (pending.len() >= 2 && self.list_fields == 0);
        for (noun, field) in pending {
            if are_entities {
                self.reading.nouns.push(noun);
            } else {
                self.reading.fields.extend(field.map(|field: Field| (self.owner.clone(), field)));
            }
        }
        (self.list_entities, self.list_fields) = (0, 0);
    }
}
