//! Good answers that are broken in the ways of real models: none is accepted.

use super::*;
use crate::omission::find_omission;

const PAGE: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<link rel=\"stylesheet\" href=\"styles.css\">\n</head>\n\
                    <body>\n<h1>Books</h1>\n<script src=\"app.js\"></script>\n</body>\n</html>\n";
const STYLE: &str = "h1 {\n  color: teal;\n}\n";
const SCRIPT: &str = "const books = [];\nfunction add(book) {\n  books.push(book);\n}\nadd(1);\n";

/// Whether an answer may go on to the checks: it has no fault, and no file has a placeholder.
fn is_accepted(answer: &ParsedCompletion) -> bool {
    answer.faults().is_empty() && answer.files.iter().all(|file| find_omission(file).is_none())
}

fn answer(page: &str, style: &str, script: &str) -> String {
    format!(
        "Books.\n\n```html path=index.html\n{page}```\n\n```css path=styles.css\n{style}```\n\n\
         ```js path=app.js\n{script}```\n"
    )
}

#[test]
fn the_good_answer_is_accepted() {
    let parsed = parse(&answer(PAGE, STYLE, SCRIPT), false);
    assert_eq!(files(&parsed), [("index.html", PAGE), ("styles.css", STYLE), ("app.js", SCRIPT)]);
    assert!(is_accepted(&parsed));
}

#[test]
fn an_answer_cut_at_any_line_is_not_accepted() {
    let whole = answer(PAGE, STYLE, SCRIPT);
    let lines: Vec<&str> = whole.lines().collect();
    for at in 0..lines.len() {
        let text = lines[..at].join("\n");
        let parsed = parse(&text, false);
        // Between two files nothing shows that others were to follow; a page says where it ends.
        let is_between = lines[at].is_empty()
            || (lines[at].starts_with("```") && (lines[at - 1].is_empty() || lines[at - 1] == "</html>"));
        let has_file = !parsed.files.is_empty();
        assert!(!is_accepted(&parsed) || (is_between && has_file), "{text}");
        assert!(!is_accepted(&parse(&text, true)), "{text}");
    }
}

#[test]
fn marks_and_stubs_in_any_file_are_not_accepted() {
    for broken in [
        "<<<<<<< HEAD\na\n=======\nb\n>>>>>>> main\n",
        "<<<<<<< SEARCH\na\n=======\nb\n",
        ">>>>>>> REPLACE\n",
        "</dyad-write>\n",
        "</file>\n",
        "</request_file>\n",
        "*** End Patch\n",
    ] {
        let after = |text: &str| text.replacen('\n', &format!("\n{broken}"), 1);
        for text in [
            answer(&after(PAGE), STYLE, SCRIPT),
            answer(PAGE, &after(STYLE), SCRIPT),
            answer(PAGE, STYLE, &after(SCRIPT)),
            format!("{}\n````md path=README.md\n# A\n{broken}````\n", answer(PAGE, STYLE, SCRIPT)),
        ] {
            assert!(!is_accepted(&parse(&text, false)), "{text}");
        }
    }
    for text in [
        answer(&PAGE.replace("<h1>Books</h1>", "<!-- existing content unchanged -->"), STYLE, SCRIPT),
        answer(PAGE, "/* ... existing styles ... */\n", SCRIPT),
        answer(PAGE, STYLE, "// (previous functions unchanged)\n"),
        answer(PAGE, STYLE, "// TODO: implement\n"),
        answer(PAGE, STYLE, ""),
        answer(PAGE, "\n", SCRIPT),
    ] {
        assert!(!is_accepted(&parse(&text, false)), "{text}");
    }
}

#[test]
fn what_is_not_a_page_is_not_accepted() {
    for page in [
        "Here is the page that you asked for.\n".to_owned(),
        "document.body.innerHTML = '<p>Hi</p>';\n".to_owned(),
        PAGE.replace("<h1>Books</h1>\n<script src=\"app.js\"></script>\n", ""),
        PAGE.replace("</body>\n</html>\n", ""),
        PAGE.replace("</html>\n", ""),
        String::new(),
    ] {
        assert!(!is_accepted(&parse(&answer(&page, STYLE, SCRIPT), false)), "{page}");
    }
}

#[test]
fn a_file_that_begins_inside_another_one_leaves_that_cut() {
    for text in [
        answer(PAGE, STYLE, SCRIPT).replacen("```\n\n```css", "```css", 1),
        format!("<file path=\"a.js\">\n{SCRIPT}<file path=\"b.js\">\n{SCRIPT}</file>\n"),
        format!("<write_to_file>\n<path>a.js</path>\n<content>\n{SCRIPT}"),
    ] {
        let parsed = parse(&text, false);
        let noted = parsed.problems.iter().any(|problem| {
            matches!(problem.code, FaultCode::Truncated | FaultCode::UnclosedFile) && problem.path.is_some()
        });
        assert!(noted, "{text}");
    }
}

#[test]
fn changes_that_cannot_be_placed_are_not_accepted() {
    for text in [
        "```search/replace path=a.js\n<<<<<<< SEARCH\na\n=======\nb\n```\n",
        "```search/replace path=a.js\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n",
        "```search/replace path=a.js\nlet a;\n```\n",
        "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n",
        "```diff\n@@ -1 +1 @@\n-a\n+b\n```\n",
        "```diff a.js\n@@ -1,0 +1 @@\n+b\n```\n",
        "a.js\n<<<<<<< SEARCH\nlet a;\n=======\n// ... existing code ...\n>>>>>>> REPLACE\n",
    ] {
        assert!(!is_accepted(&parse(text, false)), "{text}");
    }
}

proptest! {
    /// Wherever a line comes between and the answer is cut.
    #[test]
    fn a_mutated_answer_stores_no_mark_and_no_page_without_its_end(
        at in 0_usize..28,
        cut in 0_usize..400,
        insert in prop::sample::select(vec!["", "```", "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "</file>", "</think>", "<think>"]),
    ) {
        let whole = answer(PAGE, STYLE, SCRIPT);
        let mut lines: Vec<&str> = whole.lines().collect();
        let at = at.min(lines.len());
        lines.insert(at, insert);
        let text = lines.join("\n");
        let end = text.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(text.len());
        for text in [text.as_str(), &text[..end]] {
            let parsed = parse(text, false);
            if is_accepted(&parsed) {
                for file in &parsed.files {
                    prop_assert!(!file.content.contains("<<<<<<<") && !file.content.contains(">>>>>>>"));
                    prop_assert!(file.path != "index.html" || file.content.contains("</html>"));
                }
            }
        }
    }
}

#[test]
fn hostile_answers_take_linear_time() {
    for part in [
        "```html\n<html>\n",
        "```\n",
        "<file>\n",
        "<function>\n",
        "<<<<<<< SEARCH\n",
        "src=href=",
        "\"\"\"",
        "<|channel|>x<|message|>",
        "</think> `</think>`",
        "--- a\n+++ b\n",
        "<tool_call>{",
        "path=",
    ] {
        let started = std::time::Instant::now();
        let _ = parse(&part.repeat(400_000 / part.len()), false);
        let _ = parse(&format!("```py path=a.py\n{}", part.repeat(400_000 / part.len())), false);
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{part}");
    }
}
