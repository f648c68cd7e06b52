//! People's names. Mails show them, also to addresses that may belong to somebody else. So
//! a name must not contain a link or hidden characters.

use icu_normalizer::ComposingNormalizer;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        CanonicalCombiningClass, DefaultIgnorableCodePoint, GeneralCategory, JoiningType, VariationSelector,
    },
};

use super::line;

/// The error of a text without visible characters.
pub(super) const NO_VISIBLE_TEXT: &str = "must hold something that can be seen";
const HIDDEN: &str = "must not hold characters that hide or turn around text";

/// A name: a line of 1 to 120 characters.
///
/// Refuses web addresses, also in full-width letters, and characters that are invisible,
/// are blank or change the direction of text. Two kinds of invisible characters are part of
/// names and are allowed in their proper place: a joiner after a virama or a joining
/// letter, as in Persian and in the languages of India (RFC 5892, appendix A, without the
/// condition on the following letter), and a variation selector after its base character.
pub fn full_name(text: &str) -> Result<String, String> {
    let name = line(text, 1, 120)?;
    let plain = ComposingNormalizer::new_nfkc().normalize(&name).to_lowercase().replace('\u{3002}', ".");
    if plain.contains("://") || plain.contains("www.") {
        return Err("must not hold an address of the web".to_owned());
    }
    let mut before = None;
    for c in name.chars() {
        if is_hidden(c) && !is_valid_after(before, c) {
            return Err(HIDDEN.to_owned());
        }
        before = Some(c);
    }
    if name.chars().all(|c| is_mark(c) || c.is_whitespace()) {
        return Err(NO_VISIBLE_TEXT.to_owned());
    }
    Ok(name)
}

/// The text without hidden characters.
#[must_use]
pub fn without_hidden(text: &str) -> String {
    text.chars().filter(|c| !is_hidden(*c)).collect()
}

/// Whether a character is invisible: a format character, default ignorable, unassigned,
/// private, or the empty Braille pattern.
pub(super) fn is_hidden(c: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, Unassigned};
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(category, Control | Format | LineSeparator | ParagraphSeparator | PrivateUse | Unassigned)
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || c == '\u{2800}'
}

/// Whether a hidden character is valid after the character before it.
fn is_valid_after(before: Option<char>, c: char) -> bool {
    let Some(before) = before else { return false };
    if is_joiner(c) {
        let class = CodePointMapData::<CanonicalCombiningClass>::new().get(before);
        let joining = CodePointMapData::<JoiningType>::new().get(before);
        return class == CanonicalCombiningClass::Virama
            || matches!(joining, JoiningType::DualJoining | JoiningType::LeftJoining);
    }
    CodePointSetData::new::<VariationSelector>().contains(c) && !is_hidden(before) && !before.is_whitespace()
}

/// ZERO WIDTH NON-JOINER and ZERO WIDTH JOINER.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

fn is_mark(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(category, EnclosingMark | NonspacingMark | SpacingMark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_web_addresses_are_refused() {
        for (name, good) in [
            (" Ada Lovelace ", true),
            ("J. R. R. Tolkien", true),
            ("Kumar a/l Raj", true),
            ("Win at https://evil.example", false),
            ("HTTP://EVIL.EXAMPLE", false),
            ("Www.evil.example", false),
            ("ｈｔｔｐｓ：／／evil.example", false),
            ("ｗｗｗ．evil.example", false),
            ("www\u{3002}evil.example", false),
            ("Ada\nWin", false),
            (" ", false),
        ] {
            assert_eq!(full_name(name).is_ok(), good, "{name:?}");
        }
    }

    #[test]
    fn names_with_hidden_characters_are_refused() {
        for (name, good) in [
            ("عبد الله", true),
            ("می\u{200c}ترا", true),
            ("ක්\u{200d}රිස්ටි", true),
            ("अनिल्\u{200d}", true),
            ("葛\u{e0100}城", true),
            ("山田　太郎", true),
            ("Zoe\u{308}", true),
            ("Ada \u{202e}ecalevoL", false),
            ("Ada\u{200b}", false),
            ("Ada\u{200c}", false),
            ("Ada\u{200d}Lovelace", false),
            ("می\u{200c}\u{200c}ترا", false),
            ("Ada\u{200f}", false),
            ("Ada\u{61c}", false),
            ("Ada\u{2028}Win", false),
            ("Ada\u{ad}", false),
            ("\u{3164}", false),
            ("\u{2800}\u{2800}", false),
            ("Ada \u{ffa0}", false),
            ("\u{115f}\u{1160}", false),
            ("\u{fe0f}", false),
            ("Ada \u{fe0f}", false),
            ("Ada\u{e0041}", false),
            ("Ada\u{e000}", false),
            ("\u{308}\u{301}", false),
        ] {
            assert_eq!(full_name(name).is_ok(), good, "{name:?}");
        }
        assert_eq!(without_hidden("Ada\u{200b} \u{202e}Lovelace"), "Ada Lovelace");
    }
}
