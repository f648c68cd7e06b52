//! The language of a generated application.

use serde::{Deserialize, Serialize};

/// A language of generated applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub(crate) enum Language {
    /// English, also the default.
    #[serde(rename = "en")]
    English,
    /// French.
    #[serde(rename = "fr")]
    French,
    /// Spanish.
    #[serde(rename = "es")]
    Spanish,
    /// German.
    #[serde(rename = "de")]
    German,
    /// Portuguese, as in Brazil.
    #[serde(rename = "pt")]
    Portuguese,
}

impl Language {
    /// Every language, in the order of the texts in the JSON files.
    pub(crate) const ALL: [Self; 5] =
        [Self::English, Self::French, Self::Spanish, Self::German, Self::Portuguese];

    /// The language's place in [`Language::ALL`].
    pub(crate) fn place(self) -> usize {
        match self {
            Self::English => 0,
            Self::French => 1,
            Self::Spanish => 2,
            Self::German => 3,
            Self::Portuguese => 4,
        }
    }

    /// Whether the noun stands before its complements: `date de sortie`, but `release date`.
    pub(crate) fn has_head_first(self) -> bool {
        matches!(self, Self::French | Self::Spanish | Self::Portuguese)
    }
}

/// A value in each language.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Localized<T> {
    #[serde(default)]
    en: T,
    #[serde(default)]
    fr: T,
    #[serde(default)]
    es: T,
    #[serde(default)]
    de: T,
    #[serde(default)]
    pt: T,
}

impl<T> Localized<T> {
    /// The one in `language`; the default of the type where the JSON has none.
    pub(crate) fn in_language(&self, language: Language) -> &T {
        match language {
            Language::English => &self.en,
            Language::French => &self.fr,
            Language::Spanish => &self.es,
            Language::German => &self.de,
            Language::Portuguese => &self.pt,
        }
    }
}
