//! Compiles React applications for the preview, without Node.js.
//!
//! A project as Vite builds it becomes native ES modules: each script without its types and
//! JSX under an address of its own, each specifier the relative address of another module.
//! Import maps would be inline scripts, which the policy of sites forbids. The libraries are
//! those of [`LIBRARIES`]. The sources stay as they are.

mod graph;
mod libraries;
mod module;
mod page;
mod resolve;
mod style;

use std::collections::BTreeMap;

use crate::{
    check::script::with_deep_stack,
    fault::{Fault, FaultCode},
    file::GeneratedFile,
};
use graph::Graph;
pub use libraries::{FOLDER as LIBRARY_FOLDER, NAMES as LIBRARIES, are_embedded};
use page::Page;
use resolve::Project;

/// Maximum number of faults of one compilation.
const MAX_FAULTS: usize = 20;

/// The page that a site shows under paths that are no files: the routes of a browser router.
pub(crate) const ROUTES_PAGE: &str = "200.html";

/// The extensions of files that are published as they are.
const PUBLISHED: [&str; 9] = ["html", "css", "svg", "txt", "xml", "webmanifest", "ico", "csv", "vtt"];

/// Where a site is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the root of a host of its own.
    Host,
    /// In a folder of this instance.
    Folder,
}

impl Place {
    /// What addresses of the site's files begin with.
    const fn base(self) -> &'static str {
        match self {
            Self::Host => "/",
            Self::Folder => "./",
        }
    }
}

/// A compiled application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompiledSite {
    /// The files of the site by their paths.
    pub files: BTreeMap<String, String>,
    /// What works differently than after a build by Vite. Notes for people.
    pub notes: Vec<Fault>,
}

/// The page of a project that only a bundler or this compiler can show: the `index.html`
/// nearest to the root that loads a script in TypeScript or JSX, or that stands beside a
/// `package.json` with Vite and loads a script of the project. None for other projects.
#[must_use]
pub fn find_page(files: &[GeneratedFile]) -> Option<&GeneratedFile> {
    let pages = files.iter().filter(|file| file.path == "index.html" || file.path.ends_with("/index.html"));
    let pages = pages.filter(|page| {
        let root = root_of(page);
        let project = Project::new(files, root);
        let scripts = Page::new(page, &project).scripts();
        let uses_vite = project
            .find(&format!("{root}package.json"))
            .is_some_and(|manifest| names_vite(&manifest.content));
        let needs_compiler = |path: &String| !matches!(resolve::extension(path), "js" | "mjs");
        scripts.iter().any(needs_compiler) || (uses_vite && !scripts.is_empty())
    });
    pages.min_by_key(|page| page.path.matches('/').count())
}

/// Whether a `package.json` has Vite among its packages.
fn names_vite(manifest: &str) -> bool {
    let Ok(manifest) = serde_json::from_str::<serde_json::Value>(manifest) else { return false };
    ["dependencies", "devDependencies"].iter().any(|list| manifest[list].get("vite").is_some())
}

/// The folder of a page, with a slash at its end unless it is the root.
fn root_of(page: &GeneratedFile) -> &str {
    page.path.strip_suffix("index.html").unwrap_or_default()
}

/// The faults for which a project that needs the compiler cannot be shown. Empty for other
/// projects.
#[must_use]
pub fn list_faults(files: &[GeneratedFile]) -> Vec<Fault> {
    match find_page(files) {
        Some(page) => compile(files, page, Place::Folder).err().unwrap_or_default(),
        None => Vec::new(),
    }
}

/// Compiles the application of a page that [`find_page`] returned. Where the build has no
/// libraries, the site lacks them: see [`are_embedded`].
///
/// # Errors
/// What cannot be compiled, with files and lines, at most 20 faults.
pub fn compile(
    files: &[GeneratedFile],
    page: &GeneratedFile,
    place: Place,
) -> Result<CompiledSite, Vec<Fault>> {
    let root = root_of(page);
    let project = Project::new(files, root);
    let scripts = Page::new(page, &project).scripts();
    let mut graph = with_deep_stack(|| Graph::of(&project, scripts));
    graph.check_names();
    if !graph.faults.is_empty() {
        graph.faults.truncate(MAX_FAULTS);
        return Err(graph.faults);
    }
    let mut site = CompiledSite { files: graph.write(place), notes: list_notes(files, root) };
    if place == Place::Folder {
        site.notes.extend(graph.list_router_notes());
    }
    site.files.extend(libraries::files_of(&graph.libraries()));
    for file in files {
        if let Some(path) = published_path(file, root) {
            let text = match resolve::extension(path) {
                "html" => Page::new(file, &project).written(place, &graph.styles()),
                _ => file.content.clone(),
            };
            site.files.entry(path.to_owned()).or_insert(text);
        }
    }
    if place == Place::Host && !site.files.contains_key(ROUTES_PAGE) {
        let page = site.files.get("index.html").cloned().unwrap_or_default();
        site.files.insert(ROUTES_PAGE.to_owned(), page);
    }
    Ok(site)
}

/// The path at which a file of the project is published as it is; none if it is not.
fn published_path<'a>(file: &'a GeneratedFile, root: &str) -> Option<&'a str> {
    let path = file.path.strip_prefix(root)?;
    let public = path.strip_prefix("public/");
    let shown = public.unwrap_or(path);
    let is_hidden = shown.split('/').any(|segment| segment.starts_with('.'));
    let extension = resolve::extension(shown);
    let is_published = PUBLISHED.contains(&extension)
        || (public.is_some() && matches!(extension, "json" | "js" | "mjs" | "md" | "map"));
    (is_published && !is_hidden && !shown.ends_with(".module.css")).then_some(shown)
}

/// Style sheets that need Tailwind's build step: the page is shown without those styles.
fn list_notes(files: &[GeneratedFile], root: &str) -> Vec<Fault> {
    let styles = files.iter().filter(|file| file.path.starts_with(root) && file.path.ends_with(".css"));
    let notes = styles.filter_map(|file| {
        let (directive, at) = style::find_tailwind(&file.content)?;
        let message =
            format!("{directive} needs Tailwind's build step: the preview shows the page without it");
        let line = crate::check::script::line_of(&file.content, at);
        Some(Fault::in_file(&file.path, FaultCode::NotPreviewed, &message).at_line(line))
    });
    notes.take(MAX_FAULTS).collect()
}

#[cfg(test)]
mod tests;
