//! Finds the language of a text.

use crate::language::Language;
use crate::text::{Token, tokenize};

const FRENCH: &[&str] = &[
    "le", "la", "les", "des", "une", "un", "avec", "pour", "et", "de", "du", "mes", "mon", "ma", "qui",
    "dans", "sur", "par", "au", "aux", "est", "ou", "je", "nous", "leurs", "gerer", "suivre", "liste",
];
const ENGLISH: &[&str] = &[
    "the", "a", "an", "with", "and", "for", "of", "my", "to", "in", "by", "that", "where", "is", "or", "i",
    "we", "their", "track", "manage", "list", "app",
];

/// The language that most of the function words belong to; English where there is a tie.
pub(crate) fn detect_language(text: &str) -> Language {
    let mut balance = 0_i64;
    for token in tokenize(text) {
        if let Token::Word(word) = token {
            balance += i64::from(FRENCH.contains(&word.folded.as_str()));
            balance -= i64::from(ENGLISH.contains(&word.folded.as_str()));
        }
    }
    if balance > 0 { Language::French } else { Language::English }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_words_decide() {
        for (text, language) in [
            ("A reading list with authors, ratings and a search box", Language::English),
            ("Une liste de lecture avec les auteurs et une note", Language::French),
            ("書籍リスト", Language::English),
            ("", Language::English),
            ("Suivre mes dépenses par catégorie", Language::French),
        ] {
            assert_eq!(detect_language(text), language, "{text}");
        }
    }
}
