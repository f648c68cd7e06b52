//! Which language an application speaks.

use serde::Serialize;

use super::text::{Token, tokenize};

/// A language of generated applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub(crate) enum Language {
    /// Everything that is not French.
    #[serde(rename = "en")]
    English,
    /// French.
    #[serde(rename = "fr")]
    French,
}

const FRENCH: &[&str] = &[
    "le", "la", "les", "des", "une", "un", "avec", "pour", "et", "de", "du", "mes", "mon", "ma", "qui",
    "dans", "sur", "par", "au", "aux", "est", "ou", "je", "nous", "leurs", "gerer", "suivre", "liste",
];
const ENGLISH: &[&str] = &[
    "the", "a", "an", "with", "and", "for", "of", "my", "to", "in", "by", "that", "where", "is", "or", "i",
    "we", "their", "track", "manage", "list", "app",
];

impl Language {
    /// The language that most of the small words belong to; English where none
    /// decides.
    pub(crate) fn of(text: &str) -> Self {
        let mut balance = 0_i64;
        for token in tokenize(text) {
            if let Token::Word(word) = token {
                balance += i64::from(FRENCH.contains(&word.folded.as_str()));
                balance -= i64::from(ENGLISH.contains(&word.folded.as_str()));
            }
        }
        if balance > 0 { Self::French } else { Self::English }
    }

    /// The language's code, such as `en`.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// The one of two texts that is in this language.
    pub(crate) fn pick<'a>(self, english: &'a str, french: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::French => french,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_words_decide() {
        for (text, language) in [
            ("A reading list with authors, ratings and a search box", Language::English),
            ("Une liste de lecture avec les auteurs et une note", Language::French),
            ("書籍リスト", Language::English),
            ("", Language::English),
            ("Suivre mes dépenses par catégorie", Language::French),
        ] {
            assert_eq!(Language::of(text), language, "{text}");
        }
    }
}
