//! A corpus of files in the shapes that models write: none of them is refused, and each is
//! caught when it is broken.

mod files;
mod hooks;
mod libraries;
mod markup;
mod shared;
mod typescript;
mod variants;

use super::*;

const LIMITS: Limits = Limits { max_files: 400, max_file_bytes: 100_000, max_total_bytes: 4_000_000 };

/// The components with their paths.
fn components() -> Vec<(String, String)> {
    let groups = [hooks::COMPONENTS, markup::COMPONENTS, libraries::COMPONENTS, typescript::COMPONENTS];
    let written = groups.concat().into_iter().map(|(ending, source)| (ending, source.to_owned()));
    let all = written.chain(variants::components());
    all.enumerate().map(|(at, (ending, source))| (format!("src/components/c{at}.{ending}"), source)).collect()
}

/// The result for a project with this file.
fn check_in_project(path: &str, content: &str) -> Result<CheckedApp, Vec<Fault>> {
    let others = shared::files().into_iter().filter(|(other, _)| other != path);
    let files = others.map(|(path, content)| GeneratedFile::new(&path, &content));
    let file = GeneratedFile::new(path, content);
    check(files.chain([file]).collect(), LIMITS, ProjectKind::WebApp)
}

#[test]
fn none_of_two_hundred_components_is_refused() {
    let components = components();
    assert!(components.len() >= 200, "{}", components.len());
    for (path, content) in &components {
        let checked = check_in_project(path, content);
        assert!(checked.is_ok(), "{path}: {:?}\n{content}", checked.err());
    }
}

#[test]
fn a_project_of_all_components_is_not_refused() {
    let all = shared::files().into_iter().chain(components());
    let files = all.map(|(path, content)| GeneratedFile::new(&path, &content)).collect();
    let checked = check(files, LIMITS, ProjectKind::WebApp);
    assert!(checked.is_ok(), "{:?}", checked.err());
}

#[test]
fn no_page_style_sheet_or_python_file_is_refused() {
    let given = files::FILES.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned()));
    let all = shared::files().into_iter().chain(given);
    let files = all.map(|(path, content)| GeneratedFile::new(&path, &content)).collect();
    let checked = check(files, LIMITS, ProjectKind::WebApp);
    assert!(checked.is_ok(), "{:?}", checked.err());
}

/// The text with the last occurrence of a part replaced.
fn replace_last(text: &str, part: &str, by: &str) -> Option<String> {
    let at = text.rfind(part)?;
    Some(format!("{}{by}{}", &text[..at], &text[at + part.len()..]))
}

/// The ways in which a component is broken: a name, and the broken text where the way applies.
fn mutations(source: &str) -> Vec<(&'static str, Option<String>)> {
    let import_of = |part: &str| source.contains(&format!("from '{part}")).then_some(());
    vec![
        ("a brace is lost", replace_last(source, "}", "")),
        ("a parenthesis is lost", Some(source.replacen(')', "", 1))),
        ("a tag is not closed", source.find("<div ").and(replace_last(source, "</div>", ""))),
        ("a tag is closed by another", source.find("<ul>").and(replace_last(source, "</ul>", "</ol>"))),
        ("a string is not closed", import_of("").and_then(|()| replace_last(source, " from '", " from "))),
        ("a module is not there", import_of("../").map(|()| source.replace("from '../", "from '../gone/"))),
        (
            "a name is not exported",
            Some(source.replace("{ User } from '../types'", "{ Usr as User } from '../types'")),
        ),
        ("a package is not listed", {
            let takes_values = import_of("react'").filter(|()| !source.contains("import type"));
            takes_values.map(|()| source.replace("from 'react'", "from 'reakt'"))
        }),
        ("a hook is not imported", {
            let is_alone = source.starts_with("import { useState } from 'react'; ");
            is_alone.then(|| source.replacen("import { useState } from 'react'; ", "", 1))
        }),
        ("a name is declared twice", Some(format!("{source}\nconst twice = 1;\nconst twice = 2;"))),
        (
            "the end is lost",
            Some(
                source[..source.floor_char_boundary(source.len() - 2)]
                    .trim_end_matches(['}', ';', ' '])
                    .to_owned()
                    + " (",
            ),
        ),
        ("a diff is left in", Some(format!("<<<<<<< SEARCH\n{source}\n=======\n>>>>>>> REPLACE"))),
    ]
}

#[test]
fn every_broken_component_is_caught() {
    let mut tried = std::collections::BTreeMap::<_, usize>::new();
    for (path, content) in components() {
        for (way, broken) in mutations(&content) {
            let Some(broken) = broken.filter(|broken| *broken != content) else { continue };
            *tried.entry(way).or_default() += 1;
            let faults = check_in_project(&path, &broken).err();
            assert!(faults.is_some_and(|faults| faults[0].line.is_some()), "{way}: {path}\n{broken}");
        }
    }
    assert_eq!(tried.len(), 12, "{tried:?}");
    assert!(tried.values().all(|count| *count >= 3), "{tried:?}");
}

#[test]
fn every_broken_file_is_caught() {
    for (path, part, by) in [
        ("index.html", "</script>", ""),
        ("index.html", "/src/main.tsx", "/src/Main.tsx"),
        ("index.html", "id=\"root\"", "id=\"root"),
        ("src/main.tsx", "'react-dom/client'", "'reakt-dom/client'"),
        ("src/styles.css", "}", ""),
        ("src/data.json", "}}", "}"),
        ("src/types.ts", "export enum", "enum"),
        ("src/lib/api.ts", "export const post =", "export const sent ="),
        ("src/components/Button.tsx", "export default function", "export function"),
        ("package.json", "\"react\": \"^1.0.0\"", "\"react\": \"file:../react\""),
        ("tsconfig.json", "{ \"compilerOptions\"", "{ compilerOptions"),
    ] {
        let all = shared::files().into_iter().chain(components());
        let broken = |own: &str, content: &str| {
            if own == path { content.replacen(part, by, 1) } else { content.to_owned() }
        };
        let files = all.map(|(own, content)| GeneratedFile::new(&own, &broken(&own, &content))).collect();
        assert!(check(files, LIMITS, ProjectKind::WebApp).is_err(), "{path}: {part}");
    }
}
