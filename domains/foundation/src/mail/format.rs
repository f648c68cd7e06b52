//! Formats numbers, money, durations and dates for each language.

use atelier_entities::{Locale, Timestamp};
use chrono::{Datelike, NaiveDate, Timelike};
use chrono_tz::Tz;

const SPACE: char = '\u{a0}';
const NARROW_SPACE: char = '\u{202f}';

const MONTHS: [[&str; 2]; 12] = [
    ["January", "janvier"],
    ["February", "février"],
    ["March", "mars"],
    ["April", "avril"],
    ["May", "mai"],
    ["June", "juin"],
    ["July", "juillet"],
    ["August", "août"],
    ["September", "septembre"],
    ["October", "octobre"],
    ["November", "novembre"],
    ["December", "décembre"],
];

/// Currencies of ISO 4217 without a minor unit; below, those with three decimal digits.
const WHOLE: [&str; 17] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF",
    "XOF", "XPF",
];
const THOUSANDTHS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// `1,234` or `1 234`.
pub(super) fn number(locale: Locale, value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(locale, value.unsigned_abs()))
}

/// An amount in minor units of a currency of ISO 4217: `€1,234.50` or `1 234,50 €`. None if
/// the currency is not three upper-case letters.
pub(super) fn money(locale: Locale, minor: i64, currency: &str) -> Option<String> {
    if currency.len() != 3 || !currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return None;
    }
    let digits = fraction_digits(currency);
    let unit = 10_u64.pow(digits);
    let (whole, rest) = (minor.unsigned_abs() / unit, minor.unsigned_abs() % unit);
    let mut amount = grouped(locale, whole);
    if digits > 0 {
        let separator = if locale == Locale::Fr { ',' } else { '.' };
        amount.push_str(&format!("{separator}{rest:0width$}", width = digits as usize));
    }
    let sign = if minor < 0 { "-" } else { "" };
    Some(match (locale, symbol(locale, currency)) {
        (Locale::Fr, symbol) => format!("{sign}{amount}{SPACE}{}", symbol.unwrap_or(currency)),
        (Locale::En, Some(symbol)) => format!("{sign}{symbol}{amount}"),
        (Locale::En, None) => format!("{sign}{currency}{SPACE}{amount}"),
    })
}

/// `45 min`, `2 h` or `1 h 25 min`.
pub(super) fn duration(minutes: u64) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes}{SPACE}min"),
        (hours, 0) => format!("{hours}{SPACE}h"),
        (hours, minutes) => format!("{hours}{SPACE}h {minutes}{SPACE}min"),
    }
}

/// `20 November 2026` or `20 novembre 2026`.
pub(super) fn day(locale: Locale, day: NaiveDate) -> String {
    let [english, french] = MONTHS[day.month0() as usize];
    match (locale, day.day()) {
        (Locale::En, number) => format!("{number} {english} {}", day.year()),
        (Locale::Fr, 1) => format!("1er {french} {}", day.year()),
        (Locale::Fr, number) => format!("{number} {french} {}", day.year()),
    }
}

/// A time in an IANA time zone, or in UTC if the zone is unknown: `20 November 2026 at
/// 14:02 (Europe/Paris)`.
pub(super) fn moment(locale: Locale, at: Timestamp, time_zone: &str) -> String {
    let zone: Tz = time_zone.parse().unwrap_or(Tz::UTC);
    let at = at.with_timezone(&zone);
    let word = if locale == Locale::Fr { "à" } else { "at" };
    let day = day(locale, at.date_naive());
    format!("{day} {word} {:02}:{:02} ({})", at.hour(), at.minute(), zone.name())
}

/// An ordinal: `1st` or `1er`.
pub(super) fn rank(locale: Locale, value: u64) -> String {
    let ending = match (locale, value, value % 10, value % 100) {
        (Locale::Fr, 1, ..) => "er",
        (Locale::Fr, ..) => "e",
        (_, _, _, 11..=13) => "th",
        (_, _, 1, _) => "st",
        (_, _, 2, _) => "nd",
        (_, _, 3, _) => "rd",
        _ => "th",
    };
    format!("{value}{ending}")
}

fn fraction_digits(currency: &str) -> u32 {
    if WHOLE.contains(&currency) {
        0
    } else if THOUSANDTHS.contains(&currency) {
        3
    } else {
        2
    }
}

fn symbol(locale: Locale, currency: &str) -> Option<&'static str> {
    match (locale, currency) {
        (_, "EUR") => Some("€"),
        (Locale::En, "USD") => Some("$"),
        (Locale::En, "GBP") => Some("£"),
        (Locale::En, "JPY") => Some("¥"),
        (Locale::En, "CAD") => Some("CA$"),
        (Locale::Fr, "USD") => Some("$US"),
        (Locale::Fr, "GBP") => Some("£GB"),
        (Locale::Fr, "CAD") => Some("$CA"),
        (Locale::Fr, "XOF") => Some("F\u{202f}CFA"),
        _ => None,
    }
}

fn grouped(locale: Locale, value: u64) -> String {
    let separator = if locale == Locale::Fr { NARROW_SPACE } else { ',' };
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_formatted_for_each_language() {
        for (minor, currency, english, french) in [
            (123_450, "EUR", "€1,234.50", "1\u{202f}234,50\u{a0}€"),
            (123_450, "USD", "$1,234.50", "1\u{202f}234,50\u{a0}$US"),
            (123_450, "GBP", "£1,234.50", "1\u{202f}234,50\u{a0}£GB"),
            (1_235, "JPY", "¥1,235", "1\u{202f}235\u{a0}JPY"),
            (-1_230, "CHF", "-CHF\u{a0}12.30", "-12,30\u{a0}CHF"),
            (1_234, "KWD", "KWD\u{a0}1.234", "1,234\u{a0}KWD"),
            (12_345, "XOF", "XOF\u{a0}12,345", "12\u{202f}345\u{a0}F\u{202f}CFA"),
            (500, "CAD", "CA$5.00", "5,00\u{a0}$CA"),
            (5, "EUR", "€0.05", "0,05\u{a0}€"),
            (0, "EUR", "€0.00", "0,00\u{a0}€"),
            (i64::MIN, "JPY", "-¥9,223,372,036,854,775,808", ""),
        ] {
            assert_eq!(money(Locale::En, minor, currency).as_deref(), Some(english));
            if !french.is_empty() {
                assert_eq!(money(Locale::Fr, minor, currency).as_deref(), Some(french));
            }
        }
        for wrong in ["", "eur", "EURO", "€€€", "E R"] {
            assert_eq!(money(Locale::En, 1, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_durations_and_ranks() {
        assert_eq!(number(Locale::En, -1_234_567), "-1,234,567");
        assert_eq!(number(Locale::Fr, 1_234), "1\u{202f}234");
        assert_eq!(
            [0, 45, 60, 85].map(duration).join("|"),
            "0\u{a0}min|45\u{a0}min|1\u{a0}h|1\u{a0}h 25\u{a0}min"
        );
        let english = [1, 2, 3, 4, 11, 12, 13, 21, 112].map(|value| rank(Locale::En, value));
        assert_eq!(english.join(" "), "1st 2nd 3rd 4th 11th 12th 13th 21st 112th");
        assert_eq!([1, 2, 21].map(|value| rank(Locale::Fr, value)).join(" "), "1er 2e 21e");
    }

    #[test]
    fn a_time_is_shown_in_the_recipients_time_zone() {
        let at = "2026-03-31T22:30:00Z".parse().expect("a moment");

        assert_eq!(moment(Locale::En, at, "UTC"), "31 March 2026 at 22:30 (UTC)");
        assert_eq!(moment(Locale::Fr, at, "Europe/Paris"), "1er avril 2026 à 00:30 (Europe/Paris)");
        assert_eq!(moment(Locale::En, at, "Asia/Kolkata"), "1 April 2026 at 04:00 (Asia/Kolkata)");
        assert_eq!(moment(Locale::En, at, "Nowhere/At_All"), "31 March 2026 at 22:30 (UTC)");
    }
}
