//! Text functions of the demo: a title from a description, a path from a URL.

/// The longest title in characters.
const MAX_TITLE: usize = 60;

/// Makes a title from a description: its first sentence or clause, cut between words.
pub(crate) fn title(description: &str) -> String {
    let words: Vec<&str> = description.split_whitespace().collect();
    let text = words.join(" ");
    let clause = text.split(['.', '!', '?', ';', ':']).next().unwrap_or_default().trim();
    let lead = clause.split(" with ").next().unwrap_or_default().split(" avec ").next().unwrap_or_default();
    let lead = without_article(lead.trim().trim_end_matches(','));
    let title = cut(if lead.is_empty() { clause } else { lead });
    if title.is_empty() { "My application".to_owned() } else { capitalised(&title) }
}

/// The path of a URL, or of a path.
pub(crate) fn path(url: &str) -> String {
    url::Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.path().to_owned())
}

fn without_article(text: &str) -> &str {
    let lower = text.to_lowercase();
    ["a ", "an ", "the ", "un ", "une ", "le ", "la "]
        .iter()
        .find(|article| lower.starts_with(**article))
        .and_then(|article| text.get(article.len()..))
        .unwrap_or(text)
}

fn cut(text: &str) -> String {
    if text.chars().count() <= MAX_TITLE {
        return text.to_owned();
    }
    let short: String = text.chars().take(MAX_TITLE).collect();
    match short.rsplit_once(' ') {
        Some((whole_words, _)) if !whole_words.is_empty() => whole_words.to_owned(),
        _ => short,
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_path_of_a_url() {
        for url in ["http://127.0.0.1:8001/preview/list-1/", "/preview/list-1/"] {
            assert_eq!(path(url), "/preview/list-1/");
        }
    }

    #[test]
    fn makes_a_title_from_a_description() {
        let long_word = "x".repeat(80);
        for (description, expected) in [
            ("A reading list with authors, ratings and a search box", "Reading list"),
            ("une liste de courses avec des prix", "Liste de courses"),
            ("Track my habits. Daily.", "Track my habits"),
            ("   ", "My application"),
            ("with love", "With love"),
            ("Ω", "Ω"),
            (
                "An inventory for a small shop that sells plants and pots to people in town",
                "Inventory for a small shop that sells plants and pots to",
            ),
            (&long_word, &capitalised(&"x".repeat(60))),
        ] {
            assert_eq!(title(description), expected, "{description}");
        }
    }
}
