//! Classifies the items of a list: as a feature, a field or an entity.

use super::kinds::kind_of;
use super::nouns::looks_plural;
use super::phrases::{phrase, strip, typed};
use super::{Mode, Reader};
use crate::language::Language;
use crate::lexicon::LEXICON;
use crate::nouns::singular;
use crate::schema::{Field, FieldKind};
use crate::text::{Word, clean_line};

impl Reader {
    /// Ends an item of a list. Returns the key of the entity, if it is one.
    pub(super) fn flush(&mut self, options: Option<Vec<String>>) -> Option<String> {
        let chunk = std::mem::take(&mut self.chunk);
        let words = strip(&chunk, self.language);
        if words.is_empty() || matches!(self.mode, Mode::Prose | Mode::Skip) {
            return None;
        }
        if self.mode != Mode::Mention {
            self.reading.listed.push(clean_line(&typed(words), 60));
        }
        let folded = phrase(words);
        let field = self.known_field(words, &folded, options);
        let head_first = self.language.has_head_first() && words.len() > 1 && field.is_some();
        if let Some(feature) = (0..words.len())
            .find_map(|from| LEXICON.find_feature(&phrase(&words[from..])))
            .filter(|_| !head_first)
        {
            self.reading.features.insert(feature.key.clone());
            return None;
        }
        if let Some(field) = field {
            if LEXICON.find_field(&folded, self.language).is_none() {
                self.covered.extend(words.iter().map(|word| word.folded.clone()));
            }
            self.list_fields += 1;
            self.reading.fields.push((self.owner.clone(), field));
            return None;
        }
        if let Some(entity) = LEXICON.find_entity(&folded, self.language) {
            self.list_entities += 1;
            self.reading.things.push(entity.key.clone());
            if let Some(owner) = self.owner.as_ref().filter(|owner| **owner != entity.key) {
                self.reading.parts.push((entity.key.clone(), owner.clone()));
            }
            return Some(entity.key.clone());
        }
        self.take_unknown(words);
        None
    }

    fn known_field(&self, words: &[Word], folded: &str, options: Option<Vec<String>>) -> Option<Field> {
        if matches!(self.mode, Mode::Things | Mode::Listing)
            && LEXICON.find_entity(folded, self.language).is_some()
        {
            return None;
        }
        let known = LEXICON
            .find_field(folded, self.language)
            .and_then(|entry| LEXICON.known_field(&entry.key, self.language));
        let field = known.or_else(|| self.composite(words));
        match options {
            None => field,
            Some(options) if self.mode == Mode::Fields => {
                let field = field.or_else(|| Field::new(&typed(words), FieldKind::Text));
                field.map(|field| Field { kind: FieldKind::Choice(options), ..field })
            }
            Some(_) => field,
        }
    }

    /// A phrase whose head is a known field, such as `wing colour`.
    fn composite(&self, words: &[Word]) -> Option<Field> {
        let counted = words.iter().any(|word| word.text.chars().all(|c| c.is_ascii_digit()));
        if self.mode == Mode::Mention || counted || !(2..=4).contains(&words.len()) {
            return None;
        }
        if words[0].folded == "number" && words[1].folded == "of" {
            return Field::new(&typed(words), FieldKind::Number);
        }
        let heads: Vec<&[Word]> = match self.language {
            Language::English | Language::German => (1..words.len()).map(|from| &words[from..]).collect(),
            Language::French | Language::Spanish | Language::Portuguese => {
                (1..words.len()).rev().map(|to| &words[..to]).collect()
            }
        };
        let entry = heads.into_iter().find_map(|head| LEXICON.find_field(&phrase(head), self.language))?;
        let kind = match entry.kind(self.language) {
            FieldKind::Choice(_) => FieldKind::Text,
            kind => kind,
        };
        Field::new(&self.label(words), kind)
    }

    pub(super) fn label(&self, words: &[Word]) -> String {
        let at = if self.language.has_head_first() { 0 } else { words.len().saturating_sub(1) };
        let singular_at = |(i, word): (usize, &Word)| {
            if i == at { singular(&word.text, self.language) } else { word.text.clone() }
        };
        self.joined(&words.iter().enumerate().map(singular_at).collect::<Vec<_>>().join(" "))
    }

    /// The text with the apostrophes of French, which are not part of the words.
    pub(super) fn joined(&self, text: &str) -> String {
        if self.language != Language::French {
            return text.to_owned();
        }
        text.replace(" d ", " d'").replace(" l ", " l'")
    }

    /// Whether the head of a phrase is an entity: `choice questions` is not a field.
    fn is_about_entity(&self, words: &[Word]) -> bool {
        self.head(words).is_some_and(|word| LEXICON.find_entity(&word.folded, self.language).is_some())
    }

    fn take_unknown(&mut self, words: &[Word]) {
        let is_short = words.len() <= if self.language.has_head_first() { 3 } else { 2 };
        let is_many = self.head(words).is_some_and(|word| looks_plural(word, self.language));
        if !is_short {
            return;
        }
        match self.mode {
            Mode::Fields if !self.is_about_entity(words) => {
                let field = Field::new(&self.label(words), kind_of(words, self.language));
                if is_many && self.owner.is_none() {
                    self.pending.push((self.noun(words, true), field));
                } else {
                    self.reading.fields.extend(field.map(|field| (self.owner.clone(), field)));
                }
            }
            Mode::Things => self.reading.nouns.push(self.noun(words, is_many)),
            Mode::Listing if is_many => {
                let noun = self.noun(words, true);
                self.pending.push((noun, None));
            }
            _ => {}
        }
    }
}
