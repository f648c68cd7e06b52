//! What the policy under which sites are served does to an application.
//!
//! The policy allows scripts of the site alone: no code in the page, none from other hosts, and
//! none made from text. A page that relies on those is dead, which is a fault. Style sheets,
//! fonts, frames and requests to other hosts are not loaded either; without them a page looks
//! different or lacks data, which is a note.

use serde_json::Value;

use super::app::{App, is_tool};
use super::line_of;
use super::page::{self, Page, PagePart, Tag};
use super::script::{Module, RequestKind};
use super::{entry, style};
use crate::fault::{Fault, FaultCode};
use crate::file::GeneratedFile;
use atelier_entities::ProjectKind;

/// Beginnings of the names of events that attributes handle.
const EVENTS: [&str; 22] = [
    "onanimation",
    "onblur",
    "onchange",
    "onclick",
    "oncontextmenu",
    "ondblclick",
    "ondrag",
    "ondrop",
    "onerror",
    "onfocus",
    "oninput",
    "onkey",
    "onload",
    "onmouse",
    "onpointer",
    "onreset",
    "onscroll",
    "onsubmit",
    "ontoggle",
    "ontouch",
    "ontransition",
    "onwheel",
];
/// Folders of pages that a server fills in or a mail carries, and that no site shows.
const ELSEWHERE: [&str; 5] = ["templates", "views", "emails", "coverage", "test"];
/// What to do about code in a page.
const MOVE_CODE: &str = "Move the code to a script file of the project and load it with <script src>; add listeners \
    with addEventListener.";
/// What to do about files of other hosts.
const KEEP_LOCAL: &str = "Make it a file of the project, or list the package in package.json and import it.";

/// The faults and notes of what the policy refuses.
pub(super) fn list_faults(app: &App<'_>) -> Vec<Fault> {
    let pages = app.in_language("html").filter(|file| is_shown(&file.path)).flat_map(of_page);
    let sheets = app.in_language("css").flat_map(|file| of_sheet(file, &file.content, 0));
    let is_loaded = |file: &GeneratedFile| !is_tool(&file.path) && !entry::is_server_source(file);
    let is_in_browser = app.kind != ProjectKind::Api;
    let scripts = app.scripts().filter(|(file, _)| is_in_browser && is_loaded(file) && !app.has_server);
    let scripts = scripts.flat_map(|(file, module)| of_script(file, module));
    pages.chain(sheets).chain(scripts).chain(of_framework(app)).collect()
}

fn is_shown(path: &str) -> bool {
    !path.split('/').any(|part| ELSEWHERE.contains(&part))
}

fn of_page(file: &GeneratedFile) -> Vec<Fault> {
    let page = page::read(&file.content);
    let refused = |at: usize, message: &str, hint: &str| {
        Fault::in_file(&file.path, FaultCode::BlockedByPolicy, message)
            .at_line(line_of(&file.content, at))
            .with_hint(hint)
    };
    let inline = page.parts.iter().find_map(|part| match part {
        PagePart::Script(text, _, at) if !text.trim().is_empty() => Some(*at),
        _ => None,
    });
    let mut faults: Vec<Fault> = inline
        .map(|at| refused(at, "the page holds a script; sites run scripts from files alone", MOVE_CODE))
        .into_iter()
        .collect();
    for tag in &page.tags {
        if let Some((message, hint)) = find_refusal(tag) {
            faults.push(refused(tag.at, &message, hint));
        }
    }
    faults.extend(list_notes(file, &page));
    faults
}

/// What the policy refuses of a tag so that the page is dead.
fn find_refusal(tag: &Tag<'_>) -> Option<(String, &'static str)> {
    let is_external = |name: &str| tag.get(name).is_some_and(is_on_another_host);
    let handler = tag
        .attributes
        .iter()
        .find(|(name, value)| !value.trim().is_empty() && EVENTS.iter().any(|event| name.starts_with(event)));
    if tag.name == "script" && is_external("src") {
        let message =
            format!("the script {} is on another host, from which sites load none", tag.get("src")?);
        return Some((message, KEEP_LOCAL));
    }
    if tag.name == "script" && tag.get("type").is_some_and(|kind| kind.eq_ignore_ascii_case("importmap")) {
        return Some(("the page holds an import map, which sites do not read".to_owned(), KEEP_LOCAL));
    }
    if let Some((name, _)) = handler {
        return Some((format!("the attribute {name} holds code, which sites do not run"), MOVE_CODE));
    }
    let link = tag.get("href").unwrap_or_default().trim_start();
    if link.get(..11).is_some_and(|scheme| scheme.eq_ignore_ascii_case("javascript:")) {
        return Some(("the link holds code, which sites do not run".to_owned(), MOVE_CODE));
    }
    let base = tag.name == "base" && tag.get("href").is_some();
    base.then(|| ("sites ignore <base>".to_owned(), "Leave out <base> and use relative addresses."))
}

/// The notes of what the policy leaves out of a page.
fn list_notes(file: &GeneratedFile, page: &Page<'_>) -> Vec<Fault> {
    let mut notes = Vec::new();
    for tag in &page.tags {
        let is_style = tag.get("rel").is_some_and(|rel| rel.to_ascii_lowercase().contains("stylesheet"));
        let (name, what) = match tag.name.as_str() {
            "link" if is_style => ("href", "the style sheet"),
            "iframe" | "embed" => ("src", "the frame"),
            "video" | "audio" | "track" => ("src", "the recording"),
            "form" => ("action", "the form's address"),
            _ => continue,
        };
        if let Some(address) = tag.get(name).filter(|address| is_on_another_host(address)) {
            notes.push(note(
                file,
                tag.at,
                &format!("{what} {address} is on another host, which sites do not use"),
            ));
        }
    }
    for part in &page.parts {
        if let PagePart::Style(text, at) = part {
            notes.extend(of_sheet(file, text, *at));
        }
    }
    notes
}

/// The notes of the text of a style sheet that begins at that byte of the file. Pictures of
/// other hosts are loaded.
fn of_sheet(file: &GeneratedFile, sheet: &str, start: usize) -> Vec<Fault> {
    let addresses =
        style::list_addresses(sheet).into_iter().filter(|(address, _)| is_on_another_host(address));
    let refused = addresses.filter(|(address, _)| {
        let path = address.split(['?', '#']).next().unwrap_or_default();
        let is_font = [".woff2", ".woff", ".ttf", ".otf"].iter().any(|ending| path.ends_with(ending));
        is_font || address.contains("fonts.") || path.ends_with(".css")
    });
    let message =
        |address: &str| format!("{address} is on another host, from which sites load no style or font");
    refused.map(|(address, at)| note(file, start + at, &message(address))).collect()
}

fn of_script(file: &GeneratedFile, module: &Module) -> Vec<Fault> {
    let fault = |at: usize, code: FaultCode, message: &str, hint: &str| {
        Fault::in_file(&file.path, code, message).at_line(line_of(&file.content, at)).with_hint(hint)
    };
    let evaluated = module.evaluations.first().map(|at| {
        let hint = "Write the code itself instead of making it from text.";
        fault(*at, FaultCode::BlockedByPolicy, "code is made from text, which sites do not run", hint)
    });
    let requests = module.requests.iter().filter(|request| is_on_another_host(&request.specifier));
    let external = requests.filter_map(|request| {
        let specifier = &request.specifier;
        match request.kind {
            RequestKind::Statement if !request.is_type => {
                let message =
                    format!("the module {specifier} is on another host, from which sites load none");
                Some(fault(request.at, FaultCode::BlockedByPolicy, &message, KEEP_LOCAL))
            }
            RequestKind::Fetch => {
                let message = format!("sites make no requests to other hosts, such as {specifier}");
                Some(note(file, request.at, &message))
            }
            _ => None,
        }
    });
    evaluated.into_iter().chain(external).collect()
}

/// The fault of an application that only the server of its framework can show.
fn of_framework(app: &App<'_>) -> Option<Fault> {
    if !matches!(app.kind, ProjectKind::WebApp | ProjectKind::LandingPage) {
        return None;
    }
    app.files.iter().filter(|file| super::app::file_name(&file.path) == "package.json").find_map(|file| {
        let manifest: Value = serde_json::from_str(&file.content).ok()?;
        let name = ["next", "nuxt", "gatsby", "@remix-run/react", "@sveltejs/kit", "astro"]
            .into_iter()
            .find(|name| manifest["dependencies"].get(name).is_some())?;
        let line = file.content.find(&format!("\"{name}\"")).map_or(1, |at| line_of(&file.content, at));
        let message =
            format!("{name} needs a server of its own, so that the preview cannot show the application");
        let fault = Fault::in_file(&file.path, FaultCode::NotPreviewable, &message).at_line(line);
        Some(fault.with_hint("Write a React application with Vite: index.html, src/main.tsx and components."))
    })
}

fn note(file: &GeneratedFile, at: usize, message: &str) -> Fault {
    Fault::in_file(&file.path, FaultCode::NotLoaded, message).at_line(line_of(&file.content, at))
}

fn is_on_another_host(address: &str) -> bool {
    let lower = address.trim_start().get(..8).unwrap_or(address.trim_start()).to_ascii_lowercase();
    ["http://", "https://", "//"].iter().any(|scheme| lower.starts_with(scheme))
}

#[cfg(test)]
mod tests;
