//! The type of a field that the lexicon does not contain, from the words of its name.

use crate::language::Language;
use crate::schema::FieldKind;
use crate::text::Word;

/// The type of value that a name such as `Kaufpreis` or `moving day` announces.
pub(super) fn kind_of(words: &[Word], language: Language) -> FieldKind {
    let (dates, amounts, numbers) = match language {
        Language::English => {
            ("date day deadline", "amount price cost fee tax revenue income total", "count number")
        }
        Language::French => {
            ("date jour echeance", "montant prix cout frais taxe revenu total", "nombre quantite")
        }
        Language::Spanish => {
            ("fecha dia plazo", "importe precio coste costo monto tasa ingreso total", "numero cantidad")
        }
        Language::German => {
            ("datum tag frist", "betrag preis kosten gebuhr steuer einnahmen summe", "anzahl menge")
        }
        Language::Portuguese => {
            ("data dia prazo", "valor preco custo taxa receita total", "numero quantidade")
        }
    };
    let any =
        |names: &str| words.iter().any(|word| names.split(' ').any(|name| names_it(word, name, language)));
    if any(dates) {
        FieldKind::Date
    } else if any(amounts) {
        FieldKind::Money
    } else if any(numbers) {
        FieldKind::Number
    } else if language == Language::English && words.len() == 1 && words[0].folded.ends_with("ed") {
        FieldKind::Boolean
    } else {
        FieldKind::Text
    }
}

/// Whether the word is the name, its regular plural or, in German, a compound that ends in it.
fn names_it(word: &Word, name: &str, language: Language) -> bool {
    let ends = word
        .folded
        .strip_suffix(name)
        .is_some_and(|before| before.is_empty() || (language == Language::German && name.len() > 3));
    ends || word.folded.strip_suffix('s').is_some_and(|one| one == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fold;

    #[test]
    fn names_announce_dates_amounts_and_numbers() {
        for (name, language, kind) in [
            ("moving day", Language::English, FieldKind::Date),
            ("late fees", Language::English, FieldKind::Money),
            ("shipped", Language::English, FieldKind::Boolean),
            ("Kaufpreis", Language::German, FieldKind::Money),
            ("Rechnungsdatum", Language::German, FieldKind::Date),
            ("Montag", Language::German, FieldKind::Text),
            ("data da compra", Language::Portuguese, FieldKind::Date),
            ("data", Language::English, FieldKind::Text),
            ("importe neto", Language::Spanish, FieldKind::Money),
            ("date d arrivee", Language::French, FieldKind::Date),
        ] {
            let word = |text: &str| Word { text: text.to_owned(), folded: fold(text) };
            let words: Vec<Word> = name.split(' ').map(word).collect();
            assert_eq!(kind_of(&words, language), kind, "{name}");
        }
    }
}
