//! A mobile application: the web application, installable and usable offline.

use serde_json::json;

use crate::brief::AppBrief;
use crate::render::{File, json_file, palette_of, render};
use crate::text::{fingerprint, first_sentence};
use crate::web_app;

/// The files of a mobile application, without the documents.
pub(crate) fn files(brief: &AppBrief) -> Result<Vec<File>, minijinja::Error> {
    let mut files = vec![web_app::page(brief, true)?];
    files.extend(web_app::parts(brief)?);
    files.push(File::new("mobile.css", include_str!("templates/mobile_app/mobile.css")));
    files.push(File::new("mobile.js", include_str!("templates/mobile_app/mobile.js")));
    files.push(manifest(brief));
    let worker = service_worker(brief, &files)?;
    files.push(worker);
    Ok(files)
}

fn manifest(brief: &AppBrief) -> File {
    let value = json!({
        "name": brief.title,
        "short_name": first_sentence(&brief.title, 14),
        "description": brief.tagline,
        "lang": brief.language,
        "start_url": ".",
        "scope": ".",
        "display": "standalone",
        "background_color": "#f6f6f4",
        "theme_color": palette_of(brief).accent,
        "icons": [{ "src": "icon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any" }],
    });
    json_file("manifest.json", &value)
}

/// The name of the service worker's cache is a hash of the files, so that each change makes a
/// new cache.
fn service_worker(brief: &AppBrief, files: &[File]) -> Result<File, minijinja::Error> {
    let contents: Vec<&str> = files.iter().map(|file| file.content.as_str()).collect();
    let offline = files.iter().map(|file| file.path.as_str());
    let offline = offline.filter(|path| !path.starts_with("tests/") && *path != "package.json");
    let offline: Vec<&str> = ["./", "icon.svg"].into_iter().chain(offline).collect();
    let values = json!({ "slug": brief.slug, "version": fingerprint(&contents), "files": offline });
    Ok(File::new("sw.js", render("sw.js", include_str!("templates/mobile_app/sw.js"), values)?))
}
