//! Checks the word list of CONTRIBUTING.md: rejected words do not occur in documents, comments
//! and identifiers.

use std::path::Path;

use crate::sources;

const LIST: &str = "CONTRIBUTING.md";
const HEADER: &str = "| term | meaning | not |";

/// The words in code font of the last column.
fn rejected_words(list: &str) -> Vec<String> {
    let table = list.lines().skip_while(|line| *line != HEADER).skip(2);
    let rows = table.take_while(|line| line.starts_with('|'));
    let last_cells = rows.filter_map(|row| row.trim_end_matches('|').rsplit_once('|').map(|(_, cell)| cell));
    last_cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// Whether a text contains the word, in any case, and not as a part of another word.
fn contains(text: &str, word: &str) -> bool {
    let (text, word) = (text.to_lowercase(), word.to_lowercase());
    let is_part =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    text.match_indices(&word).any(|(start, found)| {
        let (before, after) = (&text[..start], &text[start + found.len()..]);
        !is_part(before.chars().next_back()) && !is_part(after.chars().next())
    })
}

/// The rejected words in a file: in a Markdown document outside code, in Rust everywhere.
fn faults(file: &Path, text: &str, words: &[String]) -> Vec<String> {
    let is_code = file.extension().is_some_and(|extension| extension == "rs");
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let prose = if is_code { line.to_owned() } else { line.split('`').step_by(2).collect() };
        let rejected = words.iter().filter(|word| contains(&prose, word));
        found.extend(rejected.map(|word| format!("{}:{}: {word}", file.display(), number + 1)));
    }
    found
}

#[test]
fn no_file_contains_a_rejected_word() {
    let list = sources::read(Path::new(LIST));
    let words = rejected_words(&list);
    assert!(words.len() > 10, "the table of {LIST} has no words: {words:?}");
    let files = sources::list_files("md").into_iter().chain(sources::list_files("rs"));
    let found: Vec<String> = files
        .filter(|file| !file.ends_with(LIST) && !file.ends_with("words.rs"))
        .flat_map(|file| faults(&file, &sources::read(&file), &words))
        .collect();

    assert!(found.is_empty(), "see the words of {LIST}:\n{}", found.join("\n"));
}

#[test]
fn reads_rejected_words_from_the_last_column() {
    let list = "| `no` | other | table |\n\n| term | meaning | not |\n|---|---|---|\n\
                | a `b` | c | d, `e f`, `g` |\n| h | i | j |\n\n| k | l | `m` |\n";

    assert_eq!(rejected_words(list), ["e f", "g"]);
}

#[test]
fn finds_whole_words_outside_code_of_documents() {
    let words = ["good-bye".to_owned(), "ways_in".to_owned()];
    let find = |file: &str, text: &str| faults(Path::new(file), text, &words);

    assert_eq!(find("a.md", "It says\nGood-bye."), ["a.md:2: good-bye"]);
    assert_eq!(find("a.rs", "fn ways_in() {}"), ["a.rs:1: ways_in"]);
    assert!(find("a.md", "`ways_in` and good-byes").is_empty());
    assert!(find("a.rs", "let many_ways_in = 1;").is_empty());
}
