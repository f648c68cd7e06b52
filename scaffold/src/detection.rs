//! Finds the language of a text.

use crate::language::Language;
use crate::lexicon::LEXICON;
use crate::text::{Token, tokenize};

const ENGLISH: &[&str] = &[
    "the", "a", "an", "with", "and", "for", "of", "my", "to", "in", "by", "that", "where", "is", "or", "i",
    "we", "their", "track", "manage", "list", "app", "each", "has", "from", "on", "it",
];
const FRENCH: &[&str] = &[
    "le", "la", "les", "des", "une", "un", "avec", "pour", "et", "de", "du", "mes", "mon", "ma", "qui",
    "dans", "sur", "par", "au", "aux", "est", "ou", "je", "nous", "leurs", "leur", "gerer", "suivre",
    "liste", "d", "l", "chaque", "gestion", "ses", "sa", "notre", "site",
];
const SPANISH: &[&str] = &[
    "el",
    "la",
    "los",
    "las",
    "una",
    "un",
    "con",
    "para",
    "y",
    "de",
    "del",
    "mis",
    "mi",
    "que",
    "en",
    "sobre",
    "por",
    "al",
    "es",
    "o",
    "yo",
    "sus",
    "su",
    "gestionar",
    "lista",
    "cada",
    "aplicacion",
    "gestion",
    "llevar",
    "control",
    "quiero",
    "registrar",
    "administrar",
    "nuestra",
    "nuestro",
];
const GERMAN: &[&str] = &[
    "der",
    "die",
    "das",
    "den",
    "dem",
    "des",
    "eine",
    "ein",
    "einen",
    "einer",
    "mit",
    "und",
    "fur",
    "von",
    "vom",
    "meine",
    "mein",
    "im",
    "in",
    "auf",
    "zu",
    "zum",
    "zur",
    "ist",
    "oder",
    "ich",
    "wir",
    "verwalten",
    "liste",
    "jede",
    "jeder",
    "jedes",
    "anwendung",
    "unsere",
    "ihre",
    "nach",
    "bei",
    "uber",
    "mochte",
];
const PORTUGUESE: &[&str] = &[
    "o",
    "os",
    "a",
    "as",
    "uma",
    "um",
    "com",
    "para",
    "e",
    "de",
    "do",
    "da",
    "dos",
    "das",
    "meus",
    "meu",
    "minha",
    "minhas",
    "que",
    "em",
    "no",
    "na",
    "por",
    "ao",
    "ou",
    "eu",
    "seus",
    "seu",
    "sua",
    "gerenciar",
    "lista",
    "cada",
    "aplicativo",
    "quero",
    "gestao",
    "registrar",
    "nosso",
    "nossa",
    "gerir",
];

/// Letters that the other languages do not have, in the order of [`Language::ALL`].
const LETTERS: [&str; 5] = ["", "èêëîïœùûÈÊŒ", "ñ¿¡Ñ", "äöüßÄÖÜ", "ãõÃÕ"];

/// Most characters that are read: a language shows itself early.
const MAX_CHARS: usize = 2_000;
/// What a letter that only one language has counts against a word.
const LETTER_WEIGHT: usize = 2;

/// The language to which most function words, names of known things and letters point; English
/// where there is a tie with it, or nothing to count.
pub(crate) fn detect_language(text: &str) -> Language {
    let text: String = text.chars().take(MAX_CHARS).collect();
    let words: Vec<String> = tokenize(&text)
        .into_iter()
        .flat_map(|token| match token {
            Token::Word(word) => vec![word.folded],
            Token::Aside(aside) => words_of(&aside),
            Token::Separator | Token::Colon | Token::Stop => Vec::new(),
        })
        .collect();
    let mut best = (Language::English, score(Language::English, &words, &text));
    for language in &Language::ALL[1..] {
        let points = score(*language, &words, &text);
        if points > best.1 {
            best = (*language, points);
        }
    }
    best.0
}

fn words_of(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(crate::text::fold)
        .collect()
}

fn score(language: Language, words: &[String], text: &str) -> usize {
    let function_words = match language {
        Language::English => ENGLISH,
        Language::French => FRENCH,
        Language::Spanish => SPANISH,
        Language::German => GERMAN,
        Language::Portuguese => PORTUGUESE,
    };
    let counted = words.iter().filter(|word| function_words.contains(&word.as_str())).count();
    let known = words.iter().filter(|word| LEXICON.knows(word, language)).count();
    let letters = LETTERS[language.place()];
    let marked = text.chars().filter(|c| letters.contains(*c)).count();
    counted + known + marked * LETTER_WEIGHT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_words_names_and_letters_decide() {
        for (text, language) in [
            ("A reading list with authors, ratings and a search box", Language::English),
            ("Une liste de lecture avec les auteurs et une note", Language::French),
            ("Suivre mes dépenses par catégorie", Language::French),
            ("Recettes", Language::French),
            ("Mes factures", Language::French),
            ("Una lista de lectura con autores y valoraciones", Language::Spanish),
            ("Recetas", Language::Spanish),
            ("Clínica: pacientes, médicos y citas", Language::Spanish),
            ("Eine Leseliste mit Autoren und Bewertungen", Language::German),
            ("Rezepte", Language::German),
            ("Rechnungen mit Positionen", Language::German),
            ("Hausverwaltung", Language::German),
            ("Uma lista de leitura com autores e avaliações", Language::Portuguese),
            ("Receitas", Language::Portuguese),
            ("Controle de despesas", Language::Portuguese),
            ("Books", Language::English),
            ("書籍リスト", Language::English),
            ("قائمة الكتب", Language::English),
            ("Список книг", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(detect_language(text), language, "{text}");
        }
    }
}
