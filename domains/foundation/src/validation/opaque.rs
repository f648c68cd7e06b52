//! The form of a password that is hashed.

use icu_normalizer::ComposingNormalizer;
use icu_properties::{CodePointMapData, props::GeneralCategory};

/// A password in the profile OpaqueString (RFC 8265, 4.2): every space is an ASCII space,
/// and the text is in NFC, so that the password does not depend on whether a keyboard
/// composes letters. Nothing else changes, not even the case, and nothing is refused.
#[must_use]
pub fn opaque(password: &str) -> String {
    let categories = CodePointMapData::<GeneralCategory>::new();
    let plain_space = |c: char| if categories.get(c) == GeneralCategory::SpaceSeparator { ' ' } else { c };
    let spaced: String = password.chars().map(plain_space).collect();
    ComposingNormalizer::new_nfc().normalize(&spaced).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_composed_and_spaces_plain() {
        for (typed, hashed) in [
            ("correct horse", "correct horse"),
            ("Zoe\u{308} Ångström", "Zoë Ångström"),
            ("a\u{a0}b\u{3000}c", "a b c"),
            (" ＡＢＣ \u{212a} ß ", " ＡＢＣ K ß "),
            ("\u{1f468}\u{200d}\u{1f469}", "\u{1f468}\u{200d}\u{1f469}"),
        ] {
            assert_eq!(opaque(typed), hashed);
            assert_eq!(opaque(hashed), hashed);
        }
    }
}
