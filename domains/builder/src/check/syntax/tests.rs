use super::*;

fn lines(path: &str, content: &str) -> Vec<u32> {
    faults(path, content).iter().filter_map(|fault| fault.line).collect()
}

fn faults(path: &str, content: &str) -> Vec<Fault> {
    script::with_deep_stack(|| list_syntax_faults(&GeneratedFile::new(path, content)))
}

#[test]
fn accepts_what_modern_code_looks_like() {
    for (path, content) in [
        (
            "a.js",
            "import d from './d.json' with { type: 'json' };\nconst { a = 1, ...r } = o?.b?.[c] ?? {};\na ||= await f(`x${`y${1}`}`);",
        ),
        (
            "a.js",
            "class A { static #p = 1_000n; static { this.#p ??= 2 } async *g() { for await (const x of y) {} } }",
        ),
        (
            "a.js",
            "const App = () => <><Foo {...p} a-b=\"1\" /> it's &amp; {/* c */} <A.B>{x => <i/>}</A.B></>;",
        ),
        (
            "a.jsx",
            "export default function App() { return (<ul>{books.map(b => <li key={b.id}>{b.title}</li>)}</ul>); }",
        ),
        (
            "a.ts",
            "type M<T> = { readonly [K in keyof T as `get${Capitalize<K & string>}`]-?: T[K] };\nlet v = <any>y satisfies M<A>;",
        ),
        (
            "a.ts",
            "abstract class D<const T = {}> extends E { constructor(private readonly a: string, @I() public b?: number) { super(); } }",
        ),
        ("a.tsx", "const f = <T,>(a: T) => <Foo<string> a={a!}>{a as string}</Foo>;"),
        (
            "a.py",
            "match x:\n    case {\"a\": [1, *r], **k} if y: pass\n    case _: print(f\"{d[\"k\"]!r:>{w}}\")\n",
        ),
        (
            "a.py",
            "type A[T] = list[T]\nasync def f[T](a, /, *, b: int = 1) -> T: ...\nif (n := 1) > 0: pass\n",
        ),
        ("a.css", "@layer a, b; .x { &:is(.y, :has(> z)) { width: calc(100% - (2 * var(--w))) } }"),
        (
            "a.html",
            "<!doctype html><title>A & B</title><p>one<p>3 < 4<br/><script type=module>let a = '<p>'</script>",
        ),
        ("a.json", "{\"a\": [1, null]}"),
        ("tsconfig.json", "{ // comments are allowed here\n \"a\": 1, }"),
        ("a.toml", "[a]\nb = 1\n"),
        ("a.md", "# [ (\" {"),
        ("a.yaml", "a: [b"),
        ("empty.js", ""),
        ("empty.css", ""),
        ("__init__.py", ""),
    ] {
        assert_eq!(faults(path, content), [], "{path} {content}");
    }
}

#[test]
fn syntax_errors_are_reported_with_their_lines() {
    for (path, content, expected) in [
        ("a.js", "let a;\nconst b = [1, 2;\n", 2),
        ("a.js", "Here is the code that you wanted\n", 1),
        ("a.js", "let a;\nlet s = 'x;\nf();\n", 2),
        ("a.jsx", "const a = (\n<div>\n<p>x</div>\n);", 3),
        ("a.ts", "let a;\nconst b: = 2;\n", 2),
        ("a.tsx", "const a = <div>{</div>;\n", 1),
        ("a.py", "x = 1\ndef f(:\n    pass\n", 2),
        ("a.py", "x = 1\ndef f():\nreturn 1\n", 2),
        ("a.py", "if x\n    y = 1\n", 1),
        ("a.css", "p {}\n.a { color: red;\n.b { }\n", 2),
        ("a.html", "<p>\n<a href=\"x>y</a>\n", 2),
        ("a.html", "<p>\n<script>\nlet a = {;\n</script>\n", 3),
        ("a.html", "<p>\n<style>\np { color: red\n</style>\n", 3),
        ("a.json", "{\n\"a\": 1,\n}", 3),
        ("a.json", "", 1),
        ("a.toml", "[a]\nb = = 1\n", 2),
    ] {
        assert_eq!(lines(path, content).first(), Some(&expected), "{path} {content}");
    }
}

#[test]
fn the_faults_of_a_file_and_their_messages_are_bounded() {
    let content = "let = = {;\n".repeat(200);
    let faults = faults("a.js", &content);
    assert!((1..=MAX_FAULTS_A_FILE).contains(&faults.len()));
    assert!(faults.iter().all(|fault| fault.message.chars().count() < 100));
}

#[test]
fn reads_deep_nesting() {
    for (path, part) in
        [("a.js", "("), ("a.ts", "["), ("a.py", "("), ("a.css", "{"), ("a.json", "["), ("a.toml", "a=[")]
    {
        assert!(!lines(path, &part.repeat(20_000)).is_empty(), "{path}");
    }
}
