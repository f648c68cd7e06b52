//! Mail addresses: which are accepted, how they are stored, and how accounts are found by
//! them.
//!
//! Case is folded in ASCII only: two addresses that differ in another character belong to
//! two people, even if Unicode treats the characters as equal.

/// Maximum length of an address: a path of RFC 5321 (4.5.3.1.3) without its brackets.
const MAX_CHARS: usize = 254;
/// Maximum bytes before the `@`: RFC 5321, 4.5.3.1.1.
const MAX_LOCAL_BYTES: usize = 64;

/// Validates a mail address and returns the form that is stored: the part before the `@` in
/// ASCII, the domain in the ASCII form of IDNA, both in lower case, at most 254 characters.
///
/// Refuses letters beyond ASCII before the `@`, since many mail servers do not deliver to
/// them (RFC 6531); domains that normalization changes into another one; and text that a
/// mail server may decode into another address (`=?…?=` of RFC 2047).
pub fn email(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.chars().count() > MAX_CHARS {
        return Err(too_long());
    }
    let (local, domain) = text.rsplit_once('@').ok_or_else(invalid_address)?;
    if !local.is_ascii() {
        return Err("must have only letters of ASCII before the @".to_owned());
    }
    if !is_local(local) || local.contains("=?") {
        return Err(invalid_address());
    }
    let domain = ascii_domain(domain).ok_or_else(invalid_address)?;
    let address = format!("{}@{domain}", local.to_ascii_lowercase());
    if address.len() > MAX_CHARS { Err(too_long()) } else { Ok(address) }
}

/// The forms in which the account of an address may be stored: the one of [`email`] and,
/// for a domain beyond ASCII, also the one in Unicode. An address that [`email`] refuses
/// has one form: this text with ASCII letters in lower case. Older accounts may have it.
#[must_use]
pub fn email_forms(text: &str) -> Vec<String> {
    let Ok(address) = email(text) else { return vec![text.trim().to_ascii_lowercase()] };
    let shown = address.rsplit_once('@').map(|(local, domain)| {
        let (domain, _) = idna::domain_to_unicode(domain);
        format!("{local}@{domain}")
    });
    let shown = shown.filter(|shown| *shown != address);
    std::iter::once(address).chain(shown).collect()
}

/// The same for an address that a client claims to own; an error if no account can have it.
/// Older accounts may have letters beyond ASCII that are refused for new ones.
pub fn known_email(text: &str) -> Result<Vec<String>, String> {
    let forms = email_forms(text);
    let is_known = |form: &String| {
        form.chars().count() <= MAX_CHARS
            && form.rsplit_once('@').is_some_and(|(local, domain)| is_local(local) && is_domain(domain))
    };
    if forms.iter().all(is_known) { Ok(forms) } else { Err(invalid_address()) }
}

fn invalid_address() -> String {
    "must be a mail address such as name@example.org".to_owned()
}

fn too_long() -> String {
    format!("must have at most {MAX_CHARS} characters")
}

fn is_local(local: &str) -> bool {
    !local.is_empty()
        && local.len() <= MAX_LOCAL_BYTES
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c))
}

fn is_domain(domain: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || c == '-';
    domain.contains('.') && domain.split('.').all(|label| !label.is_empty() && label.chars().all(fits))
}

/// The domain in ASCII (UTS 46, strict). None if it is not a domain, or if its normal form
/// is a different text.
fn ascii_domain(domain: &str) -> Option<String> {
    let written = domain.to_ascii_lowercase();
    let ascii = idna::domain_to_ascii_strict(&written).ok()?;
    let (shown, valid) = idna::domain_to_unicode(&ascii);
    valid.ok()?;
    ((written == ascii || written == shown) && ascii.contains('.')).then_some(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_addresses_are_normalized_to_lower_case_ascii() {
        for (given, kept) in [
            (" Ada@Example.org ", "ada@example.org"),
            ("a.b+c@sub.example.co", "a.b+c@sub.example.co"),
            ("elise@exämple.fr", "elise@xn--exmple-cua.fr"),
            ("Elise@XN--exmple-cua.FR", "elise@xn--exmple-cua.fr"),
        ] {
            assert_eq!(email(given).as_deref(), Ok(kept));
        }
    }

    #[test]
    fn refuses_bad_addresses() {
        let long = format!("{}@example.org", "a".repeat(250));
        for given in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@localhost",
            "a b@example.org",
            "ada@exa mple.org",
            "ada@-example.org",
            ".ada@example.org",
            "a..b@example.org",
            "ada@example..org",
            "ada@example.org\nBcc: x@y.zz",
            "<ada@example.org>",
            "ada@xn--a.example",
            &long,
        ] {
            assert!(email(given).is_err(), "{given}");
        }
    }

    #[test]
    fn addresses_that_fold_or_decode_into_another_one_are_refused() {
        for given in [
            // The Kelvin sign, which Unicode folds to a small k.
            "vic\u{212a}tim@example.org",
            "victim@\u{212a}example.org",
            // Full-width letters, a ligature, a long s, and a Turkish capital I with a dot.
            "ｖictim@example.org",
            "victim@ｅxample.org",
            "victim@example\u{3002}org",
            "victim@e\u{ad}xample.org",
            "o\u{fb03}ce@example.org",
            "victim@\u{17f}ample.org",
            "V\u{130}CTIM@example.org",
            // RFC 2047, which some mail servers decode.
            "=?utf-8?q?victim=40example.org?=@evil.example",
            "x=?y@example.org",
        ] {
            assert!(email(given).is_err(), "{given}");
            assert!(email_forms(given).iter().all(|form| !form.is_ascii() || form.contains("=?")), "{given}");
        }
    }

    #[test]
    fn an_address_is_searched_in_every_form_of_the_same_mailbox() {
        for (given, forms) in [
            ("Ada@Example.org", &["ada@example.org"][..]),
            ("elise@exämple.fr", &["elise@xn--exmple-cua.fr", "elise@exämple.fr"]),
            ("Élise@Exämple.fr", &["Élise@exämple.fr"]),
            ("élise@exämple.fr", &["élise@exämple.fr"]),
        ] {
            assert_eq!(email_forms(given), forms);
            assert!(known_email(given).is_ok_and(|known| known == forms), "{given}");
        }
        for nobody in ["", "ada", "a b@example.org", "ada@", "a\0b@example.org"] {
            assert!(known_email(nobody).is_err(), "{nobody}");
        }
    }
}
