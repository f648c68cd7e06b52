//! The name of an entity that the lexicon does not contain.

use super::reading::nouns::Noun;
use crate::language::Language;
use crate::nouns::singular;
use crate::text::{Token, Word, capitalize, tokenize};

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
const ROMANCE_HEADS: &[&str] = &[
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
    "lista",
    "registro",
    "control",
    "controle",
    "gestao",
    "cadastro",
    "catalogo",
    "coleccion",
    "colecao",
    "inventario",
    "diario",
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
    "del",
    "el",
    "los",
    "do",
    "da",
    "dos",
    "das",
    "os",
    "as",
    "mis",
    "meus",
    "minhas",
    "mi",
    "meu",
    "minha",
    "aplicacion",
    "aplicativo",
    "eine",
    "ein",
    "die",
    "der",
    "meine",
    "mein",
    "anwendung",
    "mit",
    "webseite",
    "una",
    "uma",
    "um",
    "para",
    "con",
    "com",
];

fn words(text: &str) -> Vec<Word> {
    tokenize(text)
        .into_iter()
        .filter_map(|token| if let Token::Word(word) = token { Some(word) } else { None })
        .collect()
}

/// A noun for the entity: a managed noun or one with fields, or the `X` of `X tracker` or `liste
/// de X`; a short title where the description lists fields. None if there is none of these.
pub(super) fn noun(
    title: &str,
    description: &str,
    nouns: &[Noun],
    has_fields: bool,
    language: Language,
) -> Option<Noun> {
    let patterns = || [title, description].into_iter().find_map(|text| from_pattern(&words(text)));
    let from_title = || Some(title).filter(|_| has_fields).and_then(from_title);
    let found = match nouns.first() {
        Some(noun) => return Some(shortened(noun.one.clone(), noun.many.clone())),
        None => patterns().or_else(from_title)?,
    };
    let last = |word: &str| singular(word, language);
    let one = match found.rsplit_once(' ') {
        Some((before, end)) if !language.has_head_first() => format!("{before} {}", last(end)),
        Some(_) => found.split(' ').map(last).collect::<Vec<_>>().join(" "),
        None => last(&found),
    };
    Some(shortened(one, found))
}

/// Whether the title or the description has the `X` of `X tracker` or `liste de X`.
pub(super) fn has_pattern(title: &str, description: &str) -> bool {
    [title, description].into_iter().any(|text| from_pattern(&words(text)).is_some())
}

fn shortened(one: String, many: String) -> Noun {
    let short = |text: String| capitalize(&text.chars().take(30).collect::<String>());
    Noun { one: short(one), many: short(many), is_listed: true }
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
            words.get(i).is_some_and(|w| {
                matches!(
                    w.folded.as_str(),
                    "de" | "des" | "du" | "d" | "mes" | "do" | "da" | "dos" | "das" | "del"
                )
            })
        };
        if ROMANCE_HEADS.contains(&word.folded.as_str()) && joined(at + 1) {
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
