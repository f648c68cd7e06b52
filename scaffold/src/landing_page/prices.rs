//! The prices of a description, with what each of them is for.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::brief::AppBrief;
use crate::text::{Token, capitalize, tokenize};

/// Most cards with prices.
const MAX_PRICES: usize = 4;
/// Most words of the text on a card; longer parts of sentences are left out.
const MAX_WORDS: usize = 8;

/// A card with a price.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Price {
    /// As written.
    amount: String,
    /// What it is for, in the words of the description; may be empty.
    text: String,
}

/// A card for each amount, or one without an amount where prices are asked for.
pub(super) fn prices(brief: &AppBrief, sentences: &[String], words: &BTreeMap<String, String>) -> Vec<Price> {
    let mut prices: Vec<Price> = sentences.iter().flat_map(|sentence| cards(sentence)).collect();
    let asked = tokenize(&brief.description).iter().any(|token| {
        const WORDS: &[&str] = &[
            "pricing",
            "prices",
            "plans",
            "subscription",
            "tarifs",
            "tarif",
            "abonnement",
            "prix",
            "precios",
            "precio",
            "tarifas",
            "suscripcion",
            "preise",
            "preis",
            "tarife",
            "abo",
            "precos",
            "preco",
            "planos",
            "assinatura",
        ];
        matches!(token, Token::Word(word) if WORDS.contains(&word.folded.as_str()))
    });
    if prices.is_empty() && asked {
        let amount = words.get("on_request").cloned().unwrap_or_default();
        prices.push(Price { amount, text: String::new() });
    }
    prices.truncate(MAX_PRICES);
    prices
}

/// The cards of a sentence: one for each part that has an amount.
fn cards(sentence: &str) -> Vec<Price> {
    let parts = parts(sentence);
    parts
        .iter()
        .flat_map(|part| {
            let found = amounts(part);
            let single = found.len() == 1;
            found.into_iter().map(move |amount| {
                let text = if single { text_without(part, &amount) } else { String::new() };
                Price { amount, text }
            })
        })
        .collect()
}

/// Whether the cards of a sentence say all that it says: each has an amount and a text.
pub(super) fn is_shown(sentence: &str) -> bool {
    let cards = cards(sentence);
    !cards.is_empty() && cards.iter().all(|card| !card.text.is_empty())
}

/// The parts of a sentence between commas and conjunctions. A comma inside a number divides
/// nothing.
fn parts(sentence: &str) -> Vec<String> {
    const CONJUNCTIONS: &[&str] = &["and", "or", "et", "ou", "y", "o", "und", "oder", "e"];
    let mut parts = vec![String::new()];
    for word in sentence.split_whitespace() {
        let plain = word.to_lowercase();
        if CONJUNCTIONS.contains(&plain.as_str()) {
            parts.push(String::new());
            continue;
        }
        let ends = word.ends_with([',', ';', ':']);
        let word = word.trim_end_matches([',', ';', ':']);
        if let Some(part) = parts.last_mut() {
            if !part.is_empty() {
                part.push(' ');
            }
            part.push_str(word);
        }
        if ends {
            parts.push(String::new());
        }
    }
    parts
}

/// The part without its amount and the words that join them; empty if it is long.
fn text_without(part: &str, amount: &str) -> String {
    const JOINING: &[&str] = &[
        "at", "for", "from", "is", "costs", "cost", "only", "just", "à", "a", "pour", "de", "des", "dès",
        "est", "coûte", "por", "desde", "es", "cuesta", "für", "ab", "kostet", "ist", "nur", "partir",
        "custa", "é", "the",
    ];
    let rest = part.replacen(amount, " ", 1);
    let words: Vec<&str> = rest.split_whitespace().collect();
    let plain = |word: &&str| {
        let folded = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        folded.is_empty() || JOINING.contains(&folded.as_str())
    };
    let start = words.iter().position(|word| !plain(word)).unwrap_or(words.len());
    let end = words.iter().rposition(|word| !plain(word)).map_or(start, |at| at + 1);
    let words = &words[start..end];
    if words.len() > MAX_WORDS {
        return String::new();
    }
    capitalize(words.join(" ").trim_matches(|c: char| c == '.' || c == '!'))
}

/// Amounts such as `$9`, `9.50 €` or `€29/month`, as written.
fn amounts(sentence: &str) -> Vec<String> {
    const SIGNS: &[char] = &['$', '€', '£'];
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let trimmed = |word: &str| -> String {
        word.trim_matches(|c: char| !(c.is_alphanumeric() || SIGNS.contains(&c))).chars().take(20).collect()
    };
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let word = trimmed(word);
        let next = words.get(at + 1).map(|next| trimmed(next)).unwrap_or_default();
        let unsigned = word.trim_start_matches("R$").trim_start_matches(SIGNS);
        let has_sign = word.contains(SIGNS);
        let currencies = ["€", "$", "£", "euros", "euro", "dollars", "EUR", "USD", "CHF", "reais", "pesos"];
        let before = matches!(word.as_str(), "R$" | "$" | "€" | "£" | "CHF") && is_number(&next);
        let after = is_number(&word) && currencies.contains(&next.as_str());
        if has_sign && is_number(unsigned) {
            found.push(word);
        } else if before || after {
            found.push(format!("{word} {next}"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_found_as_written() {
        assert_eq!(amounts("Basic at $9, pro for 29 € and €99/month, 3 rooms"), ["$9", "29 €", "€99/month"]);
        assert_eq!(amounts("Básico por R$ 30 e R$45,50"), ["R$ 30", "R$45,50"]);
        assert!(amounts("3 rooms in 2 houses").is_empty());
    }

    #[test]
    fn each_card_has_its_own_part_of_the_sentence() {
        let cards = |text| cards(text).into_iter().map(|card| (card.amount, card.text)).collect::<Vec<_>>();
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(a, t)| ((*a).to_owned(), (*t).to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(
            cards("Basic at $9, pro for 29 € and a team for €99/month."),
            owned(&[("$9", "Basic"), ("29 €", "Pro"), ("€99/month", "Team")])
        );
        assert_eq!(cards("Der Einzelkurs kostet 15 €."), owned(&[("15 €", "Der Einzelkurs")]));
        let long =
            "With a sauna that is open all day and night you pay for every single visit to us 12 € in all";
        let texts: Vec<String> = cards(long).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, [""], "a long part is not repeated");
    }
}
