//! Links between the documents.

use std::path::Path;

use crate::sources;

/// The targets of the links of a Markdown text, except those in code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
            found.extend(prose.split("](").skip(1).filter_map(target));
        }
    }
    found
}

/// Reads `a.md` from `a.md "title") and more`.
fn target(rest: &str) -> Option<String> {
    let (inside, _) = rest.split_once(')')?;
    inside.split_whitespace().next().map(|link| link.trim_matches(['<', '>']).to_owned())
}

/// The anchors of the headings of a Markdown text.
fn anchors(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if let (false, Some(heading)) = (fenced, line.strip_prefix('#')) {
            found.push(anchor(heading.trim_start_matches('#').trim()));
        }
    }
    found
}

fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

/// The error of a link of the document at `file`, if it is broken.
fn fault(file: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    let goal = match (path, path.strip_prefix('/')) {
        ("", _) => file.to_path_buf(),
        (_, Some(from_root)) => from_root.into(),
        _ => file.parent().unwrap_or(Path::new("")).join(path),
    };
    if !sources::root().join(&goal).exists() {
        return Some(format!("{}: {link} is missing", file.display()));
    }
    let checked = !fragment.is_empty() && goal.extension().is_some_and(|extension| extension == "md");
    let missing = checked && !anchors(&sources::read(&goal)).iter().any(|anchor| anchor == fragment);
    missing.then(|| format!("{}: {link} has no such heading", file.display()))
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut faults = Vec::new();
    for file in sources::list_files("md") {
        faults.extend(links(&sources::read(&file)).iter().filter_map(|link| fault(&file, link)));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn finds_links_in_prose_but_not_in_code() {
    let text =
        "See [a](a.md \"A\") and ![b](img/b.png).\n```\n[c](c.md)\n```\nNot `[d](d.md)`, but [e](<e.md#f>).";
    assert_eq!(links(text), ["a.md", "img/b.png", "e.md#f"]);
}

#[test]
fn makes_anchors_like_github() {
    let text = "# Two ways to run, one code\n```\n# no heading\n```\n## `DATABASE_URL` & co";
    assert_eq!(anchors(text), ["two-ways-to-run-one-code", "database_url--co"]);
}

#[test]
fn reports_a_broken_link() {
    let readme = Path::new("docs/x.md");
    assert_eq!(fault(readme, "https://example.org/a"), None);
    assert_eq!(fault(readme, "../Cargo.toml"), None);
    assert_eq!(fault(readme, "/Cargo.toml"), None);
    assert_eq!(fault(readme, "no.md"), Some("docs/x.md: no.md is missing".to_owned()));
}
