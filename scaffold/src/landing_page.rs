//! A landing page: one page that presents a product or an event.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use crate::brief::AppBrief;
use crate::render::{File, palette_of, render};
use crate::text::{capitalize, first_sentence, fold};
use crate::texts::{strings, texts};
use prices::{Price, is_shown, prices};

mod prices;

/// Most cards with offers.
const MAX_FEATURES: usize = 9;

#[derive(Debug, PartialEq, Serialize)]
struct Landing {
    tagline: String,
    features: Vec<Feature>,
    about: Vec<String>,
    prices: Vec<Price>,
    questions: Vec<Question>,
    sections: Vec<Section>,
    email: String,
}

#[derive(Debug, PartialEq, Serialize)]
struct Feature {
    name: String,
    text: String,
}

#[derive(Debug, PartialEq, Serialize)]
struct Question {
    ask: String,
    answer: String,
}

#[derive(Debug, PartialEq, Serialize)]
struct Section {
    id: &'static str,
    label: String,
}

/// The files of a landing page, without the documents.
pub(crate) fn files(brief: &AppBrief) -> Result<Vec<File>, minijinja::Error> {
    let words = texts(include_str!("templates/landing_page/words.json"), brief.language);
    let style = json!({ "palette": palette_of(brief) });
    let values = json!({
        "title": brief.title,
        "language": brief.language,
        "landing": landing(brief, &words),
        "strings": strings(brief.language),
        "words": words,
    });
    Ok(vec![
        File::new(
            "index.html",
            render("index.html", include_str!("templates/landing_page/index.html"), values)?,
        ),
        File::new(
            "styles.css",
            render("styles.css", include_str!("templates/landing_page/styles.css"), style)?,
        ),
        File::new("script.js", include_str!("templates/landing_page/script.js")),
    ])
}

fn landing(brief: &AppBrief, words: &BTreeMap<String, String>) -> Landing {
    let sentences = sentences(&brief.description);
    let tagline = tagline(&brief.tagline);
    let features = features(brief, &sentences);
    let prices = prices(brief, &sentences, words);
    let email = email(&brief.description);
    let told = |sentence: &String| {
        features.iter().any(|feature| feature.text == *sentence)
            || is_shown(sentence)
            || (!email.is_empty() && sentence.contains(&email))
    };
    let about: Vec<String> = sentences.iter().skip(1).filter(|sentence| !told(sentence)).cloned().collect();
    let questions = questions(brief, &tagline, &features, words);
    let mut sections = Vec::new();
    for (id, present) in [
        ("features", !features.is_empty()),
        ("about", !about.is_empty()),
        ("pricing", !prices.is_empty()),
        ("faq", !questions.is_empty()),
    ] {
        if present {
            sections.push(Section { id, label: words.get(id).cloned().unwrap_or_default() });
        }
    }
    Landing { tagline, features, about, prices, questions, sections, email }
}

fn sentences(text: &str) -> Vec<String> {
    let ends = text.replace(". ", ".\n").replace("! ", "!\n").replace("? ", "?\n");
    ends.lines()
        .map(|line| line.trim().trim_start_matches(['-', '*', '•', ' ']).to_owned())
        .filter(|line| !line.is_empty())
        .take(12)
        .collect()
}

/// The sentence without `A landing page for` and without its list of sections.
fn tagline(sentence: &str) -> String {
    let folded = sentence.to_lowercase();
    let heads = [
        "landing page for ",
        "landing page about ",
        "website for ",
        "page for ",
        "page d'accueil pour ",
        "página para ",
        "sitio web para ",
        "sitio para ",
        "landing page para ",
        "site para ",
        "landingpage für ",
        "landing page für ",
        "webseite für ",
        "seite für ",
        "landing page pour ",
        "site pour ",
    ];
    let Some(start) =
        heads.iter().find_map(|head| folded.find(head).filter(|at| *at < 20).map(|at| at + head.len()))
    else {
        return sentence.to_owned();
    };
    let rest = sentence.get(start..).unwrap_or(sentence);
    let end = [" with ", " avec ", " including ", " con ", " mit ", " com ", " : ", ": "]
        .iter()
        .filter_map(|stop| rest.find(stop))
        .min()
        .unwrap_or(rest.len());
    capitalize(rest[..end].trim_end_matches(['.', ',', ' ']))
}

fn features(brief: &AppBrief, sentences: &[String]) -> Vec<Feature> {
    const SECTIONS: &[&str] = &[
        "pricing",
        "price",
        "faq",
        "contact",
        "hero",
        "footer",
        "header",
        "form",
        "tarif",
        "formulaire",
        "newsletter",
        "call to action",
        "precio",
        "preco",
        "preis",
        "formular",
        "contacto",
        "contato",
        "kontakt",
    ];
    let mut features: Vec<Feature> = Vec::new();
    for name in brief.listed.iter().map(|name| capitalize(name)) {
        let folded = fold(&name);
        let section = SECTIONS.iter().any(|section| folded.contains(section));
        if section
            || features.len() >= MAX_FEATURES
            || features.iter().any(|feature| fold(&feature.name) == folded)
        {
            continue;
        }
        let text = sentences
            .iter()
            .skip(1)
            .find(|sentence| fold(sentence).contains(&folded))
            .cloned()
            .unwrap_or_default();
        let told = features.iter().any(|feature| feature.text == text);
        features.push(Feature { name, text: if told { String::new() } else { text } });
    }
    features
}

fn questions(
    brief: &AppBrief,
    tagline: &str,
    features: &[Feature],
    words: &BTreeMap<String, String>,
) -> Vec<Question> {
    let folded = fold(&brief.description);
    if !(brief.advanced
        || folded.contains("faq")
        || folded.contains("questions")
        || folded.contains("preguntas")
        || folded.contains("fragen")
        || folded.contains("perguntas"))
    {
        return Vec::new();
    }
    let word = |key: &str| words.get(key).cloned().unwrap_or_default();
    let mut questions = Vec::new();
    if !tagline.is_empty() {
        questions.push(Question {
            ask: word("ask_what").replace("{title}", &brief.title),
            answer: first_sentence(tagline, 300),
        });
    }
    if !features.is_empty() {
        let names: Vec<&str> = features.iter().map(|feature| feature.name.as_str()).collect();
        questions.push(Question { ask: word("ask_included"), answer: format!("{}.", names.join(", ")) });
    }
    questions.push(Question { ask: word("ask_contact"), answer: word("answer_contact") });
    questions
}

/// The first email address in the text; empty where there is none.
fn email(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_+@".contains(c);
    let word = text.split(|c: char| !plain(c)).map(|word| word.trim_matches(['.', '-', '+'])).find(|word| {
        word.split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'))
    });
    word.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taglines_drop_the_order_and_keep_the_subject() {
        for (sentence, expected) in [
            ("A landing page for a bakery in Lyon with opening hours and a menu", "A bakery in Lyon"),
            ("Fresh bread every day.", "Fresh bread every day."),
            ("Une landing page pour un club de sport avec des tarifs", "Un club de sport"),
        ] {
            assert_eq!(tagline(sentence), expected);
        }
    }

    #[test]
    fn addresses_are_found_as_written() {
        assert_eq!(email("Write to hello@bakery.example."), "hello@bakery.example");
        assert_eq!(email("No @ address"), "");
    }
}
