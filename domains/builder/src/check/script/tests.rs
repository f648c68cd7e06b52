use super::*;

fn module(path: &str, source: &str) -> Module {
    with_deep_stack(|| read(source, source_type(path)))
}

fn errors(path: &str, source: &str) -> Vec<String> {
    let errors = module(path, source).errors;
    errors.iter().map(|error| format!("{}: {}", line_of(source, error.at), error.message)).collect()
}

#[test]
fn ampersands_and_typed_templates_are_ordinary_code() {
    for (path, source) in [
        ("a.tsx", "export const A = () => <a href=\"/x?a=1&title=b\">Tom & Jerry</a>;"),
        ("a.jsx", "export const A = () => <p title='a & b'>&copy; 2026 &amp; more & more</p>;"),
        ("a.ts", "const rows = sql<Row>`select * from t where a = ${a}`;"),
        ("a.tsx", "const B = styled.button<{ p: boolean }>`color: ${({ p }) => (p ? 'red' : 'blue')};`;"),
        ("a.ts", "interface A {\n  in_x: string\n  readonly out: number\n}"),
        ("a.js", "const a = await fetch('/x');\nconsole.log(a);"),
        ("a.cjs", "const a = require('fs');\nmodule.exports = { a };"),
        ("a.d.ts", "declare module '*.svg' { const url: string; export default url; }"),
    ] {
        assert_eq!(errors(path, source), Vec::<String>::new(), "{source}");
    }
}

#[test]
fn early_errors_count_as_syntax_errors() {
    for (path, source, line) in [
        ("a.js", "const a = 1;\nconst a = 2;", 2),
        ("a.js", "function f() {\n  await g();\n}", 2),
        ("a.js", "export { missing };", 1),
        ("a.js", "return 1;", 1),
        ("a.js", "const r = /(/;", 1),
        ("a.tsx", "export const A = () => (\n  <div>\n    <p>x\n  </div>\n);", 4),
    ] {
        let found = errors(path, source);
        assert!(
            found.first().is_some_and(|error| error.starts_with(&format!("{line}: "))),
            "{source} {found:?}"
        );
    }
}

#[test]
fn the_imports_and_exports_of_a_module_are_read() {
    let source = "import React, { useState as s } from 'react';\nimport * as all from './all';\n\
        import type { T } from './types';\nimport './a.css';\nexport { b as c } from './b';\nexport * from './d';\n\
        export const e = 1, { f } = e;\nexport default function G() {}\nexport interface H { a: T }\nexport type I = H;\n\
        const lazy = () => import('./lazy');\nconst icon = new URL('./i.svg', import.meta.url);\nfetch('/data.json');";
    let module = module("a.ts", source);
    assert_eq!(module.errors, Vec::new());
    let requests: Vec<_> = module
        .requests
        .iter()
        .map(|r| (r.specifier.as_str(), r.kind, r.names.join(","), r.is_type))
        .collect();
    let names = |text: &str| text.to_owned();
    assert_eq!(
        requests,
        [
            ("react", RequestKind::Statement, names("default,useState"), false),
            ("./all", RequestKind::Statement, names(""), false),
            ("./types", RequestKind::Statement, names("T"), true),
            ("./a.css", RequestKind::Statement, names(""), false),
            ("./b", RequestKind::Statement, names("b"), false),
            ("./d", RequestKind::Statement, names(""), false),
            ("./lazy", RequestKind::Dynamic, names(""), false),
            ("./i.svg", RequestKind::ModuleUrl, names(""), false),
            ("/data.json", RequestKind::Fetch, names(""), false),
        ]
    );
    let exported: Vec<_> = module.exports.names.iter().map(String::as_str).collect();
    assert_eq!(exported, ["H", "I", "c", "default", "e", "f"]);
    assert_eq!((module.exports.stars, module.exports.is_open), (vec!["./d".to_owned()], false));
    assert!(self::module("a.js", "module.exports = 1").exports.is_open);
}

#[test]
fn components_and_hooks_need_a_declaration() {
    let source = "import { A } from './a';\nexport const B = () => {\n  const [n] = useState(0);\n  return <A><C.D /><p>{n}</p></A>;\n};";
    let names: Vec<_> = module("b.jsx", source).undefined.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["useState", "C"]);
    assert_eq!(module("b.js", "const { useState } = React;\nuseState(0);").undefined, []);
}

#[test]
fn code_from_text_is_found() {
    assert_eq!(module("a.js", "let a = eval('1');\nnew Function('a', 'b');").evaluations, [8, 19]);
    assert_eq!(module("a.js", "math.eval('1'); class F {} new F();").evaluations, Vec::<usize>::new());
}

#[test]
fn nesting_that_the_stack_cannot_hold_is_an_error() {
    for part in [
        "(",
        "[",
        "{",
        "a=>",
        "<a>",
        "!",
        "typeof ",
        "a?b:",
        "if(a)",
        "a.",
        "`${",
        "- ",
        "class A extends ",
        "a:",
    ] {
        let source = part.repeat(400_000 / part.len());
        assert!(!fits_stack(&source), "{part}");
        assert!(errors("a.tsx", &source)[0].contains("nests too deeply"), "{part}");
    }
}

#[test]
fn nesting_up_to_the_limit_is_read_without_a_crash() {
    for part in [
        "(", "[", "{", "a=>", "<a>", "!", "typeof ", "a?b:", "if(a)", "a.", "`${", "- ", "a+", "a:", "new ",
        "keyof ",
    ] {
        let (mut low, mut high) = (1_usize, 400_000);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if fits_stack(&part.repeat(middle)) { low = middle } else { high = middle - 1 }
        }
        for prefix in ["", "type A = "] {
            let source = format!("{prefix}{}a", part.repeat(low - 4));
            assert!(
                errors("a.tsx", &source).iter().all(|error| !error.contains("nests too deeply")),
                "{part}"
            );
        }
    }
}

#[test]
fn lines_of_decoration_are_no_nesting() {
    let source = format!("/{}/\n// {}\nlet a;\n", "*".repeat(50_000), "=".repeat(50_000));
    assert!(fits_stack(&source));
    assert_eq!(errors("a.ts", &source), Vec::<String>::new());
}
