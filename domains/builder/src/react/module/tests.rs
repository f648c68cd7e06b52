use super::*;
use crate::check::script::with_deep_stack;

fn compiled(path: &str, source: &str) -> Module {
    with_deep_stack(|| compile(path, source)).unwrap_or_else(|faults| panic!("{source}: {faults:?}"))
}

fn faults(path: &str, source: &str) -> Vec<String> {
    let faults = with_deep_stack(|| compile(path, source)).expect_err("it does not compile");
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn types_are_taken_off() {
    let source = "import type { A } from './types';\nimport { type B, c } from './b';\n\
        interface D { a: A; b: B }\nexport type E = D | null;\nabstract class F<T> { private readonly x!: T; }\n\
        export const g = <T,>(a: T, b?: number): a is T => (a as unknown as T) !== undefined && c(b!);\n\
        export default F satisfies unknown;\ndeclare global { interface Window { h: number } }\n";
    let module = compiled("a.ts", source);

    for gone in
        ["interface", "type ", "abstract", "private", "readonly", " as ", "satisfies", "declare", "<T"]
    {
        assert!(!module.code.contains(gone), "{gone}: {}", module.code);
    }
    let specifiers: Vec<_> = module.requests.iter().map(|request| request.specifier.as_str()).collect();
    assert_eq!(specifiers, ["./b"]);
    assert_eq!(module.exports.iter().map(String::as_str).collect::<Vec<_>>(), ["default", "g"]);
}

#[test]
fn enums_and_namespaces_become_values() {
    let source = "export enum Size { Small = 1, Large }\nconst enum Side { Left = 'l' }\n\
        export const a = [Size.Large, Side.Left];\nexport namespace N { export const b = 1; }";
    let module = compiled("a.ts", source);

    assert!(!module.code.contains("enum ") && !module.code.contains("namespace "), "{}", module.code);
    for name in ["N", "Size", "a"] {
        assert!(module.exports.contains(name), "{name}: {:?}", module.exports);
    }
}

#[test]
fn jsx_uses_the_automatic_runtime() {
    let source =
        "export const A = ({ b }: { b: string }) => <><a href=\"/x?a=1&title=b\">Tom & Jerry {b}</a></>;";
    let module = compiled("a.tsx", source);

    assert!(module.code.contains("Tom & Jerry") && !module.code.contains("</a>"), "{}", module.code);
    let request = module.requests.first().expect("the runtime");
    assert_eq!((request.specifier.as_str(), request.line), ("react/jsx-runtime", None));
    let (start, end) = request.span;
    assert_eq!(&module.code[start..end], "\"react/jsx-runtime\"");
}

#[test]
fn imports_and_exports_are_listed_with_their_lines() {
    let source = "import d, { e as f } from './d';\nimport * as g from './g';\nexport { h } from './h';\n\
        export * from './i';\nexport * as j from './j';\nconsole.log(d, f, g);\nexport const k = () => import('./k');\n";
    let module = compiled("a.ts", source);

    let requests: Vec<_> = module.requests.iter().map(|r| (r.specifier.as_str(), r.line)).collect();
    let lines = [("./d", 1), ("./g", 2), ("./h", 3), ("./i", 4), ("./j", 5), ("./k", 7)];
    assert_eq!(requests, lines.map(|(specifier, line)| (specifier, Some(line))));
    let imports: Vec<_> =
        module.imports.iter().map(|i| (i.specifier.as_str(), i.name.as_str(), i.line)).collect();
    for import in [("./d", "default", Some(1)), ("./d", "e", Some(1)), ("./h", "h", Some(3))] {
        assert!(imports.contains(&import), "{import:?}: {imports:?}");
    }
    assert_eq!(module.exports.iter().map(String::as_str).collect::<Vec<_>>(), ["h", "j", "k"]);
    assert_eq!(module.stars, ["./i"]);
}

#[test]
fn what_cannot_be_compiled_is_a_fault_with_its_line() {
    for (path, source, fault) in [
        ("a.tsx", "export const A = () => (\n  <div>\n    <p>x\n  </div>\n);", "a.tsx:"),
        ("a.ts", "const a = 1;\nconst a = 2;", "a.ts:"),
        ("a.ts", "\n@tag\nclass A {}", "a.ts:2: browsers do not know decorators"),
        ("a.js", "let b;\nconst a = import.meta.glob('./*.js');", "a.js:2: import.meta.glob"),
        ("a.jsx", "export { missing };", "a.jsx:1: "),
    ] {
        let found = faults(path, source);
        assert!(found.first().is_some_and(|first| first.starts_with(fault)), "{source}: {found:?}");
    }
}

#[test]
fn hostile_nesting_is_a_fault() {
    for part in ["(", "[", "a=>", "<a>", "!", "a?b:", "if(a)", "1+", "x?.", "typeof "] {
        let found = faults("a.tsx", &part.repeat(200_000));
        assert!(found[0].contains("nests too deeply"), "{part}: {found:?}");
    }
}
