//! Phrases: runs of words between separators.

use std::collections::BTreeSet;

use super::vocabulary::QUALIFIERS;
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
pub(super) fn strip(words: &[Word]) -> &[Word] {
    let start =
        words.iter().position(|word| !QUALIFIERS.contains(&word.folded.as_str())).unwrap_or(words.len());
    &words[start..]
}

/// The choices in brackets, if there are at least two short ones.
pub(super) fn options(aside: &str) -> Option<Vec<String>> {
    let options: Vec<String> = aside
        .split([',', '/', '|', ';'])
        .map(|option| clean_line(option.trim().trim_start_matches("or ").trim_start_matches("ou "), 40))
        .filter(|option| !option.is_empty())
        .collect();
    let short = options.iter().all(|option| option.split(' ').count() <= 3);
    let example = aside.trim_start().to_lowercase().starts_with("e.g")
        || aside.trim_start().to_lowercase().starts_with("ex");
    let distinct = options.iter().collect::<BTreeSet<_>>().len() == options.len();
    ((2..=12).contains(&options.len()) && short && distinct && !example).then_some(options)
}
