//! Finds the entities, fields and features that a description names.

use std::collections::BTreeSet;

use crate::language::Language;
use crate::lexicon::LEXICON;
use crate::schema::Field;
use crate::text::{Token, Word, singular, tokenize};
use phrases::{options, phrase, strip};
use vocabulary::{BY, CUTTERS, ENDERS, JOINERS, OPENERS, VERBS};

mod items;
mod phrases;
mod vocabulary;

/// The findings in a description, in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Keys of known entities that are the subject, the best guess first.
    pub(super) subjects: Vec<String>,
    /// Keys of known entities that stand in lists or own fields.
    pub(super) things: Vec<String>,
    /// Unknown nouns that are managed.
    pub(super) nouns: Vec<String>,
    /// Fields with the key of the entity that they were listed for.
    pub(super) fields: Vec<(Option<String>, Field)>,
    /// `(part, whole)`: keys of entities that belong to another.
    pub(super) parts: Vec<(String, String)>,
    /// Keys of features.
    pub(super) features: BTreeSet<String>,
    /// The listed phrases as typed.
    pub(super) listed: Vec<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// Between lists.
    Prose,
    /// In a list of fields.
    Fields,
    /// In a list of managed entities.
    Things,
    /// After `by`: only known fields count.
    Mention,
    /// After the start of a clause inside a list.
    Skip,
}

struct Reader {
    language: Language,
    reading: Reading,
    mode: Mode,
    list: Mode,
    owner: Option<String>,
    before: Vec<Word>,
    chunk: Vec<Word>,
    /// Words of longer names, which are not fields by themselves.
    covered: BTreeSet<String>,
}

impl Reading {
    /// Reads a title and a description.
    pub(super) fn of(title: &str, description: &str, language: Language) -> Self {
        let mut reader = Reader {
            language,
            reading: Self::default(),
            mode: Mode::Prose,
            list: Mode::Prose,
            owner: None,
            before: Vec::new(),
            chunk: Vec::new(),
            covered: BTreeSet::new(),
        };
        for part in [title, description] {
            let tokens = tokenize(&bullets_as_commas(part));
            tokens.iter().for_each(|token| reader.take(token));
            reader.take(&Token::Stop);
            reader.scan(&tokens);
        }
        reader.reading
    }
}

/// Lines that begin with a bullet are items of one list.
fn bullets_as_commas(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    for line in text.lines() {
        let item = line.trim_start().strip_prefix(['-', '*', '•']);
        let list_goes_on = item.is_some() || joined.trim_end().ends_with(':');
        joined.push(if list_goes_on { ',' } else { '\n' });
        joined.push_str(item.unwrap_or(line));
    }
    joined
}

impl Reader {
    /// Finds subjects, features and unambiguous fields anywhere.
    fn scan(&mut self, tokens: &[Token]) {
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
        }
    }

    fn note(&mut self, words: &[Word], at: usize, len: usize) -> bool {
        let folded = phrase(&words[at..at + len]);
        let previous = at.checked_sub(1).map(|i| words[i].folded.as_str()).unwrap_or_default();
        if matches!((previous, folded.as_str()), ("in", "order") | ("en" | "au", "cours")) {
            return true;
        }
        if let Some(keys) = LEXICON.find_domain(&folded) {
            if !self.names_content(&words[at + len..]) {
                self.reading.subjects.extend(keys.iter().cloned());
            }
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
        if let Some(entity) = LEXICON.find_entity(&folded, self.language) {
            let aimed_at = words[at.saturating_sub(2)..at]
                .iter()
                .any(|word| matches!(word.folded.as_str(), "for" | "pour"));
            if !aimed_at {
                self.reading.subjects.push(entity.key.clone());
            }
            return true;
        }
        false
    }

    /// Whether the words continue with a content, as in `library of games`: then the content
    /// is the subject.
    fn names_content(&self, after: &[Word]) -> bool {
        let joined =
            after.first().is_some_and(|word| matches!(word.folded.as_str(), "of" | "de" | "des" | "d"));
        let found = |from: usize, to: usize| {
            after
                .get(from..to)
                .is_some_and(|words| LEXICON.find_entity(&phrase(words), self.language).is_some())
        };
        joined && (found(1, 2) || found(1, 3) || found(2, 3))
    }

    fn take(&mut self, token: &Token) {
        match token {
            Token::Word(word) => self.take_word(word),
            Token::Separator => self.next_item(),
            Token::Colon => self.take_colon(),
            Token::Aside(text) => {
                let options = options(text);
                self.flush(options);
            }
            Token::Stop => {
                self.flush(None);
                self.before.clear();
                self.owner = None;
                (self.mode, self.list) = (Mode::Prose, Mode::Prose);
            }
        }
    }

    /// After the name of an entity, a colon begins its fields.
    fn take_colon(&mut self) {
        if self.mode != Mode::Prose {
            self.flush(None);
        } else if let Some(owner) = self.owner_before() {
            self.owner = Some(owner);
            self.enter(Mode::Fields);
        }
    }

    fn next_item(&mut self) {
        self.flush(None);
        self.before.clear();
        self.mode = self.list;
    }

    fn take_word(&mut self, word: &Word) {
        let folded = word.folded.as_str();
        if OPENERS.contains(&folded) {
            let was = self.mode;
            let owner = if was == Mode::Prose { self.owner_before() } else { self.flush(None) };
            if was == Mode::Things && owner.is_none() {
                let last = self.reading.nouns.pop();
                self.reading.nouns.splice(0..0, last);
            }
            self.owner = owner.or(self.owner.take());
            self.enter(Mode::Fields);
        } else if VERBS.contains(&folded) && self.chunk.is_empty() {
            self.owner = None;
            self.enter(Mode::Things);
        } else if JOINERS.contains(&folded) {
            self.next_item();
        } else if BY.contains(&folded) {
            self.flush(None);
            self.mode = Mode::Mention;
            self.list = if self.list == Mode::Prose { Mode::Mention } else { self.list };
        } else if self.mode == Mode::Prose {
            self.before.push(word.clone());
        } else if self.cuts(folded) || (ENDERS.contains(&folded) && !self.chunk.is_empty()) {
            self.flush(None);
            self.mode = Mode::Skip;
        } else if ENDERS.contains(&folded) {
            self.chunk.clear();
            (self.mode, self.list) = (Mode::Prose, Mode::Prose);
        } else if self.mode != Mode::Skip {
            self.chunk.push(word.clone());
        }
    }

    fn cuts(&self, folded: &str) -> bool {
        let known_phrase = || {
            let so_far = format!("{} {folded} ", phrase(strip(&self.chunk)));
            folded == "of" && ["date", "number", "place", "year"].iter().any(|head| so_far.starts_with(head))
        };
        let french_to = folded == "a" && self.language == Language::French;
        (CUTTERS.contains(&folded) || french_to) && !known_phrase()
    }

    fn enter(&mut self, mode: Mode) {
        self.chunk.clear();
        self.before.clear();
        (self.mode, self.list) = (mode, mode);
    }

    /// The entity whose name stands just before a list of fields.
    fn owner_before(&mut self) -> Option<String> {
        let words = std::mem::take(&mut self.before);
        for len in (1..=3.min(words.len())).rev() {
            let start = words.len() - len;
            let aimed_at = words[start.saturating_sub(2)..start]
                .iter()
                .any(|word| matches!(word.folded.as_str(), "for" | "pour"));
            if aimed_at {
                return None;
            }
            if let Some(entity) = LEXICON.find_entity(&phrase(&words[start..]), self.language) {
                self.reading.things.push(entity.key.clone());
                return Some(entity.key.clone());
            }
        }
        self.note_unknown_owner(words.last());
        None
    }

    /// An unknown plural noun just before a list of fields is the best guess for the entity.
    fn note_unknown_owner(&mut self, word: Option<&Word>) {
        let Some(word) = word else { return };
        let one = singular(&word.text, self.language);
        let plain = !ENDERS.contains(&word.folded.as_str()) && LEXICON.find_feature(&word.folded).is_none();
        if plain && one != word.text {
            self.reading.nouns.insert(0, one);
        }
    }
}
