//! Finds the entities, fields and features that a description names.

use std::collections::BTreeSet;

use crate::language::Language;
use crate::lexicon::{EntityEntry, LEXICON};
use crate::schema::Field;
use crate::text::{Token, Word, clean_line, tokenize};
use nouns::Noun;
use phrases::{options, phrase, strip};
use scan::sentences;
use vocabulary::{Role, has_role, is_aim};

mod items;
mod kinds;
pub(super) mod nouns;
mod phrases;
mod scan;
mod vocabulary;

/// Most sentences that are reported as not understood.
const MAX_MISSED: usize = 5;

/// The findings in a description, in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Keys of known entities that are the subject, the best guess first.
    pub(super) subjects: Vec<String>,
    /// Keys of known entities that stand in lists or own fields.
    pub(super) things: Vec<String>,
    /// How often a known entity or domain is named that is not somebody the application is for.
    pub(super) direct: usize,
    /// Keys of known entities that stand in the plural.
    pub(super) plurals: Vec<String>,
    /// Keys of the entities of the first domain that is named.
    pub(super) domain: Vec<String>,
    /// Unknown nouns that are managed, the best guess first.
    pub(super) nouns: Vec<Noun>,
    /// Fields with the key of the entity that they were listed for.
    pub(super) fields: Vec<(Option<String>, Field)>,
    /// `(part, whole)`: keys of entities that belong to another.
    pub(super) parts: Vec<(String, String)>,
    /// Keys of features.
    pub(super) features: BTreeSet<String>,
    /// The listed phrases as typed.
    pub(super) listed: Vec<String>,
    /// The sentences of the description in which nothing was recognised.
    pub(super) missed: Vec<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// Between lists.
    Prose,
    /// In a list of fields.
    Fields,
    /// In a list of managed entities.
    Things,
    /// After a colon: entities, fields and unknown plurals.
    Listing,
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
    /// Unknown plurals of the current list, which are entities if the list has entities.
    pending: Vec<(Noun, Option<Field>)>,
    /// Entities of the current list.
    list_entities: usize,
    /// Known fields of the current list.
    list_fields: usize,
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
            pending: Vec::new(),
            list_entities: 0,
            list_fields: 0,
        };
        for (part, is_description) in [(title, false), (description, true)] {
            let sentences: Vec<(String, Vec<Token>)> = sentences(&bullets_as_commas(part))
                .into_iter()
                .map(|sentence| (clean_line(&sentence, 120), tokenize(&sentence)))
                .collect();
            let mut found = vec![false; sentences.len()];
            for ((_, tokens), found) in sentences.iter().zip(&mut found) {
                let before = reader.reading.findings();
                tokens.iter().for_each(|token| reader.take(token));
                reader.take(&Token::Stop);
                *found = reader.reading.findings() > before;
            }
            for ((text, tokens), found) in sentences.iter().zip(found) {
                let before = reader.reading.findings();
                reader.scan(tokens);
                let is_missed = !found && reader.reading.findings() == before;
                if is_description && is_missed && reader.reading.missed.len() < MAX_MISSED && !text.is_empty()
                {
                    reader.reading.missed.push(text.clone());
                }
            }
        }
        reader.reading
    }

    /// Whether the description names something that can be kept. A program such as a calculator
    /// or a chat is none, unless it keeps something of a known kind.
    pub(super) fn is_understood(&self) -> bool {
        let keeps = self.direct > 0 || !self.things.is_empty();
        let is_program = ["programs", "chat"].iter().any(|key| self.features.contains(*key));
        let fields: BTreeSet<&str> = self.fields.iter().map(|(_, field)| field.name.as_str()).collect();
        let is_guess = !self.subjects.is_empty() || !self.nouns.is_empty() || fields.len() >= 2;
        keeps || (is_guess && !is_program)
    }

    /// Grows with each finding.
    fn findings(&self) -> usize {
        self.subjects.len()
            + self.things.len()
            + self.nouns.len()
            + self.fields.len()
            + self.parts.len()
            + self.features.len()
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
                self.resolve_pending();
                self.note_final_verb();
                self.before.clear();
                self.owner = None;
                (self.mode, self.list) = (Mode::Prose, Mode::Prose);
            }
        }
    }

    /// After the name of an entity, a colon begins its fields; else a list of any items.
    fn take_colon(&mut self) {
        if self.mode != Mode::Prose {
            self.flush(None);
        } else if let Some(owner) = self.owner_before() {
            self.owner = Some(owner);
            self.enter(Mode::Fields);
        } else {
            self.enter(Mode::Listing);
        }
    }

    fn next_item(&mut self) {
        self.flush(None);
        self.before.clear();
        self.mode = self.list;
    }

    fn take_word(&mut self, word: &Word) {
        let folded = word.folded.as_str();
        if folded == "vous" && self.chunk.last().is_some_and(|last| last.folded == "rendez") {
            self.chunk.push(word.clone());
            return;
        }
        let role = |role| has_role(folded, role, self.language);
        let (opens, manages, joins, is_by) =
            (role(Role::Opener), role(Role::Verb), role(Role::Joiner), role(Role::By));
        let ends = role(Role::Ender);
        if opens {
            self.begin_fields();
        } else if manages && self.chunk.is_empty() {
            self.owner = None;
            self.enter(Mode::Things);
        } else if joins {
            self.next_item();
        } else if is_by {
            self.flush(None);
            self.mode = Mode::Mention;
            self.list = if self.list == Mode::Prose { Mode::Mention } else { self.list };
        } else if self.mode == Mode::Prose {
            self.before.push(word.clone());
        } else if self.cuts(folded) || (ends && !self.chunk.is_empty()) {
            self.flush(None);
            self.mode = Mode::Skip;
        } else if ends {
            self.chunk.clear();
            (self.mode, self.list) = (Mode::Prose, Mode::Prose);
        } else if self.mode != Mode::Skip {
            self.chunk.push(word.clone());
        }
    }

    /// A list of fields begins, of the entity that stands before it.
    fn begin_fields(&mut self) {
        let was = self.mode;
        let owner = if was == Mode::Prose { self.owner_before() } else { self.flush(None) };
        let noun = match (was, &owner) {
            (_, Some(_)) => None,
            (Mode::Things, None) => self.reading.nouns.pop(),
            (_, None) => self.pending.pop().map(|(noun, _)| noun),
        };
        let key = noun.as_ref().map(Noun::key);
        self.reading.nouns.splice(0..0, noun);
        self.owner = owner.or(key).or(self.owner.take());
        self.enter(Mode::Fields);
    }

    fn cuts(&self, folded: &str) -> bool {
        let known_phrase = || {
            let so_far = format!("{} {folded} ", phrase(strip(&self.chunk, self.language)));
            folded == "of" && ["date", "number", "place", "year"].iter().any(|head| so_far.starts_with(head))
        };
        let french_to = folded == "a" && self.language == Language::French;
        (has_role(folded, Role::Cutter, self.language) || french_to) && !known_phrase()
    }

    fn enter(&mut self, mode: Mode) {
        self.resolve_pending();
        self.chunk.clear();
        self.before.clear();
        (self.mode, self.list) = (mode, mode);
    }

    /// The entity whose name, or whose domain of one entity, stands just before a list of fields.
    fn owner_before(&mut self) -> Option<String> {
        let words = std::mem::take(&mut self.before);
        for len in (1..=3.min(words.len())).rev() {
            let start = words.len() - len;
            if words[start.saturating_sub(2)..start].iter().any(|word| is_aim(&word.folded)) {
                return None;
            }
            if let Some(keys) = LEXICON.find_domain(&phrase(&words[start..]), self.language) {
                return keys.first().filter(|_| keys.len() == 1).cloned();
            }
            if let Some(entity) = LEXICON.find_entity(&phrase(&words[start..]), self.language) {
                self.reading.things.push(entity.key.clone());
                return Some(entity.key.clone());
            }
        }
        self.note_unknown_owner(&words)
    }

    fn note_plural(&mut self, entity: &EntityEntry, folded: &str) {
        if entity.is_plural(folded, self.language) {
            self.reading.plurals.push(entity.key.clone());
        }
    }
}
