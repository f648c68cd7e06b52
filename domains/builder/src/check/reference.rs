//! Checks that what pages, style sheets and scripts refer to is among the files. Paths are
//! compared as they are written: most servers distinguish upper and lower case.

mod script;
mod web;

use super::app::{App, file_name, folder_of, join};
use super::line_of;
use crate::fault::{Fault, FaultCode};
use crate::file::GeneratedFile;

pub(super) use script::{is_alias, package_of};

/// Folders whose files are served at the root of the site.
const SERVED: [&str; 3] = ["", "public/", "static/"];

/// The faults and notes of the references of all files.
pub(super) fn list_faults(app: &App<'_>) -> Vec<Fault> {
    let mut faults = web::list_faults(app);
    faults.extend(script::list_faults(app));
    faults
}

/// An address without query and fragment if it names a file of the project: not one on
/// another host, not a fragment, and not the expression of a template.
fn local(address: &str) -> Option<&str> {
    let path = address.split(['?', '#']).next().unwrap_or_default().trim();
    let is_local = !path.starts_with("//") && !path.contains([':', '{', '}', '%', '<', '$', '`', '\\']);
    (is_local && !path.is_empty()).then_some(path)
}

/// The paths at which the file of an address may be that a page or a style sheet names.
fn candidates(from: &str, address: &str) -> Vec<String> {
    let own = folder_of(from);
    match address.strip_prefix('/') {
        Some(inner) => SERVED.iter().chain([&own]).filter_map(|root| join(root, inner)).collect(),
        None => {
            let beside = join(own, address).into_iter();
            let served = SERVED.iter().filter_map(|root| join(&format!("{root}{own}"), address));
            beside.chain(served).collect()
        }
    }
}

/// Whether a page or a style sheet can load the file of a local address. A server may serve
/// a folder under any prefix, so there the name alone must exist.
fn is_served(app: &App<'_>, from: &str, address: &str) -> bool {
    let found = candidates(from, address).iter().any(|path| app.file(path).is_some());
    let name = file_name(address);
    found || app.has_server && app.files.iter().any(|file| file_name(&file.path) == name)
}

/// The fault of a reference to a file that does not exist.
fn missing(app: &App<'_>, file: &GeneratedFile, code: FaultCode, address: &str, at: usize) -> Fault {
    let path = candidates(&file.path, address).into_iter().next().unwrap_or_else(|| address.to_owned());
    let lower = path.to_lowercase();
    let twin = app.files.iter().find(|other| other.path.to_lowercase() == lower);
    let message = match twin {
        Some(twin) => format!("{path} is not among the files; {} differs in case", twin.path),
        None => format!("{path} is not among the files"),
    };
    Fault::in_file(&file.path, code, &message)
        .at_line(line_of(&file.content, at))
        .with_hint("Add the file, or refer to one that is there.")
}

#[cfg(test)]
mod tests;
