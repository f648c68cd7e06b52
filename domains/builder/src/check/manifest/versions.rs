//! Ranges of versions as npm reads them.

/// Tags that stand for a version of a package.
const TAGS: [&str; 6] = ["latest", "next", "beta", "alpha", "canary", "rc"];

/// Whether the text is a range of versions of the registry: no path, no address and no
/// repository, from which an installation would run code that nobody published.
pub(super) fn is_range(text: &str) -> bool {
    let text = text.trim();
    if let Some(alias) = text.strip_prefix("npm:") {
        return alias.rsplit_once('@').is_none_or(|(name, range)| name.is_empty() || is_range(range));
    }
    if let Some(local) = text.strip_prefix("workspace:") {
        return matches!(local, "*" | "^" | "~") || is_range(local);
    }
    TAGS.contains(&text) || text.split("||").all(is_comparators)
}

/// Whether the text is a list of comparators, such as `>=1.2 <2`, or a range `1.2 - 2.3`.
fn is_comparators(text: &str) -> bool {
    let spaced = [">=", "<=", ">", "<", "=", "^", "~"]
        .iter()
        .fold(text.trim().to_owned(), |spaced, operator| spaced.replace(&format!("{operator} "), operator));
    spaced
        .split_whitespace()
        .all(|word| word == "-" || is_version(word.trim_start_matches(['^', '~', '>', '<', '='])))
}

/// Whether the text is a version whose last parts may be missing or `x`.
fn is_version(text: &str) -> bool {
    let text = text.strip_prefix('v').unwrap_or(text);
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let rest = &text[core.len()..];
    let parts: Vec<&str> = core.split('.').collect();
    let is_part = |part: &&str| {
        matches!(*part, "x" | "X" | "*")
            || (!part.is_empty() && part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit()))
    };
    parts.len() <= 3
        && parts.iter().all(is_part)
        && rest.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_the_registry_are_accepted() {
        for range in [
            "1.2.3",
            "^18.2.0",
            "~5.0",
            "18",
            "*",
            "",
            "x",
            "1.x",
            ">=16",
            ">= 16.8 <19",
            "^17 || ^18",
            "1.2 - 2.3",
            "latest",
            "5.0.0-beta.1",
            "^4.0.0-rc.3+build",
            "v2.0.0",
            "npm:react@^18",
            "workspace:*",
            "workspace:^1.0.0",
        ] {
            assert!(is_range(range), "{range}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for range in [
            "file:../a",
            "git+https://github.com/a/b.git",
            "https://a.example/a.tgz",
            "github:a/b",
            "a/b",
            "link:./a",
            "newest",
            "^^",
            "1.2.3.4",
            "18.two",
            "^18.2.0,",
            "git@github.com:a/b.git",
            "-1",
            "npm:react@file:x",
        ] {
            assert!(!is_range(range), "{range}");
        }
    }
}
