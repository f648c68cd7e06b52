//! The forms of answers that models really write.

use super::*;

const WHOLE: &str = "<!doctype html>\n<html>\n<body>\n<p>Books</p>\n</body>\n</html>\n";

fn replace(path: &str, search: &str, replace: &str) -> (String, Change) {
    (path.to_owned(), Change::Replace { search: search.to_owned(), replace: replace.to_owned() })
}

fn changes(answer: &ParsedCompletion) -> Vec<(String, Change)> {
    answer.edits.iter().map(|edit| (edit.path.clone(), edit.change.clone())).collect()
}

#[test]
fn reads_changes_in_the_requested_form() {
    let text = "It has a search now.\n\n```search/replace path=src/app.js\n<<<<<<< SEARCH\nlet a;\n=======\nlet b;\n\
                >>>>>>> REPLACE\n```\n\n```delete path=old.js\n```\n\n```rename path=a.css to=b.css\n```\n\n\
                ```js path=new.js\nlet c;\n```\n";
    let answer = parse(text, false);
    let expected = [
        replace("src/app.js", "let a;\n", "let b;\n"),
        ("old.js".to_owned(), Change::Delete),
        ("a.css".to_owned(), Change::Rename { to: "b.css".to_owned() }),
    ];
    assert_eq!(changes(&answer), expected);
    assert_eq!(answer.edits.iter().map(|edit| edit.line).collect::<Vec<_>>(), [4, 11, 14]);
    assert_eq!(files(&answer), [("new.js", "let c;\n")]);
    assert_eq!((answer.summary.as_str(), answer.problems.len()), ("It has a search now.", 0));
}

#[test]
fn reads_changes_in_the_forms_that_models_write() {
    let marks = "<<<<<<< SEARCH\nlet a;\n=======\nlet b;\n>>>>>>> REPLACE\n";
    let diff = "--- a/src/app.js\n+++ b/src/app.js\n@@ -1 +1 @@\n-let a;\n+let b;\n";
    let patch = "*** Begin Patch\n*** Update File: src/app.js\n@@\n-let a;\n+let b;\n*** End Patch\n";
    for text in [
        format!("src/app.js\n```js\n{marks}```\n"),
        format!("```js\nsrc/app.js\n{marks}```\n"),
        format!("```js path=src/app.js\n{marks}```\n"),
        format!("src/app.js\n{marks}"),
        format!("### src/app.js\n\n{marks}"),
        format!("```diff\n{diff}```\n"),
        format!("```js path=src/app.js\n{diff}```\n"),
        format!("Here:\n\n{diff}"),
        format!("```\n{patch}```\n"),
        format!("I change it.\n\n{patch}\nDone."),
        r#"{"path": "src/app.js", "old_str": "let a;\n", "new_str": "let b;\n"}"#.to_owned(),
    ] {
        let answer = parse(&text, false);
        assert_eq!(changes(&answer), [replace("src/app.js", "let a;\n", "let b;\n")], "{text}");
        assert_eq!((files(&answer), answer.problems.len()), (vec![], 0), "{text}");
    }
}

#[test]
fn blocks_that_follow_belong_to_the_same_file() {
    let block = |text: &str| format!("<<<<<<< SEARCH\n{text}1\n=======\n{text}2\n>>>>>>> REPLACE\n");
    let answer = parse(&format!("a.js\n{}\nand\n\n{}", block("x"), block("y")), false);
    assert_eq!(changes(&answer), [replace("a.js", "x1\n", "x2\n"), replace("a.js", "y1\n", "y2\n")]);
}

#[test]
fn a_change_may_hold_fences() {
    let text = "```search/replace path=README.md\n<<<<<<< SEARCH\n```bash\nnpm i\n```\n=======\n```bash\nnpm ci\n```\n\
                >>>>>>> REPLACE\n```\n";
    let answer = parse(text, false);
    assert_eq!(changes(&answer), [replace("README.md", "```bash\nnpm i\n```\n", "```bash\nnpm ci\n```\n")]);
}

#[test]
fn a_readme_with_three_nested_fences_comes_back_as_it_is() {
    let readme =
        "# Books\n\n```bash\nnpm i\n```\n\n```js path=src/app.js\nrun();\n```\n\n```\ntree\n```\n\nEnd.\n";
    for fence in ["````", "`````", "~~~"] {
        let text = format!(
            "{fence}markdown path=README.md\n{readme}{fence}\n\n```js path=src/app.js\nlet a;\n```\n"
        );
        let answer = parse(&text, false);
        assert_eq!(files(&answer), [("README.md", readme), ("src/app.js", "let a;\n")], "{fence}");
        assert_eq!(answer.problems, [], "{fence}");
    }
}

#[test]
fn reads_names_in_many_languages_and_forms() {
    for label in [
        "Datei: index.html",
        "Archivo: `index.html`",
        "Arquivo: index.html",
        "文件：index.html",
        "[index.html]",
        "--- index.html ---",
        "**Fichier :** index.html",
    ] {
        let answer = parse(&format!("Here.\n\n{label}\n```html\n{WHOLE}```\n"), false);
        assert_eq!(files(&answer), [("index.html", WHOLE)], "{label}");
    }
    for path in ["/index.html", "/home/project/index.html", "./index.html"] {
        let answer = parse(&format!("```html path={path}\n\u{FEFF}{WHOLE}```\n"), false);
        assert_eq!(files(&answer), [("index.html", WHOLE)], "{path}");
    }
    let twins = "```css path=\u{e9}t\u{e9}.css\na{}\n```\n```css path=e\u{301}te\u{301}.css\nb{}\n```\n";
    assert_eq!(files(&parse(twins, false)), [("\u{e9}t\u{e9}.css", "b{}\n")]);
}

#[test]
fn names_blocks_by_the_page_that_names_their_files() {
    let page = "<link rel=stylesheet href=\"css/site.css\">\n<p>\n<script src=\"js/main.js\"></script>\n";
    let answer = parse(&format!("```html\n{page}```\n```css\np{{}}\n```\n```js\nlet a;\n```\n"), false);
    assert_eq!(files(&answer), [("index.html", page), ("css/site.css", "p{}\n"), ("js/main.js", "let a;\n")]);
}

#[test]
fn reads_answers_without_a_fence() {
    for text in
        [WHOLE.to_owned(), format!("Here it is.\n\n{WHOLE}\nEnjoy."), format!("--- index.html ---\n{WHOLE}")]
    {
        assert_eq!(files(&parse(&text, false)), [("index.html", WHOLE)], "{text}");
    }
}

#[test]
fn reads_the_shapes_of_tags_and_calls() {
    let inside = "<boltArtifact id=\"b\"><boltAction type=\"file\" filePath=\"a.js\">let a;</boltAction></boltArtifact>";
    for text in [
        "<file><path>a.js</path><content>\nlet a;\n</content></file>".to_owned(),
        "<write_to_file>\n<path>a.js</path>\n<content>\nlet a;\n</content>\n</write_to_file>".to_owned(),
        inside.to_owned(),
        format!("```xml\n{inside}\n```"),
        r#"[{"path": "a.js", "content": "let a;\n", "language": "javascript"}]"#.to_owned(),
        r#"<tool_call>{"name": "write", "arguments": {"path": "a.js", "content": "let a;\n"}}</tool_call>"#
            .to_owned(),
    ] {
        assert_eq!(files(&parse(&text, false)), [("a.js", "let a;\n")], "{text}");
    }
}

#[test]
fn no_draft_of_a_thought_is_a_file_or_a_summary() {
    let draft = "A draft:\n```html path=draft.html\n<p>\n```\n";
    let answer = format!("Books.\n\n```html path=index.html\n{WHOLE}```\n");
    for text in [
        format!("<think>{draft}</think>\n{answer}"),
        format!("{draft}</think>\n{answer}"),
        format!("<thinking>\n{draft}</thinking>\n\n{answer}"),
        format!(
            "<|channel|>analysis<|message|>{draft}<|end|><|start|>assistant<|channel|>final<|message|>{answer}"
        ),
    ] {
        let parsed = parse(&text, false);
        assert_eq!(
            (files(&parsed), parsed.summary.as_str()),
            (vec![("index.html", WHOLE)], "Books."),
            "{text}"
        );
    }
    assert_eq!(codes(&parse(&format!("<think>{draft}"), false)), [FaultCode::NoFiles]);
}

#[test]
fn takes_off_what_is_around_a_page() {
    let escaped = WHOLE.replace('<', "&lt;").replace('>', "&gt;");
    for content in [escaped, format!("```html\n{WHOLE}```\n")] {
        let answer = parse(&format!("````html path=index.html\n{content}````\n"), false);
        assert_eq!(files(&answer), [("index.html", WHOLE)], "{content}");
    }
}

#[test]
fn a_stub_never_takes_the_place_of_a_whole_file() {
    let whole = "```js path=a.js\nlet a;\nlet b;\n```\n";
    for stub in ["", "// ... existing code ...\n", "let b;\n", "let a;\n// (rest unchanged)\n"] {
        let again = format!("```js path=a.js\n{stub}```\n");
        for text in [format!("{whole}{again}"), format!("{again}{whole}")] {
            let answer = parse(&text, false);
            assert_eq!(files(&answer), [("a.js", "let a;\nlet b;\n")], "{text}");
            assert_eq!(codes(&answer), [FaultCode::RepeatedFile], "{text}");
        }
    }
}
