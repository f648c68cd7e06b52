//! A web application: static files that keep their data in the browser.

use serde_json::json;

use crate::brief::AppBrief;
use crate::render::{File, json_file, palette_of, render, script_json};
use crate::text::fingerprint;
use crate::texts::strings;

/// The files of a web application, without the documents.
pub(crate) fn files(brief: &AppBrief) -> Result<Vec<File>, minijinja::Error> {
    let mut files = vec![page(brief, false)?];
    files.extend(parts(brief)?);
    Ok(files)
}

/// `index.html`; `mobile` adds the tags of an installable application.
pub(crate) fn page(brief: &AppBrief, mobile: bool) -> Result<File, minijinja::Error> {
    let mut scripts = vec!["schema.js", "store.js", "ui.js", "form.js"];
    if brief.advanced {
        scripts.extend(["detail.js", "insights.js"]);
    }
    scripts.push("app.js");
    if mobile {
        scripts.push("mobile.js");
    }
    let values = json!({
        "title": brief.title,
        "tagline": brief.tagline,
        "language": brief.language,
        "palette": palette_of(brief),
        "strings": strings(brief.language),
        "scripts": scripts,
        "mobile": mobile,
    });
    Ok(File::new("index.html", render("index.html", include_str!("templates/web_app/index.html"), values)?))
}

/// The style, the scripts and, in an advanced application, the tests.
pub(crate) fn parts(brief: &AppBrief) -> Result<Vec<File>, minijinja::Error> {
    let mut files = vec![
        style(brief)?,
        schema(brief),
        File::new("store.js", include_str!("templates/shared/store.js")),
        File::new("ui.js", include_str!("templates/shared/ui.js")),
        File::new("form.js", include_str!("templates/shared/form.js")),
        File::new("app.js", include_str!("templates/shared/app.js")),
    ];
    if brief.advanced {
        files.push(File::new("detail.js", include_str!("templates/shared/detail.js")));
        files.push(File::new("insights.js", include_str!("templates/shared/insights.js")));
        files.push(File::new("tests/store.test.js", include_str!("templates/shared/store.test.js")));
        files.push(json_file("package.json", &package(brief)));
    }
    Ok(files)
}

fn style(brief: &AppBrief) -> Result<File, minijinja::Error> {
    let values = json!({ "palette": palette_of(brief) });
    let mut style = render("base.css", include_str!("templates/shared/styles/base.css"), values)?;
    let parts = [
        include_str!("templates/shared/styles/header.css"),
        include_str!("templates/shared/styles/page.css"),
        include_str!("templates/shared/styles/controls.css"),
        include_str!("templates/shared/styles/cards.css"),
        include_str!("templates/shared/styles/form.css"),
        include_str!("templates/shared/styles/message.css"),
    ];
    let extras = brief.advanced.then_some(include_str!("templates/shared/styles/extras.css"));
    let screens = include_str!("templates/shared/styles/screens.css");
    style.extend(parts.into_iter().chain(extras).chain([screens]));
    Ok(File::new("styles.css", style.trim_end().to_owned() + "\n"))
}

fn schema(brief: &AppBrief) -> File {
    let value = json!({
        "title": brief.title,
        "slug": brief.slug,
        "storageKey": format!("{}-{}", brief.slug, fingerprint(&[&brief.title])),
        "language": brief.language,
        "currency": brief.currency,
        "entities": brief.entities,
        "strings": strings(brief.language),
    });
    let head = "\"use strict\";\n\n/* What the application keeps, and its texts. Written by Atelier's scaffold provider. */\n";
    File::new("schema.js", format!("{head}globalThis.AppSchema = {};\n", script_json(&value)))
}

fn package(brief: &AppBrief) -> serde_json::Value {
    json!({
        "name": brief.slug,
        "version": "1.0.0",
        "private": true,
        "description": brief.tagline,
        "scripts": { "test": "node --test" },
        "engines": { "node": ">=20" },
    })
}
