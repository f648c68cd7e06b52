//! Texts in the languages of the product.

use serde::Serialize;

/// A text in the languages of the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Text {
    /// English.
    pub en: &'static str,
    /// French.
    pub fr: &'static str,
}

/// A text in English and French.
pub(crate) const fn both(en: &'static str, fr: &'static str) -> Text {
    Text { en, fr }
}
