use super::*;

fn blocks(text: &str) -> Vec<(Option<String>, String, bool)> {
    cut(text)
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Block(block) => Some((block.info.path, block.content, block.closed)),
            Piece::Prose(_) => None,
        })
        .collect()
}

#[test]
fn keeps_shorter_and_other_fences_inside_a_longer_one() {
    let text = "````md path=README.md\n# A\n```bash\nnpm start\n```\n~~~\nx\n~~~\n````\nbye";
    let inside = "# A\n```bash\nnpm start\n```\n~~~\nx\n~~~\n".to_owned();
    assert_eq!(blocks(text), [(Some("README.md".into()), inside, true)]);
}

#[test]
fn keeps_examples_of_the_same_length_inside_markdown() {
    for text in [
        "```markdown path=README.md\n# A\n```bash\nnpm start\n```\nend\n```\n\n```css path=a.css\na{}\n```",
        "```markdown path=README.md\n# A\n```\nnpm start\n```\nend\n```\n\n```css path=a.css\na{}\n```",
    ] {
        let found = blocks(text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].1.ends_with("npm start\n```\nend\n"), "{found:?}");
    }
}

#[test]
fn ends_a_block_that_was_never_closed_where_the_next_file_opens() {
    let text = "```html path=index.html\n<p>\n```css path=styles.css\np{}\n";
    let found = blocks(text);
    assert_eq!(found[0], (Some("index.html".into()), "<p>\n".into(), false));
    assert_eq!(found[1], (Some("styles.css".into()), "p{}\n".into(), false));
}

#[test]
fn takes_indented_and_tilde_fences_and_a_glued_end() {
    let text =
        "1. x\n   ~~~~js path=a.js\n   if (a) {\n     b\n   }\n   ~~~~\n```html path=i.html\n<p>\n</p>```\n";
    let found = blocks(text);
    assert_eq!(found[0].1, "if (a) {\n  b\n}\n");
    assert_eq!(found[1], (Some("i.html".into()), "<p>\n</p>\n".into(), true));
}

#[test]
fn a_fence_inside_of_what_is_open_does_not_end_the_file() {
    for (language, content) in [
        ("html", "<html>\n<pre>\n```bash\nnpm i\n```\n</pre>\n</html>\n"),
        ("html", "<html>\n<pre>\n```\nnpm i\n```\n</pre>\n</html>\n"),
        ("vue", "<template>\n<p>\n```\na\n```\n</p>\n</template>\n"),
        ("python", "def f():\n    \"\"\"Use it so:\n\n```python\nf()\n```\n    \"\"\"\n"),
        ("js", "/*\n```\nf()\n```\n*/\nlet a;\n"),
        ("text", "Notes\n```bash\nnpm i\n```\nend\n"),
    ] {
        let text = format!("```{language} path=a.x\n{content}```\n\n```css path=b.css\nb{{}}\n```\n");
        let found = blocks(&text);
        assert_eq!(found.len(), 2, "{text}");
        assert_eq!((found[0].1.as_str(), found[0].2), (content, true), "{text}");
    }
}

#[test]
fn an_example_that_names_a_file_stays_in_its_readme() {
    let readme = "# A\n\n```js path=src/app.js\nrun();\n```\n\nend\n";
    let text = format!("```markdown path=README.md\n{readme}```\n\n```js path=src/app.js\nlet a;\n```\n");
    let found = blocks(&text);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!((found[0].1.as_str(), found[1].1.as_str()), (readme, "let a;\n"));
}

#[test]
fn a_page_without_its_end_does_not_take_the_files_after_it() {
    let text = "```html path=a.html\n<html>\n<pre>\n```\n\n### b.html\n```html\n<html></html>\n```\n";
    let found = blocks(text);
    assert_eq!((found[0].1.as_str(), found.len()), ("<html>\n<pre>\n", 2));
}

#[test]
fn changes_without_a_fence_are_blocks() {
    let marks = "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n";
    let patch = "*** Begin Patch\n*** Delete File: a.js\n*** End Patch\n";
    let text = format!("a.js\n{marks}\nThen\n{patch}Done\n");
    let found: Vec<String> = blocks(&text).into_iter().map(|(_, content, _)| content).collect();
    assert_eq!(found, [marks, patch]);
}

#[test]
fn leaves_code_on_a_line_of_prose_alone() {
    assert!(blocks("```npm start``` runs it\nand `code` too").is_empty());
}
