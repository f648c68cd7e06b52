use proptest::prelude::*;

use super::*;
use crate::parse::parse;

const LIMITS: Limits = Limits { max_files: 5, max_file_bytes: 1_000, max_total_bytes: 2_000 };
const PAGE: (&str, &str) = ("index.html", "<!doctype html><p>Hi");

fn checked(files: &[(&str, &str)], kind: ProjectKind) -> Result<CheckedApp, Vec<Fault>> {
    check(files.iter().map(|(path, content)| GeneratedFile::new(path, content)).collect(), LIMITS, kind)
}

fn codes(files: &[(&str, &str)]) -> Vec<FaultCode> {
    checked(files, ProjectKind::WebApp)
        .map_or_else(|faults| faults.iter().map(|f| f.code).collect(), |_| Vec::new())
}

#[test]
fn accepts_an_application_and_normalizes_its_paths() {
    let app = checked(&[PAGE, (".\\src\\app.js", "let a;\n")], ProjectKind::WebApp).expect("no faults");
    assert_eq!((app.entry.as_str(), app.total_bytes), ("index.html", 27));
    assert_eq!((app.files[1].path.as_str(), app.files[1].language.as_str()), ("src/app.js", "javascript"));
}

#[test]
fn every_kind_of_fault_is_reported() {
    let large = "x".repeat(1_001);
    let half = "x".repeat(700);
    for (files, expected) in [
        (vec![], vec![FaultCode::NoFiles]),
        (vec![PAGE; 6], vec![FaultCode::TooManyFiles]),
        (vec![PAGE, ("a.txt", &large)], vec![FaultCode::FileTooLarge]),
        (vec![PAGE, ("a.txt", &half), ("b.txt", &half), ("c.txt", &half)], vec![FaultCode::AppTooLarge]),
        (vec![PAGE, ("../a.txt", "x")], vec![FaultCode::BadPath]),
        (
            vec![PAGE, ("/a.txt", "x"), (".git/config", "x")],
            vec![FaultCode::BadPath, FaultCode::ReservedPath],
        ),
        (vec![PAGE, ("INDEX.html", "x")], vec![FaultCode::PathConflict]),
        (vec![PAGE, ("a.txt", "x\n\0")], vec![FaultCode::NulByte]),
        (vec![PAGE, ("a.js", "let = {")], vec![FaultCode::SyntaxError]),
        (vec![PAGE, ("a.js", "// ... rest of the code ...")], vec![FaultCode::PartialFile]),
        (vec![("index.html", "<script src=a.js></script>")], vec![FaultCode::MissingFile]),
        (vec![("a.css", "p{}")], vec![FaultCode::NoEntry]),
    ] {
        let mut found = codes(&files);
        found.dedup();
        assert_eq!(found, expected, "{files:?}");
    }
}

#[test]
fn asks_for_an_entry_by_kind() {
    assert!(checked(&[PAGE], ProjectKind::MobileApp).is_ok());
    let faults = checked(&[PAGE], ProjectKind::Api).expect_err("no server");
    assert_eq!((faults.len(), faults[0].code), (1, FaultCode::NoEntry));
    assert!(checked(&[("server.js", "let a;")], ProjectKind::Api).is_ok());
}

#[test]
fn says_where_a_fault_is() {
    let faults =
        checked(&[PAGE, ("a.json", "{\n  \"a\": 1,\n}")], ProjectKind::WebApp).expect_err("a comma too many");
    assert!(faults[0].to_string().starts_with("a.json:3: not valid JSON: "), "{}", faults[0]);
}

#[test]
fn bounds_the_number_of_faults() {
    let broken: Vec<_> = (0..40).map(|at| GeneratedFile::new(&format!("{at}.json"), "{")).collect();
    let limits = Limits { max_files: 100, ..LIMITS };
    assert_eq!(check(broken, limits, ProjectKind::WebApp).expect_err("all are broken").len(), MAX_FAULTS);
}

#[test]
fn accepts_a_parsed_answer_end_to_end() {
    let answer = parse(
        "Books.\n\n```html path=index.html\n<!doctype html>\n<link rel=stylesheet href=styles.css>\n<ul id=books></ul>\n\
         <script src=app.js></script>\n```\n```css path=styles.css\nul { &:hover { color: red } }\n```\n\
         ```js path=app.js\nconst books = [];\n```\n",
        false,
    );
    assert_eq!(answer.faults(), []);
    assert_eq!(check(answer.files, LIMITS, ProjectKind::WebApp).expect("no faults").files.len(), 3);
}

proptest! {
    #[test]
    fn never_panics_on_any_file(path in any::<String>(), content in any::<String>()) {
        let _ = checked(&[(path.as_str(), content.as_str())], ProjectKind::WebApp);
    }

    #[test]
    fn never_panics_on_broken_code(
        ending in prop::sample::select(vec!["html", "css", "js", "tsx", "py", "json", "toml"]),
        parts in prop::collection::vec(prop::sample::select(vec![
            "<", ">", "<script>", "</script", "<style", "=", "\"", "'", "{{", "}}", "{", "}", "(", ")", "/*", "*/", "\\", "<!--",
            "-->", "url(", "é", "\n", "def f():", "class ", "`", "${", "[", "]", "a", "/", " ", "#", "//", "1", ":", ";", "%}",
        ]), 0..40),
    ) {
        let _ = checked(&[(format!("index.{ending}").as_str(), parts.concat().as_str())], ProjectKind::WebApp);
    }

    #[test]
    fn lets_no_path_out_of_the_project(path in "[a./\\\\:~ ]{0,12}") {
        if let Ok(app) = checked(&[PAGE, (path.as_str(), "x")], ProjectKind::WebApp) {
            let inside = &app.files[1].path;
            prop_assert!(!inside.starts_with('/') && !inside.contains('\\') && !inside.contains(':'));
            prop_assert!(inside.split('/').all(|segment| !matches!(segment, "" | "." | "..")));
        }
    }
}
