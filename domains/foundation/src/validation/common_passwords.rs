//! The most common passwords.

use std::{collections::HashSet, sync::LazyLock};

/// The 3000 most common ones of at least 8 characters, one per line, by the ranking of
/// leaked passwords that zxcvbn ships (MIT licence).
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// Whether a password is one of them. The case is ignored.
pub(super) fn is_common(password: &str) -> bool {
    COMMON.contains(password.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_large_and_of_passwords_that_would_be_long_enough() {
        assert_eq!(COMMON.len(), 3000);
        assert!(COMMON.iter().all(|password| password.len() >= 8 && *password == password.to_lowercase()));
    }
}
