use super::*;

/// A small project as Vite's template makes it.
const PROJECT: [(&str, &str); 9] = [
    ("package.json", r#"{"dependencies":{"react":"^19"},"devDependencies":{"vite":"^7"}}"#),
    (
        "index.html",
        "<!doctype html><html><head><title>x</title></head><body><div id=\"root\"></div>\
         <script type=\"module\" src=\"/src/main.tsx\"></script></body></html>",
    ),
    (
        "src/main.tsx",
        "import { createRoot } from 'react-dom/client';\nimport App from './App';\nimport './index.css';\n\
         createRoot(document.getElementById('root')!).render(<App />);\n",
    ),
    (
        "src/App.tsx",
        "import { useState } from 'react';\nimport { lazy } from 'react';\nimport styles from './App.module.css';\n\
         import logo from './logo.svg';\nimport { items } from '@/data.json';\nimport type { Item } from './types';\n\
         const Page = lazy(() => import('./Page'));\n\
         export default function App() {\n  const [all] = useState<Item[]>(items);\n\
         return <p className={styles.big}><img src={logo} />{all.length}{import.meta.env.BASE_URL}<Page /></p>;\n}\n",
    ),
    ("src/Page.jsx", "export default function Page() { return <b>page</b>; }\n"),
    ("src/types.ts", "export interface Item { name: string }\n"),
    ("src/data.json", "{\"items\": [{\"name\": \"a\"}]}"),
    ("src/App.module.css", ".big { color: teal }"),
    ("src/index.css", "body { margin: 0 }"),
];

fn project(changes: &[(&str, &str)]) -> Vec<GeneratedFile> {
    let changed = |path: &str| changes.iter().any(|(other, _)| *other == path);
    let kept = PROJECT.iter().filter(|(path, _)| !changed(path));
    let logo = ("src/logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    kept.chain([&logo]).chain(changes).map(|(path, content)| GeneratedFile::new(path, content)).collect()
}

fn site(files: &[GeneratedFile], place: Place) -> CompiledSite {
    let page = find_page(files).expect("a page that needs the compiler");
    compile(files, page, place).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn faults(changes: &[(&str, &str)]) -> Vec<String> {
    list_faults(&project(changes)).iter().map(ToString::to_string).collect()
}

#[test]
fn a_project_of_vite_becomes_modules_of_a_browser() {
    let site = site(&project(&[]), Place::Host);

    let page = &site.files["index.html"];
    assert!(page.contains("src=\"/src/main.tsx.js\"") && page.contains("href=\"/src/index.css\""), "{page}");
    assert_eq!(site.files[ROUTES_PAGE], *page);
    let app = &site.files["src/App.tsx.js"];
    for specifier in
        ["./App.module.css.js", "./logo.svg.url.js", "./data.json.js", "./Page.jsx.js", "../_atelier/lib/"]
    {
        assert!(app.contains(specifier), "{specifier}: {app}");
    }
    assert!(app.starts_with("import.meta.env = {") && app.contains("\"BASE_URL\":\"/\""), "{app}");
    assert!(site.files["src/data.json.js"].contains("as \"items\""));
    assert!(site.files["src/logo.svg.url.js"].contains("new URL(\"./logo.svg\", import.meta.url)"));
    assert!(
        !site
            .files
            .keys()
            .any(|path| path.ends_with(".tsx") || path == "package.json" || path.contains("types"))
    );
}

#[test]
fn no_specifier_of_the_site_is_bare() {
    for (path, text) in &site(&project(&[]), Place::Host).files {
        if path.starts_with(libraries::FOLDER) || !path.ends_with(".js") {
            continue;
        }
        for (at, mark) in text.match_indices("from ") {
            let specifier = &text[at + mark.len()..];
            assert!(specifier.starts_with("\"./") || specifier.starts_with("\"../"), "{path}: {text}");
        }
    }
}

#[test]
fn a_site_has_the_libraries_that_it_imports() {
    let site = site(&project(&[]), Place::Host);
    let libraries = site.files.keys().filter(|path| path.starts_with(libraries::FOLDER)).count();

    assert_eq!(libraries > 0, are_embedded());
    assert!(!site.files.keys().any(|path| path.contains("recharts")));
}

#[test]
fn in_a_folder_addresses_are_relative_and_routes_have_no_page() {
    let site = site(&project(&[]), Place::Folder);

    assert!(site.files["index.html"].contains("src=\"./src/main.tsx.js\""));
    assert!(!site.files.contains_key(ROUTES_PAGE));
}

#[test]
fn a_page_in_a_folder_of_the_project_is_found_with_its_own_root() {
    let moved: Vec<GeneratedFile> = project(&[])
        .into_iter()
        .map(|file| GeneratedFile::new(&format!("frontend/{}", file.path), &file.content))
        .collect();

    assert!(site(&moved, Place::Host).files.contains_key("src/main.tsx.js"));
}

#[test]
fn plain_pages_need_no_compiler() {
    let page = GeneratedFile::new("index.html", "<script type=module src=app.js></script>");
    let script = GeneratedFile::new("app.js", "import { a } from './a.js';");

    assert_eq!(find_page(&[page.clone(), script.clone()]), None);
    let manifest = GeneratedFile::new("package.json", r#"{"devDependencies":{"vite":"7"}}"#);
    assert_eq!(find_page(&[page.clone(), script, manifest]), Some(&page));
}

#[test]
fn cycles_and_exports_of_exports_are_followed() {
    let changes = [
        ("src/Page.jsx", "export { default } from './deep';\n"),
        ("src/deep/index.ts", "export * from './a';\nexport { a as default } from './a';\n"),
        ("src/deep/a.ts", "import * as all from '.';\nexport const a = () => all;\n"),
    ];

    assert_eq!(faults(&changes), Vec::<String>::new());
}

#[test]
fn faults_name_the_file_and_the_line() {
    let app = |line: &str| {
        format!("export const x = 1;\n{line}\nexport default function App() {{ return <p>{{y}}</p>; }}")
    };
    for (line, fault) in [
        ("import { y } from './Page';", "src/App.tsx:2: ./Page does not export y"),
        ("import y from './types';", "src/App.tsx:2: ./types has no default export"),
        ("import y from './gone';", "src/App.tsx:2: the script imports ./gone, which is not among the files"),
        ("import y from './app';", "src/App.tsx:2: the script imports ./app, which"),
        ("import y from 'three';", "src/App.tsx:2: the preview has no library three"),
        ("import y from './y.scss';", "src/App.tsx:2: ./y.scss needs a preprocessor"),
        (
            "import y from 'https://esm.sh/react';",
            "src/App.tsx:2: https://esm.sh/react is a script of another host",
        ),
        ("const y = 1; const y = 2;", "src/App.tsx:2: "),
    ] {
        let found = faults(&[("src/App.tsx", &app(line)), ("src/y.scss", "")]);
        assert!(found.iter().any(|text| text.starts_with(fault)), "{line}: {found:?}");
    }
}

#[test]
fn a_name_that_a_library_does_not_have_is_a_fault() {
    if !are_embedded() {
        return;
    }
    let found =
        faults(&[("src/Page.jsx", "import { Nonsense } from 'lucide-react';\nexport default Nonsense;")]);

    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("src/Page.jsx:1: lucide-react does not export Nonsense"), "{found:?}");
}

#[test]
fn a_browser_router_in_a_folder_is_a_note() {
    let page = "import { BrowserRouter } from 'react-router-dom';\nexport default BrowserRouter;\n";
    let files = project(&[("src/Page.jsx", page)]);

    assert_eq!(site(&files, Place::Host).notes, []);
    let notes: Vec<_> = site(&files, Place::Folder).notes.iter().map(ToString::to_string).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("src/Page.jsx:1: BrowserRouter finds its routes only"), "{notes:?}");
}

#[test]
fn tailwind_is_a_note() {
    let site = site(&project(&[("src/index.css", "@tailwind base;")]), Place::Host);

    assert_eq!(site.notes.len(), 1);
    assert!(site.notes[0].to_string().starts_with("src/index.css:1: @tailwind needs"));
    assert!(site.notes.iter().all(|note| note.code.is_note()));
}
