//! The name of an entity that the lexicon does not contain.

use crate::language::Language;
use crate::text::{Token, Word, capitalize, singular, tokenize};

const ENGLISH_TAILS: &[&str] = &[
    "list",
    "tracker",
    "manager",
    "catalog",
    "catalogue",
    "collection",
    "directory",
    "log",
    "diary",
    "planner",
    "library",
    "inventory",
    "database",
    "register",
    "organizer",
    "organiser",
    "board",
    "registry",
    "index",
    "archive",
    "wiki",
];
const FRENCH_HEADS: &[&str] = &[
    "liste",
    "gestion",
    "suivi",
    "catalogue",
    "collection",
    "carnet",
    "annuaire",
    "inventaire",
    "registre",
    "base",
    "gestionnaire",
];
const FILLERS: &[&str] = &[
    "a",
    "an",
    "the",
    "my",
    "our",
    "of",
    "app",
    "application",
    "website",
    "site",
    "web",
    "api",
    "tool",
    "service",
    "platform",
    "simple",
    "small",
    "online",
    "mobile",
    "system",
    "un",
    "une",
    "le",
    "la",
    "les",
    "mon",
    "ma",
    "mes",
    "nos",
    "notre",
    "de",
    "des",
    "du",
    "d",
    "l",
    "outil",
    "rest",
    "and",
    "et",
    "for",
    "pour",
    "new",
    "landing",
    "page",
];

fn words(text: &str) -> Vec<Word> {
    tokenize(text)
        .into_iter()
        .filter_map(|token| if let Token::Word(word) = token { Some(word) } else { None })
        .collect()
}

/// A noun for the entity: a managed noun or one with fields, the `X` of `X tracker` or `liste
/// de X`, or a short title. None if there is none of these.
pub(super) fn noun(title: &str, description: &str, nouns: &[String], language: Language) -> Option<String> {
    let patterns = [title, description].into_iter().find_map(|text| from_pattern(&words(text)));
    let found = nouns.first().cloned().or(patterns).or_else(|| from_title(title))?;
    let last = |word: &str| singular(word, language);
    let one = match (language, found.rsplit_once(' ')) {
        (Language::English, Some((before, end))) => format!("{before} {}", last(end)),
        (Language::French, Some(_)) => found.split(' ').map(last).collect::<Vec<_>>().join(" "),
        (_, None) => last(&found),
    };
    Some(capitalize(&one.chars().take(30).collect::<String>()))
}

fn is_filler(word: &Word) -> bool {
    FILLERS.contains(&word.folded.as_str()) || word.text.chars().all(|c| c.is_ascii_digit())
}

fn from_pattern(words: &[Word]) -> Option<String> {
    for (at, word) in words.iter().enumerate() {
        if ENGLISH_TAILS.contains(&word.folded.as_str()) && at > 0 && !is_filler(&words[at - 1]) {
            return Some(words[at - 1].text.clone());
        }
        let joined = |i: usize| {
            words.get(i).is_some_and(|w| matches!(w.folded.as_str(), "de" | "des" | "du" | "d" | "mes"))
        };
        if FRENCH_HEADS.contains(&word.folded.as_str()) && joined(at + 1) {
            return words[at + 1..].iter().find(|w| !is_filler(w)).map(|w| w.text.clone());
        }
    }
    None
}

fn from_title(title: &str) -> Option<String> {
    let left: Vec<String> =
        words(title).into_iter().filter(|word| !is_filler(word)).map(|word| word.text).collect();
    let latin = left.iter().all(|word| word.chars().all(|c| c.is_alphabetic() && c < '\u{250}'));
    ((1..=2).contains(&left.len()) && latin).then(|| left.join(" "))
}
