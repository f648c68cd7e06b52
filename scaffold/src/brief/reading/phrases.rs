//! Phrases: runs of words between separators.

use std::collections::BTreeSet;

use super::vocabulary::{Role, has_role};
use crate::language::Language;
use crate::text::{Word, clean_line};

/// The folded words with a space between them.
pub(super) fn phrase(words: &[Word]) -> String {
    words.iter().map(|word| word.folded.as_str()).collect::<Vec<_>>().join(" ")
}

/// The words as typed, with a space between them.
pub(super) fn typed(words: &[Word]) -> String {
    words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// The words without the qualifiers in front of them.
pub(super) fn strip(words: &[Word], language: Language) -> &[Word] {
    let qualifies = |word: &Word| has_role(&word.folded, Role::Qualifier, language);
    let start = words.iter().position(|word| !qualifies(word)).unwrap_or(words.len());
    &words[start..]
}

fn without_or(option: &str) -> &str {
    ["or ", "ou ", "oder ", "o "].iter().find_map(|or| option.strip_prefix(or)).unwrap_or(option)
}

/// The choices in brackets, if there are at least two short ones.
pub(super) fn options(aside: &str) -> Option<Vec<String>> {
    let options: Vec<String> = aside
        .split([',', '/', '|', ';'])
        .map(|option| clean_line(without_or(option.trim()), 40))
        .filter(|option| !option.is_empty())
        .collect();
    let short = options.iter().all(|option| option.split(' ').count() <= 3);
    let example = aside.trim_start().to_lowercase().starts_with("e.g")
        || aside.trim_start().to_lowercase().starts_with("ex");
    let distinct = options.iter().collect::<BTreeSet<_>>().len() == options.len();
    ((2..=12).contains(&options.len()) && short && distinct && !example).then_some(options)
}
