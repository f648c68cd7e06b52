use super::*;

fn errors(content: &str) -> Vec<(u32, String)> {
    let errors = list_errors(content, 3).expect("read");
    errors.into_iter().map(|error| (error.line, error.message)).collect()
}

#[test]
fn ordinary_python_has_no_error() {
    for content in [
        "import os\n\n\nclass A:\n    \"\"\"x\n  y\n\"\"\"\n\n    def f(self):\n        return [\n  1,\n 2]\n",
        "def f():\n\tif a:\n\t\treturn 1\n\telse:\n\t\tyield 2\n# end\n",
        "if a: b; c\nfor x in y:\n    pass; z\n  # a comment elsewhere\n    w\nelse:\n    v\n",
        "try:\n    a\nexcept E as e:\n    b\nfinally:\n    c\n@d\ndef f(\n    a,\n): ...\n",
        "f = lambda: (yield)\nasync def g():\n    async with a as b:\n        return await b\n",
        "match a:\n    case 1:\n        b\n    case _:\n        c\nx = '''\n  return\n'''\n",
        "",
    ] {
        assert_eq!(errors(content), [], "{content}");
    }
}

#[test]
fn a_dedent_to_a_level_that_never_existed_is_an_error() {
    for (content, line) in [
        ("if a:\n        b\n    c\n", 3),
        ("def f():\n    a\n  b\n", 3),
        ("class A:\n    def f(self):\n        a\n      b\n", 4),
        ("  a\n", 1),
    ] {
        assert_eq!(errors(content).first().map(|(line, _)| *line), Some(line), "{content}");
    }
}

#[test]
fn return_and_yield_need_a_function() {
    for (content, line) in [
        ("a = 1\nreturn a\n", 2),
        ("class A:\n    return 1\n", 2),
        ("if a:\n    yield 1\n", 2),
        ("x = 1\nif x:\n    return\n", 3),
    ] {
        let found = errors(content);
        assert_eq!(found.first().map(|(line, _)| *line), Some(line), "{content} {found:?}");
        assert!(found[0].1.contains("inside functions"), "{found:?}");
    }
}
