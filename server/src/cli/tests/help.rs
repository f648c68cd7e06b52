//! Every command has examples that parse.

use super::super::*;

/// Splits a line into words like a shell, without redirections. `None` if the command is not
/// one of Atelier.
fn words(command: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in command.chars() {
        match (c, quote) {
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            (' ', None) => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    let assigns = |word: &String| word.split_once('=').is_some_and(|(name, _)| name.to_uppercase() == name);
    let mut words: Vec<String> = words.into_iter().skip_while(assigns).collect();
    if let Some(at) = words.iter().position(|word| word == ">") {
        words.truncate(at);
    }
    words.first().is_some_and(|first| first.starts_with("atelier")).then_some(words)
}

/// The commands in the examples of a help text, without their remarks.
fn examples(help: &str) -> Vec<Vec<String>> {
    let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
    let lines = lines.map_while(|line| line.strip_prefix("  "));
    let commands = lines.filter_map(|line| {
        let line = line.split("  ").next()?;
        line.split(" | ").find_map(words)
    });
    commands.collect()
}

fn leaves(command: &clap::Command, above: &[String]) -> Vec<(Vec<String>, clap::Command)> {
    let mut path = above.to_vec();
    path.push(command.get_name().to_owned());
    let mut found: Vec<_> = command.get_subcommands().flat_map(|below| leaves(below, &path)).collect();
    found.push((path, command.clone()));
    found
}

#[test]
fn every_command_has_examples_that_parse() {
    let all = leaves(&Cli::command(), &[]);
    assert!(all.len() > 15, "{} commands", all.len());
    for (path, mut command) in all {
        assert!(command.get_about().is_some(), "{path:?} has no description");
        let help = command.render_long_help().to_string();
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{path:?} shows no example:\n{help}");
        assert!(
            examples.iter().any(|words| words.starts_with(&path)),
            "none of {path:?} itself: {examples:?}"
        );
        for words in examples {
            if let Err(refused) = Cli::try_parse_from(&words) {
                panic!("{words:?} of {path:?}: {refused}");
            }
        }
    }
}

#[test]
fn every_role_has_examples_that_parse() {
    for role in [Role::Api, Role::Worker, Role::Scheduler] {
        let help = role_command(role).render_long_help().to_string();
        let examples = examples(&help);
        assert_eq!(examples.len(), 3, "{help}");
        for words in examples {
            assert_eq!(words[0], role.as_str());
            role_command(role).try_get_matches_from(&words).expect("a command line");
        }
    }
}

#[test]
fn splits_examples_like_a_shell() {
    let help =
        "Examples:\n  A=1 atelier x \"a b\" > c    remark\n  pass y | atelier z\n\nRest: none\n  atelier no";
    assert_eq!(examples(help), [vec!["atelier", "x", "a b"], vec!["atelier", "z"]]);
}
