//! Nouns: their singular and plural. English and French have rules that hold for most nouns.
//! For the other languages there are only candidates to look up, and a noun of the
//! description is shown as it is written there.

use crate::language::Language;

/// The singular of a folded or typed noun; the noun itself where the language has no rule that
/// surely holds.
pub(crate) fn singular(word: &str, language: Language) -> String {
    match language {
        Language::English => english_singular(word),
        Language::French => french_singular(word),
        Language::Spanish | Language::Portuguese => romance_singular(word),
        Language::German => word.to_owned(),
    }
}

/// The words (folded) that may be the singular of a noun, the likeliest first; never empty.
pub(crate) fn singulars(word: &str, language: Language) -> Vec<String> {
    let endings: &[(&str, &str)] = match language {
        Language::English | Language::French => return vec![singular(word, language)],
        Language::Spanish => &[("ces", "z"), ("es", ""), ("s", "")],
        Language::Portuguese => {
            &[("oes", "ao"), ("ais", "al"), ("eis", "el"), ("ns", "m"), ("es", ""), ("s", "")]
        }
        Language::German => {
            &[("nen", ""), ("en", ""), ("en", "e"), ("n", ""), ("er", ""), ("e", ""), ("s", "")]
        }
    };
    let cut = endings.iter().filter_map(|(end, one)| {
        let stem = word.strip_suffix(end).filter(|stem| stem.chars().count() >= 3)?;
        Some(format!("{stem}{one}"))
    });
    std::iter::once(romance_singular(word))
        .filter(|_| language != Language::German)
        .chain(cut)
        .chain([word.to_owned()])
        .collect()
}

/// The plural of a noun, for names of the lexicon in English and French; the noun itself in the
/// other languages.
pub(crate) fn plural(word: &str, language: Language) -> String {
    match language {
        Language::English => english_plural(word),
        Language::French => french_plural(word),
        Language::Spanish | Language::German | Language::Portuguese => word.to_owned(),
    }
}

/// Whether the noun, folded or typed, surely is a plural.
pub(crate) fn is_plural(word: &str, language: Language) -> bool {
    singular(word, language) != word
}

/// A Spanish or Portuguese noun in `-as` or `-os` has its singular in `-a` or `-o`.
fn romance_singular(word: &str) -> String {
    let is_regular = word.chars().count() > 3 && (word.ends_with("as") || word.ends_with("os"));
    if is_regular { word[..word.len() - 1].to_owned() } else { word.to_owned() }
}

fn english_singular(word: &str) -> String {
    let lower = word.to_lowercase();
    let irregular = match lower.as_str() {
        "people" => Some("person"),
        "children" => Some("child"),
        "men" => Some("man"),
        "women" => Some("woman"),
        "mice" => Some("mouse"),
        "movies" | "cookies" | "series" | "species" | "news" | "ties" | "calories" | "categories" => {
            Some(match lower.as_str() {
                "movies" => "movie",
                "cookies" => "cookie",
                "ties" => "tie",
                "calories" => "calorie",
                "categories" => "category",
                same => same,
            })
        }
        _ => None,
    };
    if let Some(found) = irregular {
        return found.to_owned();
    }
    if lower.len() < 4 || ["ss", "us", "is"].iter().any(|end| lower.ends_with(end)) || !lower.ends_with('s') {
        return word.to_owned();
    }
    let cut = |bytes: usize, add: &str| format!("{}{add}", &word[..word.len() - bytes]);
    if lower.ends_with("ies") {
        cut(3, "y")
    } else if ["xes", "ches", "shes", "sses", "zzes"].iter().any(|end| lower.ends_with(end)) {
        cut(2, "")
    } else {
        cut(1, "")
    }
}

fn english_plural(word: &str) -> String {
    let lower = word.to_lowercase();
    let before_y = lower.strip_suffix('y').and_then(|stem| stem.chars().last());
    if ["series", "species", "news", "staff"].contains(&lower.as_str())
        || !word.ends_with(|c: char| c.is_ascii_alphanumeric())
    {
        word.to_owned()
    } else if let Some(stem) = lower.strip_suffix("person").and_then(|stem| word.get(..stem.len())) {
        format!("{stem}{}", if word.starts_with('P') { "People" } else { "people" })
    } else if lower == "child" {
        format!("{word}ren")
    } else if before_y.is_some_and(|c| !"aeiou".contains(c)) {
        format!("{}ies", &word[..word.len() - 1])
    } else if ["s", "x", "ch", "sh", "z"].iter().any(|end| lower.ends_with(end)) {
        format!("{word}es")
    } else {
        format!("{word}s")
    }
}

fn french_singular(word: &str) -> String {
    let lower = word.to_lowercase();
    let same = [
        "repas", "avis", "colis", "devis", "cours", "pays", "fois", "bras", "temps", "prix", "poids", "mois",
        "noix", "choix", "corps",
    ];
    if lower.chars().count() < 4 || same.contains(&lower.as_str()) || lower.ends_with("ss") {
        word.to_owned()
    } else if lower.ends_with("eaux") || lower.ends_with("eux") || lower.ends_with('s') {
        word[..word.len() - 1].to_owned()
    } else if lower.ends_with("aux") {
        format!("{}al", &word[..word.len() - 3])
    } else {
        word.to_owned()
    }
}

fn french_plural(word: &str) -> String {
    let lower = word.to_lowercase();
    if !word.ends_with(char::is_alphanumeric) || ["s", "x", "z"].iter().any(|end| lower.ends_with(end)) {
        word.to_owned()
    } else if ["au", "eu"].iter().any(|end| lower.ends_with(end)) {
        format!("{word}x")
    } else if lower.ends_with("al") {
        format!("{}aux", &word[..word.len() - 2])
    } else {
        format!("{word}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_change_their_number() {
        for (one, many, language) in [
            ("Book", "Books", Language::English),
            ("Category", "Categories", Language::English),
            ("Box", "Boxes", Language::English),
            ("Person", "People", Language::English),
            ("Toy", "Toys", Language::English),
            ("Livre", "Livres", Language::French),
            ("Jeu", "Jeux", Language::French),
            ("Journal", "Journaux", Language::French),
            ("Prix", "Prix", Language::French),
        ] {
            assert_eq!(plural(one, language), many);
            assert_eq!(singular(&many.to_lowercase(), language), one.to_lowercase());
        }
        for word in ["status", "address", "bus", "species"] {
            assert_eq!(singular(word, Language::English), word);
        }
    }

    #[test]
    fn nouns_without_a_sure_rule_stay_as_written() {
        for (word, language, one) in [
            ("colmenas", Language::Spanish, "colmena"),
            ("flores", Language::Spanish, "flores"),
            ("reservas", Language::Portuguese, "reserva"),
            ("dragões", Language::Portuguese, "dragões"),
            ("Bienenstöcke", Language::German, "Bienenstöcke"),
        ] {
            assert_eq!(singular(word, language), one);
            assert_eq!(plural(word, language), word);
        }
    }

    #[test]
    fn each_candidate_is_shorter_or_the_word_itself() {
        for language in Language::ALL {
            for word in ["", "s", "es", "pacientes", "imoveis", "patienten", "ordonnances"] {
                let found = singulars(word, language);
                assert!(!found.is_empty() && found.iter().all(|one| one.len() <= word.len()), "{found:?}");
            }
        }
    }
}
