//! Good answers that are broken in the ways of real models, through the whole generation: none
//! becomes a version, the credits return, and the version before stays.

use std::collections::BTreeMap;

use super::*;

const PAGE: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Books</title>\n\
    <link rel=\"stylesheet\" href=\"styles.css\">\n</head>\n<body>\n<h1>Books</h1>\n\
    <script src=\"app.js\"></script>\n</body>\n</html>\n";
const STYLE: &str = "h1 {\n  color: teal;\n}\n";
const SCRIPT: &str =
    "const books = [];\nfunction add(book) {\n  books.push(book);\n}\nadd('Emma');\nconsole.log(books);\n";

/// A React application, each of whose files is named by one before it.
const REACT: [(&str, &str); 7] = [
    (
        "package.json",
        "{\n  \"name\": \"visits\",\n  \"private\": true,\n  \"type\": \"module\",\n  \"scripts\": {\n    \
         \"dev\": \"vite\",\n    \"build\": \"vite build\"\n  },\n  \"dependencies\": {\n    \"react\": \"^19.1.0\",\n    \
         \"react-dom\": \"^19.1.0\"\n  },\n  \"devDependencies\": {\n    \"@vitejs/plugin-react\": \"^5.0.0\",\n    \
         \"vite\": \"^7.0.0\"\n  }\n}",
    ),
    (
        "vite.config.ts",
        "import react from '@vitejs/plugin-react';\nimport { defineConfig } from 'vite';\n\n\
         export default defineConfig({ plugins: [react()] });",
    ),
    (
        "index.html",
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Visits</title>\n</head>\n\
         <body>\n<div id=\"root\"></div>\n<script type=\"module\" src=\"/src/main.tsx\"></script>\n</body>\n</html>",
    ),
    (
        "src/main.tsx",
        "import { createRoot } from 'react-dom/client';\nimport App from './App';\nimport './index.css';\n\n\
         createRoot(document.getElementById('root')!).render(<App />);",
    ),
    (
        "src/App.tsx",
        "import { useState } from 'react';\nimport { count } from './storage';\n\n\
         export default function App() {\n  const [visits] = useState<number>(count);\n  return (\n    <p>\n      \
         {`visits: ${visits} & more`}\n    </p>\n  );\n}",
    ),
    (
        "src/storage.ts",
        "export function count(): number {\n  const visits = Number(localStorage.getItem('visits') ?? '0') + 1;\n  \
         localStorage.setItem('visits', String(visits));\n  return visits;\n}",
    ),
    ("src/index.css", "p {\n  color: teal;\n}"),
];

fn site(page: &str, style: &str, script: &str) -> String {
    format!(
        "Books.\n\n```html path=index.html\n{page}```\n\n```css path=styles.css\n{style}```\n\n\
         ```js path=app.js\n{script}```\n"
    )
}

fn react() -> String {
    let blocks = REACT.map(|(path, text)| {
        let language = path.rsplit('.').next().unwrap_or_default();
        format!("```{language} path={path}\n{text}\n```\n")
    });
    format!("An application.\n\n{}", blocks.join("\n"))
}

fn block(path: &str, search: &str, replace: &str) -> String {
    format!(
        "Changed.\n\n```search/replace path={path}\n<<<<<<< SEARCH\n{search}\n=======\n{replace}\n\
         >>>>>>> REPLACE\n```\n"
    )
}

/// The answer without its last lines, cut before each of its lines.
fn cut_everywhere(answer: &str) -> Vec<String> {
    let lines: Vec<&str> = answer.lines().collect();
    (0..lines.len()).map(|at| lines[..at].join("\n")).collect()
}

/// The files of the current version; none without one.
async fn stored(scene: &Scene) -> Option<BTreeMap<String, String>> {
    let versions = &scene.fixture.services.builder.versions;
    let code = versions.code(&acting(scene.ada.id), scene.project.id, None).await;
    code.ok().map(|(_, parts)| parts.all_files)
}

/// Lets the model give each of these answers. Each generation fails for faults of the answer,
/// returns its credits, and changes no file.
async fn refuse_all(scene: &Scene, prompt: Option<&str>, answers: Vec<String>) {
    let (files, credits) = (stored(scene).await, scene.fixture.credits(scene.ada.id).await);
    for answer in answers {
        scene.fixture.model.push(ScriptedCompletion::Text(answer.clone()));
        let job = scene.run(GenerationMode::Quick, prompt).await;
        let error = job.error.unwrap_or_default();
        let ended = (job.state, &error["code"]);
        assert_eq!(ended, (JobState::Failed, &json!("GENERATION_FAULTY")), "{answer}\n{error}");
        assert_eq!(scene.fixture.credits(scene.ada.id).await, credits, "{answer}");
        assert_eq!(stored(scene).await, files, "{answer}");
    }
}

/// Lets the model give this answer, which becomes a version with these files.
async fn accept(scene: &Scene, prompt: Option<&str>, answer: String, files: &[(&str, &str)]) {
    scene.fixture.model.push(ScriptedCompletion::Text(answer));
    let job = scene.run(GenerationMode::Quick, prompt).await;
    assert_eq!(job.state, JobState::Succeeded, "{:?}", job.error);
    let stored = stored(scene).await.expect("a version");
    let stored: Vec<_> = stored.iter().map(|(path, text)| (path.as_str(), text.trim_end())).collect();
    let mut files: Vec<_> = files.iter().map(|(path, text)| (*path, text.trim_end())).collect();
    files.sort_unstable();
    assert_eq!(stored, files);
}

#[tokio::test]
async fn no_broken_site_becomes_a_version() {
    let scene = Scene::of(&[], 0).await;
    let after = |text: &str, broken: &str| text.replacen('\n', &format!("\n{broken}\n"), 1);
    let mut answers = cut_everywhere(&site(PAGE, STYLE, SCRIPT));
    for broken in ["<<<<<<< HEAD\na\n=======\nb\n>>>>>>> main", ">>>>>>> REPLACE", "</file>", "*** End Patch"]
    {
        answers.push(site(&after(PAGE, broken), STYLE, SCRIPT));
        answers.push(site(PAGE, &after(STYLE, broken), SCRIPT));
        answers.push(site(PAGE, STYLE, &after(SCRIPT, broken)));
    }
    for (part, by) in [
        ("<h1>Books</h1>", "<!-- existing content unchanged -->"),
        ("<h1>Books</h1>", "<h1 onclick=\"add('Emma')\">Books</h1>"),
        ("<h1>Books</h1>\n<script src=\"app.js\"></script>\n", ""),
        ("</body>\n</html>\n", ""),
        ("src=\"app.js\"", "src=\"main.js\""),
        ("src=\"app.js\"", "src=\"https://cdn.example/app.js\""),
        ("href=\"styles.css\"", "href=\"style.css\""),
        ("<script src=\"app.js\"></script>", "<script>add('Emma');</script><script src=\"app.js\"></script>"),
    ] {
        assert!(PAGE.contains(part), "{part}");
        answers.push(site(&PAGE.replace(part, by), STYLE, SCRIPT));
    }
    for (style, script) in [
        ("/* ... existing styles ... */\n", SCRIPT),
        ("\n", SCRIPT),
        (STYLE, "// (previous functions unchanged)\n"),
        (STYLE, "// TODO: implement\n"),
        (STYLE, ""),
        (STYLE, "const books = [;\n"),
        (STYLE, "const books = [];\nconst books = [];\n"),
    ] {
        answers.push(site(PAGE, style, script));
    }
    answers.push(site("Here is the page that you asked for.\n", STYLE, SCRIPT));
    answers.push(format!("<think>\n{}\n</think>\n", site(PAGE, STYLE, SCRIPT)));

    refuse_all(&scene, None, answers).await;

    let files = [("index.html", PAGE), ("styles.css", STYLE), ("app.js", SCRIPT)];
    accept(&scene, None, site(PAGE, STYLE, SCRIPT), &files).await;
}

#[tokio::test]
async fn no_cut_react_application_becomes_a_version() {
    let scene = Scene::of(&[], 0).await;

    refuse_all(&scene, None, cut_everywhere(&react())).await;

    accept(&scene, None, react(), &REACT).await;
}

#[tokio::test]
async fn no_broken_react_application_becomes_a_version() {
    let scene = Scene::of(&[], 0).await;
    let whole = react();
    let mutations = [
        ("\"private\": true", "\"private\": true,"),
        ("src=\"/src/main.tsx\"", "src=\"/src/Main.tsx\""),
        ("<div id=\"root\"></div>", "<div id=\"root\"></div>\n<script>start();</script>"),
        ("getElementById('root')", "getElementById('app')"),
        ("import App from", "import { App } from"),
        ("import { useState } from 'react'", "import { useState } from 'reakt'"),
        ("import { useState } from 'react'", "import { useState } from 'https://esm.sh/react'"),
        ("import { count }", "import { counts }"),
        ("from './storage'", "from './store'"),
        ("import { count }", "<<<<<<< HEAD\na\n=======\nb\n>>>>>>> main\nimport { count }"),
        ("\n    </p>", ""),
        ("{`visits: ${visits} & more`}", "{/* ... existing code ... */}"),
        ("  return (", "  const [visits] = useState<number>(0);\n  return ("),
        ("export default function App", "export function App"),
        ("export function count", "function count"),
    ];
    let answers = mutations.map(|(part, by)| {
        assert!(whole.contains(part), "{part}");
        whole.replacen(part, by, 1)
    });

    refuse_all(&scene, None, answers.to_vec()).await;
}

#[tokio::test]
async fn no_broken_change_becomes_a_version() {
    let scene = Scene::of(&[], 0).await;
    let before = [("index.html", PAGE), ("styles.css", STYLE), ("app.js", SCRIPT)];
    accept(&scene, None, site(PAGE, STYLE, SCRIPT), &before).await;
    let (teal, blue) = ("  color: teal;", "  color: blue;");
    let good = block("styles.css", teal, blue);
    let answers = vec![
        block("styles.css", "  color: red;", blue),
        block("app.js", "books", "novels"),
        block("main.js", "books", "novels"),
        block("app.js", "  books.push(book);", "  books.push(book;"),
        block("app.js", "  books.push(book);", "  // ... existing code ..."),
        format!("{good}\n{}", block("styles.css", "  color: red;", blue)),
        good.replace(">>>>>>> REPLACE\n", ""),
        "```js path=app.js\n// (previous functions unchanged)\n```\n".to_owned(),
        "```css path=styles.css\n<<<<<<< HEAD\nh1 { color: red; }\n=======\nh1 { color: blue; }\n>>>>>>> main\n```\n".to_owned(),
        "```diff\n--- a/app.js\n+++ b/app.js\n@@ -1 +1 @@\n-let a;\n+let b;\n```\n".to_owned(),
        "```delete path=app.js\n```\n".to_owned(),
        "```rename path=styles.css to=app.js\n```\n".to_owned(),
        "<think>\n```css path=styles.css\nh1 { color: blue; }\n```\n</think>\n".to_owned(),
        "Shall I use blue, or another colour?".to_owned(),
        String::new(),
    ];
    let prompt = Some("Make it blue");

    refuse_all(&scene, prompt, answers).await;

    let changed = STYLE.replace(teal, blue);
    let after = [("index.html", PAGE), ("styles.css", changed.as_str()), ("app.js", SCRIPT)];
    accept(&scene, prompt, good, &after).await;
}
