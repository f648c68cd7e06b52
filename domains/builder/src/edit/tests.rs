use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn replace(path: &str, search: &str, replace: &str) -> Edit {
    let change = Change::Replace { search: search.to_owned(), replace: replace.to_owned() };
    Edit { path: path.to_owned(), change, line: 1 }
}

/// The file `a.js` after one block.
fn after(content: &str, search: &str, by: &str) -> Result<String, Fault> {
    let edited = apply(vec![GeneratedFile::new("a.js", content)], &[replace("a.js", search, by)]);
    match edited.faults.into_iter().next() {
        Some(fault) => {
            assert_eq!(edited.files[0].content, content, "a refused file is as it was");
            Err(fault)
        }
        None => Ok(edited.files[0].content.clone()),
    }
}

#[test]
fn a_text_is_found_exactly_then_without_trailing_spaces_then_with_another_indentation() {
    let table = [
        ("a\nb\nc\n", "b\n", "x\n", "a\nx\nc\n"),
        ("a\nb\nc", "b", "x\ny", "a\nx\ny\nc"),
        ("a\nb  \nc\n", "b\n", "x\n", "a\nx\nc\n"),
        ("a\nb\nc\n", "b   \n", "x\n", "a\nx\nc\n"),
        ("f {\n    one\n\n      two\n}\n", "one\n\n  two\n", "one\nthree\n", "f {\n    one\n    three\n}\n"),
        ("one\n  two\n", "    one\n      two\n", "    one\n      three\n", "one\n  three\n"),
        ("a\nb\nc\n", "b\n", "", "a\nc\n"),
        ("let colour = red;\n", "red", "blue", "let colour = blue;\n"),
        ("}\nif (x) {\n  y\n}\n", "if (x) {\n", "if (z) {\n", "}\nif (z) {\n  y\n}\n"),
        ("é\nü\n", "ü", "ö", "é\nö\n"),
    ];
    for (content, search, by, expected) in table {
        assert_eq!(after(content, search, by).as_deref(), Ok(expected), "{content:?} {search:?}");
    }
}

#[test]
fn a_text_that_is_there_twice_is_refused_with_its_count() {
    let fault = after("x\na\nx\na\nx\n", "x\n", "y\n").expect_err("ambiguous");
    assert_eq!((fault.code, fault.line), (FaultCode::EditAmbiguous, Some(1)));
    assert!(fault.message.contains("3 times"), "{fault}");
    let fault = after("aaa\n", "aa", "b").expect_err("two that overlap");
    assert_eq!(fault.code, FaultCode::EditAmbiguous);
}

#[test]
fn a_text_that_is_nowhere_is_refused_with_the_closest_lines() {
    let content = "import x from 'x';\n\nfunction one() {\n  return 1;\n}\n";
    let fault = after(content, "function one() {\n  return 2;\n}\n", "").expect_err("not there");
    assert_eq!((fault.code, fault.line), (FaultCode::EditNotFound, Some(3)));
    assert!(fault.message.contains("function one() { ⏎ return 1;"), "{fault}");
    let fault = after(content, "nothing of this\n", "x").expect_err("not there");
    assert_eq!((fault.code, fault.line), (FaultCode::EditNotFound, None));
    let fault = after("one\n    two\n", "  one\n  two\n", "x").expect_err("two shifts");
    assert_eq!(fault.code, FaultCode::EditNotFound);
}

#[test]
fn an_empty_search_never_overwrites_a_file() {
    assert!(after("a\n", "", "b\n").is_err());
    assert_eq!(after(" \n", "", "b\n").as_deref(), Ok("b\n"));
    let created = apply(Vec::new(), &[replace("new.js", "", "b\n")]);
    assert_eq!(created.files, [GeneratedFile::new("new.js", "b\n")]);
}

#[test]
fn a_block_that_changes_nothing_is_a_note() {
    let files = vec![GeneratedFile::new("a.js", "a\n"), GeneratedFile::new("b.js", "b\n")];
    let edited = apply(files, &[replace("a.js", "a\n", "a\n"), replace("b.js", "b\n", "c\n")]);
    assert_eq!((edited.notes.len(), edited.faults.len()), (1, 0));
    assert_eq!(edited.notes[0].code, FaultCode::EditNoChange);
    assert_eq!((edited.files[0].content.as_str(), edited.files[1].content.as_str()), ("a\n", "c\n"));
}

#[test]
fn the_blocks_of_a_file_are_applied_all_or_not_at_all() {
    let files = vec![GeneratedFile::new("a.js", "a\nb\n"), GeneratedFile::new("b.js", "b\n")];
    let edits = [
        replace("a.js", "a\n", "x\n"),
        replace("a.js", "gone\n", "y\n"),
        replace("a.js", "b\n", "z\n"),
        replace("b.js", "b\n", "c\n"),
    ];
    let edited = apply(files, &edits);
    assert_eq!(edited.files[0].content, "a\nb\n");
    assert_eq!(edited.files[1].content, "c\n");
    assert_eq!(edited.faults.len(), 1);
    assert_eq!(edited.faults[0].path.as_deref(), Some("a.js"));
}

#[test]
fn files_are_deleted_and_renamed() {
    let file = |path: &str| GeneratedFile::new(path, path);
    let edit = |path: &str, change| Edit { path: path.to_owned(), change, line: 1 };
    let to = |to: &str| Change::Rename { to: to.to_owned() };
    let edits = [
        edit("old.js", Change::Delete),
        edit("never.js", Change::Delete),
        edit("a.js", to("src/a.ts")),
        replace("src/a.ts", "a.js", "new"),
        edit("b.js", to("c.js")),
        edit("missing.js", to("d.js")),
    ];
    let edited = apply(["old.js", "a.js", "b.js", "c.js"].map(file).to_vec(), &edits);
    let paths: Vec<_> = edited.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["src/a.ts", "b.js", "c.js"]);
    assert_eq!(edited.files[0], GeneratedFile::new("src/a.ts", "new"));
    let codes: Vec<_> = edited.faults.iter().map(|fault| fault.code).collect();
    assert_eq!(codes, [FaultCode::PathConflict, FaultCode::EditNotFound]);
    assert_eq!(edited.notes.len(), 1);
}

#[test]
fn a_hostile_text_is_refused_in_bounded_time() {
    let content = "a\n".repeat(200_000);
    let search = format!("{}b\n", "a\n".repeat(100_000));
    let begun = Instant::now();
    assert!(after(&content, &search, "x").is_err());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

proptest! {
    #[test]
    fn what_no_block_names_stays_byte_for_byte(
        before in "[ -~\n]{0,60}",
        line in "[a-z]{5,9}",
        later in "[ -~\n]{0,60}",
        other in "[ -~\r\n\t]{0,80}",
    ) {
        let content = format!("{before}\n<{line}>\n{later}");
        let files = vec![GeneratedFile::new("a.js", &content), GeneratedFile::new("b.js", &other)];
        let edited = apply(files, &[replace("a.js", &format!("<{line}>\n"), "<X>\n")]);
        prop_assert_eq!(&edited.files[1].content, &other);
        if edited.faults.is_empty() {
            prop_assert_eq!(&edited.files[0].content, &format!("{before}\n<X>\n{later}"));
        } else {
            prop_assert_eq!(&edited.files[0].content, &content);
        }
    }
}
