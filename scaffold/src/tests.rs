use std::collections::BTreeSet;
use std::sync::Mutex;

use super::*;
use atelier_providers::llm::{Message, Role};

const HOSTILE: &str =
    "</script><script>alert('x')</script>\" ' ` ``` ${7*7} {{ 7*7 }} {% raw %} */ --> <!-- \\ \u{2028}";

fn request(title: &str, description: &str, kind: AppKind, effort: Effort) -> GenerationRequest {
    GenerationRequest {
        title: title.to_owned(),
        kind,
        description: description.to_owned(),
        effort,
        messages: vec![Message { role: Role::User, content: "ignored".to_owned() }],
        previous_files: Vec::new(),
    }
}

fn written(request: &GenerationRequest) -> Vec<File> {
    files(&AppBrief::of(request)).expect("every brief has its files")
}

fn find<'a>(files: &'a [File], path: &str) -> &'a str {
    files.iter().find(|file| file.path == path).map_or("", |file| file.content.as_str())
}

fn requests() -> impl Iterator<Item = GenerationRequest> {
    let texts = [
        ("Reading list", "A reading list with authors, ratings and a search box"),
        (
            "Ma boutique",
            "Une boutique avec des produits, des clients et des commandes, des tarifs à 9 € et une FAQ",
        ),
        ("書籍リスト", "本の一覧"),
        (HOSTILE, HOSTILE),
        ("", ""),
    ];
    texts.into_iter().flat_map(|(title, description)| {
        AppKind::ALL.into_iter().flat_map(move |kind| {
            [Effort::Quick, Effort::Advanced]
                .into_iter()
                .map(move |effort| request(title, description, kind, effort))
        })
    })
}

#[test]
fn every_kind_and_effort_gives_whole_files_with_safe_unique_paths() {
    for request in requests() {
        let files = written(&request);
        let paths: BTreeSet<String> = files.iter().map(|file| file.path.to_lowercase()).collect();
        assert_eq!(paths.len(), files.len(), "{:?}", request.kind);
        for file in &files {
            assert!(!file.content.trim().is_empty(), "{}", file.path);
            assert!(!file.content.contains('\0'));
            assert!(
                file.path.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c))
                    && !file.path.starts_with(['/', '.'])
            );
            if file.path.ends_with(".json") {
                serde_json::from_str::<serde_json::Value>(&file.content)
                    .unwrap_or_else(|error| panic!("{}: {error}", file.path));
            }
        }
        for path in ["index.html", "styles.css", "README.md", "scaffold.json", "icon.svg"] {
            assert!(paths.contains(&path.to_lowercase()), "{path} of {:?}", request.kind);
        }
        assert!(find(&files, "README.md").contains("scaffold"));
        assert!(find(&files, "scaffold.json").contains("atelier/scaffold"));
    }
}

#[test]
fn advanced_applications_have_more_files_than_quick_ones() {
    for (kind, extra) in [
        (AppKind::WebApp, "tests/store.test.js"),
        (AppKind::MobileApp, "detail.js"),
        (AppKind::Api, "insights.js"),
    ] {
        let has =
            |effort| !find(&written(&request("Books", "Books with authors", kind, effort)), extra).is_empty();
        assert!(has(Effort::Advanced) && !has(Effort::Quick), "{extra}");
    }
}

#[test]
fn pages_need_no_inline_code_and_no_other_host() {
    for request in requests() {
        let files = written(&request);
        let html = find(&files, "index.html");
        for forbidden in [
            "<style",
            " style=",
            " onclick=",
            " onload=",
            "javascript:",
            "src=\"http",
            "href=\"http",
            "alert('x')",
        ] {
            assert!(!html.contains(forbidden), "{forbidden} in {:?}", request.kind);
        }
        assert!(html.split("<script").skip(1).all(|tag| tag.starts_with(" src=\"")));
        let css = find(&files, "styles.css");
        assert!(!css.contains("url(") && !css.contains("@import"));
    }
}

#[test]
fn user_input_is_escaped() {
    let files = written(&request("<b>Tom & \"Co\"</b>", HOSTILE, AppKind::WebApp, Effort::Quick));
    let html = find(&files, "index.html");
    assert!(html.contains("<title>&lt;b&gt;Tom &amp; &quot;Co&quot;&lt;&#x2f;b&gt;</title>"), "{html}");
    let script = find(&files, "schema.js");
    assert!(!script.contains("</") && !script.contains('\u{2028}'));
    let json =
        script.split_once("AppSchema = ").map_or("", |(_, json)| json).trim_end().trim_end_matches(';');
    let schema: serde_json::Value = serde_json::from_str(json).expect("the schema is JSON");
    assert_eq!(schema["title"], "<b>Tom & \"Co\"</b>");
    assert!(find(&files, "README.md").starts_with("# &lt;b>Tom"));
}

#[test]
fn a_fence_is_longer_than_any_inside_its_file() {
    let text = block(&File::new("README.md", "a ```` b\n```\n"));
    assert!(text.contains("\n`````markdown path=README.md\n") && text.ends_with("\n`````\n"));
    assert!(block(&File::new("a.js", "x")).contains("```js path=a.js\nx\n```\n"));
}

#[test]
fn every_file_an_offline_page_keeps_is_written() {
    let files = written(&request("Books", "Books", AppKind::MobileApp, Effort::Advanced));
    let worker = find(&files, "sw.js");
    let kept: Vec<&str> =
        worker.lines().filter_map(|line| line.strip_prefix("  \"")?.strip_suffix("\",")).collect();
    assert!(kept.len() > 8);
    assert!(kept.iter().all(|path| *path == "./" || files.iter().any(|file| file.path == *path)), "{kept:?}");
}

#[test]
fn a_landing_page_shows_the_offers_of_the_description() {
    let text = "A landing page for a yoga studio with morning classes, a sauna and pricing. One class is 15 €. Write to hi@yoga.example.";
    let files = written(&request("Slow", text, AppKind::LandingPage, Effort::Advanced));
    let html = find(&files, "index.html");
    for part in
        ["A yoga studio", "Morning classes", "Sauna", "15 €", "id=\"faq\"", "data-email=\"hi@yoga.example\""]
    {
        assert!(html.contains(part), "{part}");
    }
}

#[tokio::test]
async fn the_pieces_are_the_answer_and_the_answer_is_always_the_same() {
    let request = request(
        "Reading list",
        "A reading list with authors, ratings and a search box",
        AppKind::WebApp,
        Effort::Quick,
    );
    let pieces = Mutex::new(Vec::new());
    let sink = |event: StreamEvent| {
        if let StreamEvent::Delta { text } = event {
            pieces.lock().expect("nobody panicked").push(text);
        }
    };
    let answer = Scaffold.generate(&request, &sink).await.expect("it always answers");
    let again = Scaffold.generate(&request, &|_| ()).await.expect("it always answers");
    let pieces = pieces.into_inner().expect("nobody panicked");
    assert_eq!(pieces.concat(), answer.text);
    assert_eq!(pieces.len(), written(&request).len() + 1);
    assert_eq!(answer, again);
    assert_eq!((answer.model.as_str(), answer.truncated), ("scaffold-quick", false));
    assert!(answer.text.contains("scaffold") && answer.text.contains("```html path=index.html\n"));
}

async fn answer(request: &GenerationRequest) -> Result<Completion, LlmError> {
    Scaffold.generate(request, &|_| ()).await
}

#[tokio::test]
async fn a_description_that_names_nothing_is_refused_in_its_language() {
    for (text, part) in [
        ("A calculator", "Without a language model"),
        ("Une calculatrice pour mes enfants", "Sans modèle de langue"),
        ("Una calculadora para los niños", "Sin modelo de lenguaje"),
        ("Ein Taschenrechner für die Schule", "Ohne Sprachmodell"),
        ("Uma calculadora para a escola", "Sem modelo de linguagem"),
        (".", "Without a language model"),
    ] {
        let request = request("x", text, AppKind::WebApp, Effort::Quick);
        let Err(LlmError::NotUnderstood { message }) = answer(&request).await else {
            panic!("{text} was understood")
        };
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn the_summary_says_what_was_not_understood() {
    let text = "Books with authors and a calendar. The logo spins when it rains";
    let request = request("Books", text, AppKind::WebApp, Effort::Quick);
    let completion = answer(&request).await.expect("books are understood");
    let summary = completion.text.split("\n\n```").next().unwrap_or_default();
    assert!(summary.contains("Not understood, and therefore not included: “The logo spins when it rains”."));
    assert!(summary.contains("Asked for, but not included: Calendar view."), "{summary}");
    assert!(completion.text.contains("## Not understood"), "the README says it too");
}

#[tokio::test]
async fn a_change_that_changes_no_file_is_refused() {
    let mut request = request("Books", "Books with authors", AppKind::WebApp, Effort::Quick);
    request.previous_files = written(&request).into_iter().map(|file| (file.path, file.content)).collect();
    request.description.push_str("\n\nMake it sparkle");
    let refused = answer(&request).await;
    assert!(matches!(refused, Err(LlmError::NotUnderstood { .. })), "{refused:?}");

    request.description.push_str("\n\nAdd quotes with pages and a publisher");
    assert!(answer(&request).await.is_ok(), "there are fields to add");
}

#[test]
fn a_page_is_in_one_language() {
    for (text, code, own, others) in [
        ("Rezepte mit Zutaten und Bewertung", "de", "Rezepte", ["Recipes", "Recettes", "Search"]),
        ("Recetas con ingredientes y valoración", "es", "Recetas", ["Recipes", "Recettes", "Search"]),
        ("Receitas com ingredientes e avaliação", "pt", "Receitas", ["Recipes", "Recettes", "Search"]),
        ("Des recettes avec des ingrédients et une note", "fr", "Recettes", ["Recipes", "Rezepte", "Search"]),
    ] {
        let files = written(&request("", text, AppKind::WebApp, Effort::Advanced));
        assert!(find(&files, "index.html").contains(&format!("<html lang=\"{code}\">")), "{text}");
        let schema = find(&files, "schema.js");
        assert!(schema.contains(own), "{text}");
        assert!(others.iter().all(|other| !schema.contains(other)), "{text}");
    }
}
