use atelier_entities::ProjectKind;

use super::*;
use crate::check::script::with_deep_stack;

fn found(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<_> = files.iter().map(|(path, content)| GeneratedFile::new(path, content)).collect();
    let faults = with_deep_stack(|| list_faults(&App::read(&files, ProjectKind::WebApp)));
    faults.iter().map(|fault| format!("{} {fault}", fault.code)).collect()
}

#[test]
fn files_that_a_page_names_must_be_there() {
    for tag in [
        "<script src=a.js></script>",
        "<link rel=stylesheet href=./css/a.css?v=2>",
        "<img src=\"images/hero.png#x\">",
        "<img src=/x.svg srcset=\"x.svg 1x, x-2.svg 2x\">",
        "<video poster=p.webp></video>",
        "<a href=about.html>About</a>",
        "<form action=/contact.html></form>",
        "<style>p { background: url(bg.svg) }</style>",
    ] {
        let page = format!("<p>\n{tag}");
        let files = [("index.html", page.as_str()), ("x.svg", "<svg/>")];
        let faults = found(&files);
        assert_eq!(faults.len(), 1, "{tag} {faults:?}");
        assert!(faults[0].starts_with("MISSING_FILE index.html:2: "), "{faults:?}");
    }
    let icon = found(&[("index.html", "<link rel=icon href=/vite.svg>")]);
    assert!(icon[0].starts_with("MISSING_ASSET index.html:1: vite.svg"), "{icon:?}");
}

#[test]
fn addresses_that_name_no_file_of_the_project_are_left_alone() {
    let page = "<a href=/about>a</a><a href=#top>b</a><a href=mailto:a@b.example>c</a><a href=https://x.example/a.html>d</a>\
        <a href='{{ url }}.html'>e</a><img src='data:image/png;base64,AA'><script src=//x.example/a.js></script>\
        <img src=\"/api/photos/1\"><form action=/search></form><a href=report.csv download>f</a>";
    assert_eq!(found(&[("index.html", page)]), Vec::<String>::new());
}

#[test]
fn files_are_found_where_a_site_serves_them() {
    let page = ("public/index.html", "<script src=/js/a.js></script><link rel=stylesheet href=a.css>");
    assert_eq!(found(&[page, ("public/js/a.js", ""), ("public/a.css", "")]), Vec::<String>::new());
    let page = ("index.html", "<img src=/logo.svg><img src=pic.svg>");
    assert_eq!(found(&[page, ("public/logo.svg", ""), ("static/pic.svg", "")]), Vec::<String>::new());
    let server = ("server.js", "require('http').createServer().listen(process.env.PORT)");
    let page = ("views/index.html", "<link rel=stylesheet href=/assets/a.css>");
    assert_eq!(found(&[page, server, ("public/css/a.css", "")]), Vec::<String>::new());
    assert_eq!(found(&[page, server]).len(), 1);
    let twin = found(&[("index.html", "<img src=Logo.svg>"), ("logo.svg", "")]);
    assert!(twin[0].contains("logo.svg differs in case"), "{twin:?}");
}

#[test]
fn style_sheets_name_files_that_are_there() {
    let sheet = "@import './base.css';\n@import 'https://x.example/a.css';\na { background: url(\"../img/a.svg\") }\nb { c: url(#d) }";
    let faults = found(&[("css/a.css", sheet), ("css/base.css", "")]);
    assert_eq!(faults, ["MISSING_FILE css/a.css:3: img/a.svg is not among the files"]);
    assert_eq!(found(&[("css/a.css", sheet), ("css/base.css", ""), ("img/a.svg", "")]), Vec::<String>::new());
    let built = [("package.json", "{}"), ("src/index.css", "@import \"tailwindcss\";\n@import './x.css';")];
    assert_eq!(found(&built), ["MISSING_FILE src/index.css:2: src/x.css is not among the files"]);
}

#[test]
fn imports_lead_to_modules() {
    let built = ("package.json", "{}");
    let tsconfig = (
        "tsconfig.json",
        "{ // aliases\n \"compilerOptions\": {\"baseUrl\": \".\", \"paths\": {\"~ui/*\": [\"./src/ui/*\"]},} }",
    );
    let vite = ("vite.config.ts", "export default { resolve: { alias: { '@lib': '/src/lib' } } };");
    let main = "import A from './A';\nimport '../src/b.css';\nimport c from '@/c';\nimport u from '~ui/u';\n\
        import x from '@lib/x';\nimport logo from '/logo.svg?url';\nimport d from './d.js';\nimport e from './e';\n\
        import 'react';\nconst f = () => import('./f');\nA(c, u, x, logo, d, e, f);";
    let files = [
        built,
        tsconfig,
        vite,
        ("src/main.ts", main),
        ("src/A.tsx", "export default 1;"),
        ("src/b.css", ""),
        ("src/c.ts", "export default 1;"),
        ("src/ui/u.ts", "export default 1;"),
        ("public/logo.svg", ""),
        ("src/d.ts", "export default 1;"),
        ("src/e/index.ts", "export { default } from '../A';"),
        ("src/f.jsx", ""),
    ];
    assert_eq!(found(&files), Vec::<String>::new());
    for (removed, line) in [(4, 1), (5, 2), (6, 3), (7, 4), (8, 6), (9, 7), (10, 8), (11, 10)] {
        let fewer: Vec<_> =
            files.iter().enumerate().filter(|(at, _)| *at != removed).map(|(_, file)| *file).collect();
        let faults = found(&fewer);
        assert!(faults[0].starts_with(&format!("MISSING_FILE src/main.ts:{line}: ")), "{removed} {faults:?}");
    }
}

#[test]
fn imported_names_must_be_exported() {
    let exports = (
        "b.ts",
        "export const a = 1;\nexport interface T {}\nexport * from './c';\nexport { d as e } from './c';",
    );
    let star = ("c.ts", "export function d() {}\nexport default class C {}\nexport * from './b';");
    let open = ("o.js", "module.exports = { anything: 1 };");
    for (import, missing) in [
        ("import { a, T, d, e } from './b'; a(d, e);", None),
        ("import * as all from './b'; all;", None),
        ("import C, { d } from './c'; C(d);", None),
        ("import { anything } from './o'; anything;", None),
        ("export { a as z } from './b';", None),
        ("import B from './b'; B;", Some("b.ts has no default export")),
        ("import { C } from './c'; C;", Some("c.ts does not export C")),
        ("import { f } from './b'; f;", Some("b.ts does not export f")),
        ("export { g } from './b';", Some("b.ts does not export g")),
    ] {
        let faults = found(&[("a.ts", import), exports, star, open]);
        let expected: Vec<_> =
            missing.iter().map(|message| format!("MISSING_EXPORT a.ts:1: {message}")).collect();
        assert_eq!(faults, expected, "{import}");
    }
}

#[test]
fn a_browser_adds_no_ending() {
    let files = [
        ("index.html", "<script type=module src=a.js></script>"),
        ("a.js", "import { b } from './b';\nb();"),
        ("b.js", "export const b = 1;"),
    ];
    assert_eq!(found(&files), ["MISSING_FILE a.js:1: b is not among the files"]);
    let whole = ("a.js", "import { b } from './b.js';\nb();");
    assert_eq!(found(&[files[0], whole, files[2]]), Vec::<String>::new());
    assert_eq!(found(&[("package.json", "{}"), files[0], files[1], files[2]]), Vec::<String>::new());
}

#[test]
fn other_requests_of_scripts_are_checked() {
    let script = "new Worker('work.js');\nnavigator.serviceWorker.register('/sw.js');\nfetch('data.json');\n\
        new URL('./a.svg', import.meta.url);\nfetch('/api/books');\nform.register('name');";
    let faults = found(&[("a.js", script)]);
    let starts: Vec<_> = faults.iter().map(|fault| fault.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(
        starts,
        ["MISSING_FILE a.js:1", "MISSING_FILE a.js:2", "MISSING_ASSET a.js:3", "MISSING_FILE a.js:4"]
    );
    let files = [("a.js", script), ("work.js", ""), ("sw.js", ""), ("data.json", "{}"), ("a.svg", "")];
    assert_eq!(found(&files), Vec::<String>::new());
}

#[test]
fn components_need_an_import() {
    let files = [
        ("package.json", "{}"),
        ("src/a.jsx", "import './b.css';\nexport const A = () => <Card><Card /></Card>;"),
        ("src/b.css", ""),
    ];
    assert_eq!(found(&files), ["UNDEFINED_NAME src/a.jsx:2: Card is used and neither declared nor imported"]);
}
