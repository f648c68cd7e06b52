//! References of pages and style sheets.

use super::{is_served, local, missing};
use crate::check::app::{App, file_name};
use crate::check::page::{self, PagePart, Tag};
use crate::check::style;
use crate::fault::{Fault, FaultCode};
use crate::file::GeneratedFile;

/// Relations of links to files without which a page works.
const OPTIONAL: [&str; 5] = ["icon", "apple-touch-icon", "manifest", "preload", "prefetch"];

/// The faults and notes of the references of pages and style sheets.
pub(super) fn list_faults(app: &App<'_>) -> Vec<Fault> {
    let pages = app.in_language("html").flat_map(|file| of_page(app, file));
    let sheets = app.in_language("css").flat_map(|file| of_sheet(app, file, &file.content, 0));
    pages.chain(sheets).collect()
}

fn of_page(app: &App<'_>, file: &GeneratedFile) -> Vec<Fault> {
    let page = page::read(&file.content);
    let mut faults = Vec::new();
    for tag in &page.tags {
        for (address, code) in addresses(tag) {
            let Some(path) = local(address) else { continue };
            if is_file(tag, path) && !is_served(app, &file.path, path) {
                faults.push(missing(app, file, code, path, tag.at));
            }
        }
    }
    for part in &page.parts {
        if let PagePart::Style(text, at) = part {
            faults.extend(of_sheet(app, file, text, *at));
        }
    }
    faults
}

/// The addresses that a tag names, with the code of the fault if the file is missing.
fn addresses<'a>(tag: &Tag<'a>) -> Vec<(&'a str, FaultCode)> {
    let names: &[&str] = match tag.name.as_str() {
        "script" | "img" | "source" | "track" | "audio" | "iframe" | "embed" | "input" => &["src"],
        "video" => &["src", "poster"],
        "a" | "area" => &["href"],
        "link" => &["href"],
        "form" => &["action"],
        "object" => &["data"],
        _ => &[],
    };
    let relation = tag.get("rel").unwrap_or_default().to_ascii_lowercase();
    let is_optional = relation.split_whitespace().any(|one| OPTIONAL.contains(&one));
    let code = if is_optional { FaultCode::MissingAsset } else { FaultCode::MissingFile };
    let single = names.iter().filter_map(|name| tag.get(name)).map(|address| (address, code));
    let set = tag.get("srcset").filter(|set| !set.contains("data:")).unwrap_or_default();
    let listed = set.split(',').filter_map(|one| one.split_whitespace().next());
    single.chain(listed.map(|address| (address, FaultCode::MissingFile))).collect()
}

/// Whether the path that a tag names is a file: links and forms may name a view of the
/// application, such as `/about`, which no file stands for.
fn is_file(tag: &Tag<'_>, path: &str) -> bool {
    let has_ending = file_name(path).rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty()
            && (1..=11).contains(&ending.len())
            && ending.chars().all(|c| c.is_ascii_alphanumeric())
    });
    match tag.name.as_str() {
        "a" | "area" | "form" | "iframe" => {
            has_ending && !tag.attributes.iter().any(|(name, _)| name == "download")
        }
        "link" => has_ending,
        _ => has_ending || tag.name == "script",
    }
}

/// The references of the text of a style sheet that begins at that byte of the file.
fn of_sheet(app: &App<'_>, file: &GeneratedFile, sheet: &str, start: usize) -> Vec<Fault> {
    let addresses = style::list_addresses(sheet).into_iter();
    let missing_one = |(address, at): (&str, usize)| {
        let path = local(address).filter(|path| !path.starts_with(['~', '@']))?;
        let is_package = app.is_built && !path.starts_with(['.', '/']) && !path.contains('.');
        (!is_package && !is_served(app, &file.path, path))
            .then(|| missing(app, file, FaultCode::MissingFile, path, start + at))
    };
    addresses.filter_map(missing_one).collect()
}
