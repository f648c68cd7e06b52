use super::*;

#[test]
fn reads_the_styles_of_info_strings() {
    for (info, language, path) in [
        ("html path=index.html", Some("html"), Some("index.html")),
        ("html path=\"my page.html\"", Some("html"), Some("my page.html")),
        ("html path=my page.html", Some("html"), Some("my page.html")),
        ("html path=index.html title=a b.js", Some("html"), Some("index.html")),
        ("search/replace path=src/app.js", Some("javascript"), Some("src/app.js")),
        ("delete path=old.js", Some("javascript"), Some("old.js")),
        ("html:index.html", Some("html"), Some("index.html")),
        ("html index.html", Some("html"), Some("index.html")),
        ("html (index.html)", Some("html"), Some("index.html")),
        ("html `index.html`", Some("html"), Some("index.html")),
        ("index.html", Some("html"), Some("index.html")),
        ("js filename=\"src/app.js\"", Some("javascript"), Some("src/app.js")),
        ("js {filename: 'src/app.js'}", Some("javascript"), Some("src/app.js")),
        ("jsx title=\"App.jsx\"", Some("jsx"), Some("App.jsx")),
        ("jsx title=\"The app\"", Some("jsx"), None),
        ("{.python file=app.py}", Some("python"), Some("app.py")),
        ("js // src/app.js", Some("javascript"), Some("src/app.js")),
        ("python file: app.py", Some("python"), Some("app.py")),
        ("src/app.tsx showLineNumbers", Some("tsx"), Some("src/app.tsx")),
        ("Dockerfile", Some("dockerfile"), Some("Dockerfile")),
        ("dockerfile", Some("dockerfile"), None),
        ("html path=../../etc/passwd", Some("html"), Some("../../etc/passwd")),
        ("js {1,3-5}", Some("javascript"), None),
        ("bash", Some("shell"), None),
        ("whatever", None, None),
        ("", None, None),
        ("path=", None, None),
    ] {
        let read = read_info(info);
        assert_eq!((read.language, read.path.as_deref()), (language, path), "{info:?}");
    }
}

#[test]
fn reads_what_a_block_does() {
    for (info, action) in [
        ("search/replace path=a.js", Action::Edit),
        ("delete path=a.js", Action::Delete),
        ("rename path=a.js to=b.js", Action::Rename("b.js".to_owned())),
        ("rename path=a.js", Action::Whole),
        ("delete", Action::Whole),
        ("js path=a.js", Action::Whole),
    ] {
        assert_eq!(read_info(info).action, action, "{info}");
    }
}

#[test]
fn reads_the_line_before_a_fence() {
    for (line, path) in [
        ("### src/app.js", Some("src/app.js")),
        ("#### 2. `src/app.js` — the logic", Some("src/app.js")),
        ("**index.html**", Some("index.html")),
        ("**index.html:**", Some("index.html")),
        ("File: app.py", Some("app.py")),
        ("**File 3: `pkg/__init__.py`**", Some("pkg/__init__.py")),
        ("Fichier : `styles.css`", Some("styles.css")),
        ("`styles.css`:", Some("styles.css")),
        ("1. **index.html** - the main page", Some("index.html")),
        ("- `server.js` (Express server)", Some("server.js")),
        ("[index.html](index.html)", Some("index.html")),
        ("Then add `app.py` with the routes:", Some("app.py")),
        ("Update styles.css and index.html:", None),
        ("Open index.html in your browser", None),
        ("Datei: `index.html`", Some("index.html")),
        ("Archivo: src/app.js", Some("src/app.js")),
        ("文件：index.html", Some("index.html")),
        ("文件名:index.html", Some("index.html")),
        ("[index.html]", Some("index.html")),
        ("[src/[id]/page.tsx]", Some("src/[id]/page.tsx")),
        ("--- index.html ---", Some("index.html")),
        ("=== index.html ===", Some("index.html")),
        ("**Node.js**", None),
        ("Install it e.g. with npm:", None),
        ("See https://example.com/index.html:", None),
        ("", None),
    ] {
        assert_eq!(label_path(line, true).as_deref(), path, "{line:?}");
    }
    assert_eq!(label_path("Now run app.py with the routes:", false), None);
}

#[test]
fn reads_a_comment_that_only_names_the_file() {
    for (line, path) in [
        ("// src/app.js", Some("src/app.js")),
        ("<!-- index.html -->", Some("index.html")),
        ("# app.py", Some("app.py")),
        ("# File: app.py", Some("app.py")),
        ("/* styles.css */", Some("styles.css")),
        ("-- schema.sql", Some("schema.sql")),
        ("// the state lives in store.js", None),
        ("#!/usr/bin/env python3", None),
        ("import x from './app.js'", None),
        ("// Node.js", None),
    ] {
        assert_eq!(comment_path(line).as_deref(), path, "{line:?}");
    }
}
