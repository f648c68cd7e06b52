//! The texts of generated applications, in each language.

use std::collections::BTreeMap;

use crate::language::Language;

/// Texts by key, in the order of [`Language::ALL`].
pub(crate) type Texts = BTreeMap<String, [String; 5]>;

/// The texts of `json` in one language.
pub(crate) fn texts(json: &str, language: Language) -> BTreeMap<String, String> {
    let texts: Texts = serde_json::from_str(json).expect("the texts are compiled in and a test reads them");
    let place = language.place();
    texts.into_iter().map(|(key, mut texts)| (key, std::mem::take(&mut texts[place]))).collect()
}

/// The texts that every kind of application has.
pub(crate) fn strings(language: Language) -> BTreeMap<String, String> {
    texts(include_str!("templates/shared/strings.json"), language)
}

/// The texts of the summary, the README and the refusals.
pub(crate) fn document_texts(language: Language) -> BTreeMap<String, String> {
    texts(include_str!("templates/shared/documents.json"), language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_there_in_every_language_with_the_same_places() {
        let places = |text: &str| text.matches(['{', '}']).count();
        for json in [
            include_str!("templates/shared/strings.json"),
            include_str!("templates/shared/documents.json"),
            include_str!("templates/api/words.json"),
            include_str!("templates/landing_page/words.json"),
        ] {
            let english = texts(json, Language::English);
            for language in Language::ALL {
                for (key, text) in texts(json, language) {
                    assert!(!text.is_empty(), "{key} in {language:?}");
                    assert_eq!(places(&text), places(&english[&key]), "{key} in {language:?}");
                }
            }
        }
    }
}
