use super::*;

fn line_of(path: &str, content: &str) -> Option<u32> {
    find_omission(&GeneratedFile::new(path, content)).and_then(|fault| fault.line)
}

#[test]
fn finds_placeholders_in_the_comments_of_every_language() {
    for (path, content, line) in [
        ("a.js", "let a;\n// ... existing code ...\n", 2),
        ("a.css", "/* ... rest of the styles ... */", 1),
        ("a.html", "<p>\n  <!-- … same as before -->", 2),
        ("a.py", "# ... (rest of the code remains unchanged)", 1),
        ("a.html", "<body>\n<!-- existing content unchanged -->\n</body>", 2),
        ("a.css", "p{}\n/* ... existing styles ... */", 2),
        ("a.js", "let a;\n// (previous functions unchanged)", 2),
        ("a.jsx", "let a = <p>\n{/* ... rest … */}\n</p>;", 2),
        ("a.js", "let a;\n// same as above", 2),
        ("a.js", "let a;\n// ...", 2),
        ("a.js", "let a;\n/*\n  ... existing code ...\n*/", 3),
        ("a.sql", "-- ... rest of the tables ...", 1),
        ("a.hbs", "{{!-- ... existing markup ... --}}", 1),
        ("a.html", "<body>\n... rest of the content ...\n</body>", 2),
        ("a.js", "// [rest of code unchanged]", 1),
        ("a.js", "// Keep existing code", 1),
    ] {
        assert_eq!(line_of(path, content), Some(line), "{content}");
    }
}

#[test]
fn finds_placeholders_in_several_natural_languages() {
    for comment in [
        "... reste du code ...",
        "... le code existant ...",
        "contenu inchangé",
        "... resto del código ...",
        "... código existente ...",
        "... restlicher Code ...",
        "Inhalt bleibt unverändert",
        "... resto do código ...",
        "... codice esistente ...",
        "其余代码保持不变",
        "... 现有代码 ...",
        "既存のコード",
        "... 기존 코드 ...",
        "остальной код без изменений",
    ] {
        let content = format!("let a;\n// {comment}\n");
        assert_eq!(line_of("a.js", &content), Some(2), "{comment}");
    }
}

#[test]
fn finds_a_script_that_is_only_a_plan() {
    for (path, content) in [
        ("a.js", "// TODO: implement the search\n"),
        ("a.js", "/*\n * TODO\n */\n\n// later\n"),
        ("a.py", "# Add your code\n"),
    ] {
        assert_eq!(line_of(path, content), Some(1), "{content}");
    }
    assert_eq!(line_of("a.js", "// TODO: sort by date\nlet a;\n"), None);
    assert_eq!(line_of("a.py", "# The package has no code of its own.\n"), None);
}

#[test]
fn leaves_ordinary_comments_alone() {
    for (path, content) in [
        ("a.js", "// spread the rest: f(...args)"),
        ("a.js", "// Loading the rest of the books\nf(...args)"),
        ("a.js", "// Loading..."),
        ("a.js", "const a = {\n  ...existing,\n  ...rest\n};"),
        ("a.js", "// Keep the previous value so that undo works"),
        ("a.js", "// Existing users"),
        ("a.js", "// Remaining time in seconds"),
        ("a.js", "// The rest of the list is loaded when a person scrolls"),
        ("a.js", "// Other routes\n"),
        ("a.js", "// Same as in the form, but for the table"),
        ("a.js", "// If nothing was changed, return the same object"),
        ("a.js", "// the state is unchanged after an error"),
        ("a.js", "// Returns the existing item if the id is known"),
        ("a.js", "/**\n * @param {...string} rest the remaining arguments\n */"),
        ("a.js", "// TODO: sort by date\nlet a;"),
        ("a.css", "/* Header */\n/* Footer */\n/* The rest */"),
        ("a.css", "/* Previous and next buttons */"),
        ("a.css", "#rest { color: red }"),
        ("a.css", "/* ........................ */\np{}"),
        ("a.js", "/**\n * f(a)\n * ...\n */"),
        ("a.py", "# x = f(1)\n# ...\nx = f(2)"),
        ("a.py", "def f():\n    \"\"\"\n    >>> f()\n    ...   ...\n    \"\"\""),
        ("a.js", "// truncated header"),
        ("a.html", "<!-- Main content -->\n<p>...</p>"),
        ("a.html", "<p>And so on ...</p>\n<p>... and the rest of the story</p>"),
        ("a.py", "# Same colours as the header\nx = 1"),
        ("a.py", "def f():\n    ...\n"),
        ("a.py", "# Alle übrigen Zeilen werden gelesen"),
        ("a.js", "// Les autres pages restent accessibles"),
        ("a.js", "// 保存数据"),
        ("a.yml", "--- \na: 1"),
        ("README.md", "# ... rest of the story"),
        ("a.txt", "... existing code ..."),
    ] {
        assert_eq!(line_of(path, content), None, "{content}");
    }
}
