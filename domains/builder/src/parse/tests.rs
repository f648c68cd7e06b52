use proptest::prelude::*;

use super::*;
use crate::fault::FaultCode;

mod broken;
mod forms;

fn files(answer: &ParsedCompletion) -> Vec<(&str, &str)> {
    answer.files.iter().map(|file| (file.path.as_str(), file.content.as_str())).collect()
}

fn codes(answer: &ParsedCompletion) -> Vec<FaultCode> {
    answer.problems.iter().map(|problem| problem.code).collect()
}

const PAGE: &str = "<!doctype html>\n<title>Books</title>\n";

#[test]
fn a_completion_in_the_requested_format_is_parsed() {
    let text = format!(
        "A reading list with a search box.\n\n```html path=index.html\n{PAGE}```\n\n```css path=styles.css\n\
         p {{}}\n```\n\n````markdown path=README.md\n# Books\n\n```bash\nnpx serve\n```\n````\n\nEnjoy!\n"
    );
    let answer = parse(&text, false);
    assert_eq!(answer.summary, "A reading list with a search box.");
    let readme = "# Books\n\n```bash\nnpx serve\n```\n";
    assert_eq!(files(&answer), [("index.html", PAGE), ("styles.css", "p {}\n"), ("README.md", readme)]);
    let languages: Vec<_> = answer.files.iter().map(|file| file.language.as_str()).collect();
    assert_eq!(languages, ["html", "css", "markdown"]);
    assert_eq!(answer.problems, []);
    assert_eq!(parse(&text.replace('\n', "\r\n"), false), answer);
}

#[test]
fn reads_every_style_of_naming() {
    let body = "let a;\n";
    for opening in [
        "```js path=src/app.js",
        "```js:src/app.js",
        "```js src/app.js",
        "```src/app.js",
        "~~~js filename=\"src/app.js\"",
        "`````javascript title='src/app.js'",
        "### src/app.js\n```js",
        "**src/app.js**\n\n```js",
        "File: src/app.js\n```",
        "`src/app.js`:\n```js",
        "2. `src/app.js` - the logic\n   ```js",
        "```js\n// src/app.js",
        "```\n/* src/app.js */",
        "### `src/app.js`\n\nThis keeps the books in the browser.\n\n```js",
        "Then the script in `src/app.js`:\n```js",
        "```js path=.\\src\\app.js",
        "```js path=./src/app.js",
        "<file path=\"src/app.js\">",
    ] {
        let mark = opening.lines().last().map_or("```", |line| line.trim_start());
        let end = match mark.chars().next() {
            Some('~') => "~~~",
            Some('<') => "</file>",
            Some('`') => &mark[..mark.len() - mark.trim_start_matches('`').len()],
            _ => "```",
        };
        let answer = parse(&format!("Here it is.\n\n{opening}\n{body}{end}\n"), false);
        assert_eq!(files(&answer), [("src/app.js", body)], "{opening}");
        assert_eq!(answer.files[0].language, "javascript", "{opening}");
        assert!(answer.summary.starts_with("Here it is."), "{opening}: {}", answer.summary);
        assert!(!answer.summary.contains("app.js\n"), "{opening}: {}", answer.summary);
        assert_eq!(answer.problems, [], "{opening}");
    }
}

#[test]
fn a_completion_with_headings_and_commands_between_is_parsed() {
    let text = "Sure! Here's a **Flask** app.\n\n## Project structure\n\n```\napp.py\ntemplates/\n```\n\n## 1. app.py\n\n\
        ```python\n#!/usr/bin/env python3\n# app.py\nprint(1)\n```\n\n## 2. templates/index.html\n\n```html\n<p>\n```\n\n\
        ## 3. requirements.txt\n\n```\nflask==3.0\n```\n\n## Running app.py\n\n```bash\npip install -r requirements.txt\n\
        python app.py\n```\n\nOpen http://localhost:5000.";
    let answer = parse(text, false);
    let expected = [
        ("app.py", "#!/usr/bin/env python3\n# app.py\nprint(1)\n"),
        ("templates/index.html", "<p>\n"),
        ("requirements.txt", "flask==3.0\n"),
    ];
    assert_eq!(files(&answer), expected);
    assert_eq!(answer.problems, []);
    assert_eq!(answer.summary, "Sure! Here's a **Flask** app.\n\n## Project structure");
}

#[test]
fn names_lone_blocks_by_their_language() {
    let answer = parse(
        "```html\n<p>\n```\n```css\np{}\n```\n```js\nlet a;\n```\n```json\n{}\n```\n```bash\nls\n```",
        false,
    );
    assert_eq!(files(&answer), [("index.html", "<p>\n"), ("styles.css", "p{}\n"), ("script.js", "let a;\n")]);
    let answer = parse("```python\nprint(1)\n```", false);
    assert_eq!(files(&answer), [("main.py", "print(1)\n")]);
    let answer = parse(&format!("```html\n{PAGE}```\nFor a book use\n```html\n<li>x</li>\n```"), false);
    assert_eq!(files(&answer), [("index.html", PAGE)]);
}

#[test]
fn leaves_out_blocks_whose_name_is_in_doubt() {
    let answer = parse("```js path=app.js\nlet a;\n```\nCall it so:\n```js\nrun();\n```\n", false);
    assert_eq!(files(&answer), [("app.js", "let a;\n")]);
    assert_eq!(codes(&answer), [FaultCode::UnnamedBlock]);
    assert_eq!(answer.faults(), []);
    let answer = parse("```js\nlet a;\n```\n```js\nlet b;\n```\n", false);
    assert_eq!(codes(&answer), [FaultCode::NoFiles, FaultCode::UnnamedBlock]);
}

#[test]
fn keeps_the_last_of_a_file_given_twice() {
    let text = "```js path=a.js\n1\n```\n```js path=b.js\n2\n```\n```js path=./a.js\n3\n```\n```js path=b.js\n2\n```";
    let answer = parse(text, false);
    assert_eq!(files(&answer), [("a.js", "3\n"), ("b.js", "2\n")]);
    assert_eq!(codes(&answer), [FaultCode::RepeatedFile; 2]);
    assert!(answer.problems[0].message.contains("the last one was kept"));
    assert!(answer.problems[1].message.contains("same content"));
    assert_eq!(answer.faults(), []);
}

#[test]
fn tells_an_excerpt_from_the_file_itself() {
    let whole = "### app.js\n```js\nlet books = [];\nrun();\n```\n";
    for excerpt in ["The main part of `app.js` is:\n", "## How app.js works\n\nIt runs.\n\n"] {
        let answer = parse(&format!("{whole}\n{excerpt}```js\nrun();\n```\n"), false);
        assert_eq!(files(&answer), [("app.js", "let books = [];\nrun();\n")], "{excerpt}");
        assert_eq!(codes(&answer), [FaultCode::UnnamedBlock], "{excerpt}");
    }
}

#[test]
fn a_file_whose_fence_is_never_closed_is_cut_whatever_the_server_says() {
    let text = "```html path=index.html\n<p>a\n```\n```js path=app.js\nlet a = 1;\nlet b";
    let answer = parse(text, false);
    assert_eq!(files(&answer)[1], ("app.js", "let a = 1;\nlet b\n"));
    assert_eq!(codes(&answer), [FaultCode::Truncated]);
    assert_eq!(answer.problems[0].path.as_deref(), Some("app.js"));

    let cut_off = parse(text, true);
    assert_eq!(files(&cut_off), files(&answer));
    assert_eq!(cut_off.problems, answer.problems);

    let between = parse("```html path=index.html\n<p>a\n```\nNext", true);
    assert_eq!((codes(&between), between.problems[0].path.as_deref()), (vec![FaultCode::Truncated], None));
}

#[test]
fn reads_answers_that_are_json() {
    for text in [
        r#"{"summary": "Books", "files": [{"path": "index.html", "content": "<p>\n"}, {"filename": "a.js", "code": "1"}]}"#,
        r#"{"description": "Books", "files": {"index.html": "<p>\n", "a.js": {"content": "1"}}}"#,
        "Books\n\n```json\n{\"index.html\": \"<p>\\n\", \"a.js\": \"1\"}\n```",
        "Books\n{\"index.html\": \"<p>\\n\", \"a.js\": \"1\"}",
        "```json\n{\n  \"summary\": \"Books\",\n  \"files\": [{\"path\": \"index.html\", \"content\": \"<p>\\n\"},\n \
         {\"path\": \"a.js\", \"content\": \"1\"}]\n}\n```",
    ] {
        let answer = parse(text, false);
        let mut found = files(&answer);
        found.sort_unstable();
        assert_eq!(found, [("a.js", "1"), ("index.html", "<p>\n")], "{text}");
        assert!(answer.summary.starts_with("Books"), "{text}");
        assert_eq!(answer.problems, [], "{text}");
    }
    for text in [r#"{"name": "x", "version": "1"}"#, r#"{"files": []}"#, r#"{"files": [1]}"#, "{", "[]", "{}"]
    {
        assert_eq!(codes(&parse(text, false)), [FaultCode::NoFiles], "{text}");
    }
}

#[test]
fn reads_answers_in_tags() {
    let text = "<think>Which ```html path=x.html``` first?\n</think>\nBooks.\n\n<boltArtifact id=\"b\" title=\"Books\">\n\
        <boltAction type=\"file\" filePath=\"index.html\">\n<p>\n</boltAction>\n<boltAction type=\"shell\">\nnpm i\n\
        </boltAction>\n<file path=\"src/App.jsx\">\n```jsx\nlet a;\n```\n</file>\n</boltArtifact>";
    let answer = parse(text, false);
    assert_eq!(files(&answer), [("index.html", "<p>\n"), ("src/App.jsx", "let a;\n")]);
    assert_eq!(answer.summary, "Books.");
}

#[test]
fn reads_files_inside_one_outer_fence() {
    let answer = parse("````markdown\nBooks\n```html path=index.html\n<p>\n```\n````", false);
    assert_eq!(files(&answer), [("index.html", "<p>\n")]);
}

#[test]
fn takes_a_naming_comment_out_of_json_only_where_it_stands_first() {
    let answer =
        parse("```json path=package.json\n// package.json\n{\"a\": \"// package.json\"}\n```", false);
    assert_eq!(files(&answer), [("package.json", "{\"a\": \"// package.json\"}\n")]);
}

#[test]
fn tells_a_diff_from_a_file() {
    let answer = parse("### app.js\n```diff app.js\n-let a;\n+let b;\n```", false);
    let change = Change::Replace { search: "let a;\n".to_owned(), replace: "let b;\n".to_owned() };
    assert_eq!(answer.edits, [Edit { path: "app.js".to_owned(), change, line: 3 }]);
    assert_eq!((answer.files.len(), answer.problems.len()), (0, 0));
}

#[test]
fn finds_no_files_in_prose() {
    for text in ["", "  \n", "I cannot help with that.", "Use `npm start` and ```code``` inline."] {
        let answer = parse(text, false);
        assert_eq!((answer.summary.as_str(), codes(&answer)), (text.trim(), vec![FaultCode::NoFiles]));
    }
    assert_eq!(parse("a\u{0}b\u{1b}", false).summary, "ab");
    assert_eq!(parse(&"é".repeat(9_000), false).summary.chars().count(), MAX_SUMMARY_CHARS);
}

/// Random text of typical pieces of completions.
fn answer_like() -> impl Strategy<Value = String> {
    const PARTS: [&str; 45] = [
        "```",
        "````",
        "~~~",
        "\n",
        "\r\n",
        "\r",
        " ",
        "\t",
        "html",
        "js path=",
        "path=\"",
        "a.js",
        "src/app.js",
        "é\u{1F600}",
        "<file path=\"a.js\">",
        "</file>",
        "<file ",
        "{\"files\":",
        "{\"a.js\":\"x\"}",
        "// a.js",
        "### ",
        "**",
        "`",
        "markdown",
        "<![CDATA[",
        "]]>",
        "<think>",
        "</think>",
        ":",
        "=",
        "\u{FEFF}",
        "\u{0}",
        "README.md",
        "(",
        "[a](b.js)",
        "index.html\n```",
        "<<<<<<< SEARCH\n",
        "=======\n",
        ">>>>>>> REPLACE\n",
        "*** Begin Patch\n*** Update File: a.js\n",
        "--- a/a.js\n+++ b/a.js\n",
        "\n-x\n+y\n",
        "<path>a.js</path><content>",
        "<write_to_file>",
        "<|channel|>final<|message|>",
    ];
    prop::collection::vec(prop::sample::select(PARTS.to_vec()), 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn never_panics_on_any_text(text in any::<String>(), truncated in any::<bool>()) {
        let _ = parse(&text, truncated);
    }

    #[test]
    fn gives_each_path_once_and_bounds_what_it_says(text in answer_like(), truncated in any::<bool>()) {
        let answer = parse(&text, truncated);
        let paths: std::collections::HashSet<_> = answer.files.iter().map(|file| &file.path).collect();
        prop_assert_eq!(paths.len(), answer.files.len());
        prop_assert!(answer.problems.len() <= MAX_PROBLEMS);
        prop_assert!(answer.summary.chars().count() <= MAX_SUMMARY_CHARS);
        let is_empty = answer.files.is_empty() && answer.edits.is_empty();
        prop_assert_eq!(is_empty, answer.problems.iter().any(|p| p.code == FaultCode::NoFiles));
        prop_assert!(answer.files.iter().all(|file| !file.content.contains('\r') || text.contains("\\r")));
    }

    #[test]
    fn reads_back_what_was_fenced(content in "[a-z{}<>;\"'\n ]{0,200}", name in "[a-z]{1,8}") {
        let content = format!("{content}x\n");
        let path = format!("{name}.js");
        let answer = parse(&format!("Hi\n\n```js path={path}\n{content}```\n"), false);
        prop_assert_eq!(files(&answer), vec![(path.as_str(), content.as_str())]);
    }
}
