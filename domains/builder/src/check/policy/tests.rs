use super::*;
use crate::check::script::with_deep_stack;

fn found(files: &[(&str, &str)], kind: ProjectKind) -> Vec<(FaultCode, u32)> {
    let files: Vec<_> = files.iter().map(|(path, content)| GeneratedFile::new(path, content)).collect();
    let faults = with_deep_stack(|| list_faults(&App::read(&files, kind)));
    faults.iter().map(|fault| (fault.code, fault.line.unwrap_or_default())).collect()
}

#[test]
fn a_page_that_the_policy_kills_is_a_fault() {
    for page in [
        "<script src=\"https://cdn.tailwindcss.com\"></script>",
        "<script src=//unpkg.com/react@18/umd/react.js></script>",
        "<script>start();</script>",
        "<script type=module>import './a.js'</script>",
        "<script type=\"text/babel\">const A = () => <p/>;</script>",
        "<script type=importmap>{\"imports\": {}}</script>",
        "<button onclick=\"go()\">Go</button>",
        "<body onload=start()>",
        "<a href=\"JavaScript:go()\">Go</a>",
        "<base href=\"/x/\">",
    ] {
        let page = format!("<!doctype html>\n{page}");
        let expected = [(FaultCode::BlockedByPolicy, 2)];
        assert_eq!(found(&[("index.html", &page)], ProjectKind::WebApp), expected, "{page}");
        assert_eq!(found(&[("web/index.html", &page)], ProjectKind::WebApp), expected, "{page}");
        assert_eq!(found(&[("templates/index.html", &page)], ProjectKind::WebApp), [], "{page}");
    }
}

#[test]
fn what_only_looks_different_is_a_note() {
    for (path, content) in [
        ("index.html", "\n<link rel=stylesheet href=https://fonts.googleapis.com/css2?family=Inter>"),
        ("index.html", "<style>\n@import url('https://fonts.googleapis.com/css2?family=Inter');</style>"),
        ("index.html", "\n<iframe src=\"https://www.youtube.com/embed/x\"></iframe>"),
        ("index.html", "\n<form action=\"https://formspree.io/f/x\" method=post></form>"),
        ("a.css", "\n@font-face { src: url(https://cdn.example/a.woff2?v=1) }"),
        ("a.js", "\nfetch('https://api.example/v1').then(show);"),
    ] {
        let expected = [(FaultCode::NotLoaded, 2)];
        assert_eq!(found(&[(path, content)], ProjectKind::WebApp), expected, "{content}");
        assert!(FaultCode::NotLoaded.is_note());
    }
}

#[test]
fn what_the_policy_allows_is_neither() {
    for (path, content) in [
        ("index.html", "<script src=app.js></script><style>p{}</style><p style='color:red' data-onclick=x>"),
        ("index.html", "<script type='application/ld+json'>{}</script><img src=https://x.example/a.png>"),
        (
            "index.html",
            "<a href=https://example.org>x</a><script></script><link rel=preconnect href=https://x.example>",
        ),
        ("a.css", "a { background: url(https://x.example/a.png) }"),
        ("a.js", "const evaluation = model.eval(1); fetch('/api/x'); element.onclick = go;"),
        ("build/vite.config.js", "import x from 'https://esm.sh/x'; eval('1');"),
    ] {
        assert_eq!(found(&[(path, content)], ProjectKind::WebApp), [], "{content}");
    }
}

#[test]
fn code_from_text_and_from_other_hosts_is_a_fault_in_a_browser_alone() {
    let script = "import confetti from 'https://esm.sh/canvas-confetti';\nconfetti(eval('1'));";
    let expected = [(FaultCode::BlockedByPolicy, 2), (FaultCode::BlockedByPolicy, 1)];
    assert_eq!(found(&[("src/a.js", script)], ProjectKind::WebApp), expected);
    assert_eq!(found(&[("src/a.js", script)], ProjectKind::Api), []);
}

#[test]
fn a_framework_with_a_server_of_its_own_cannot_be_shown() {
    let manifest = "{\n  \"dependencies\": {\n    \"next\": \"15.0.0\"\n  }\n}";
    assert_eq!(found(&[("package.json", manifest)], ProjectKind::WebApp), [(FaultCode::NotPreviewable, 3)]);
    assert_eq!(found(&[("package.json", manifest)], ProjectKind::Api), []);
    assert_eq!(
        found(&[("package.json", "{\"dependencies\": {\"next-themes\": \"1\"}}")], ProjectKind::WebApp),
        []
    );
}
