//! Finds subjects, features, relations and unambiguous fields anywhere in a sentence.

use super::Reader;
use super::phrases::phrase;
use super::vocabulary::{is_aim, is_belonging, is_of};
use crate::lexicon::LEXICON;
use crate::text::{Token, Word};

/// Most words between an entity and the verb that makes it part of another.
const MAX_DISTANCE: usize = 4;

/// The sentences of a text, without their ends.
pub(super) fn sentences(text: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut sentence = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let before_space = chars.peek().is_none_or(|next| next.is_whitespace());
        let ends =
            matches!(c, '\n' | ';' | '。' | '！' | '？') || (matches!(c, '.' | '!' | '?') && before_space);
        if ends {
            sentences.push(std::mem::take(&mut sentence));
        } else {
            sentence.push(c);
        }
    }
    sentences.push(sentence);
    sentences.retain(|sentence| !sentence.trim().is_empty());
    sentences
}

impl Reader {
    /// Finds subjects, features and unambiguous fields anywhere.
    pub(super) fn scan(&mut self, tokens: &[Token]) {
        for sentence in tokens.split(|token| !matches!(token, Token::Word(_))) {
            let words: Vec<Word> = sentence
                .iter()
                .filter_map(|t| if let Token::Word(w) = t { Some(w.clone()) } else { None })
                .collect();
            let mut at = 0;
            while at < words.len() {
                let longest = (1..=4.min(words.len() - at)).rev();
                at += longest.into_iter().find(|len| self.note(&words, at, *len)).unwrap_or(1);
            }
            self.note_belonging(&words);
        }
    }

    fn note(&mut self, words: &[Word], at: usize, len: usize) -> bool {
        let folded = phrase(&words[at..at + len]);
        let previous = at.checked_sub(1).map(|i| words[i].folded.as_str()).unwrap_or_default();
        if matches!((previous, folded.as_str()), ("in", "order") | ("en" | "au", "cours")) {
            return true;
        }
        let is_aimed_at = words[at.saturating_sub(2)..at].iter().any(|word| is_aim(&word.folded));
        if let Some(keys) = LEXICON.find_domain(&folded, self.language) {
            self.note_domain(keys, &words[at + len..], is_aimed_at);
            return true;
        }
        if let Some(feature) = LEXICON.find_feature(&folded) {
            let describes = matches!(previous, "d" | "de") && feature.absent;
            if !describes {
                self.reading.features.insert(feature.key.clone());
            }
            return true;
        }
        let covered = words[at..at + len].iter().all(|word| self.covered.contains(&word.folded));
        if let Some(field) =
            LEXICON.find_field(&folded, self.language).filter(|field| !field.strict && !covered)
        {
            let field = LEXICON.known_field(&field.key, self.language);
            self.reading.fields.extend(field.map(|field| (None, field)));
            return true;
        }
        if let Some(entity) = LEXICON.find_entity(&folded, self.language).filter(|_| !covered) {
            if !is_aimed_at {
                self.reading.direct += 1;
                self.reading.subjects.push(entity.key.clone());
                self.note_plural(entity, &folded);
            }
            return true;
        }
        false
    }

    fn note_domain(&mut self, keys: &[String], after: &[Word], is_aimed_at: bool) {
        if self.names_content(after) {
            return;
        }
        self.reading.direct += usize::from(!is_aimed_at);
        self.reading.subjects.extend(keys.iter().cloned());
        if self.reading.domain.is_empty() {
            self.reading.domain = keys.to_vec();
        }
    }

    /// Whether the words continue with a content, as in `library of games`: then the content
    /// is the subject.
    fn names_content(&self, after: &[Word]) -> bool {
        let joined = after.first().is_some_and(|word| is_of(&word.folded));
        let found = |from: usize, to: usize| {
            after
                .get(from..to)
                .is_some_and(|words| LEXICON.find_entity(&phrase(words), self.language).is_some())
        };
        joined && (found(1, 2) || found(1, 3) || found(2, 3))
    }

    /// `Each invoice belongs to a customer`: the first is part of the second.
    fn note_belonging(&mut self, words: &[Word]) {
        let Some(verb) = words.iter().position(|word| is_belonging(&word.folded)) else { return };
        let entity = |word: &Word| LEXICON.find_entity(&word.folded, self.language);
        let part = words[..verb].iter().rev().take(MAX_DISTANCE).find_map(entity);
        let whole = words[verb + 1..].iter().take(MAX_DISTANCE).find_map(entity);
        if let (Some(part), Some(whole)) = (part, whole) {
            self.reading.things.extend([part.key.clone(), whole.key.clone()]);
            self.reading.parts.push((part.key.clone(), whole.key.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sentences;

    #[test]
    fn sentences_end_at_marks_before_white_space() {
        let text = "Books at 3.50 each. Is it so?\nYes; no ";
        assert_eq!(sentences(text), ["Books at 3.50 each", " Is it so", "Yes", " no "]);
        assert!(sentences(" . \n").is_empty());
    }
}
