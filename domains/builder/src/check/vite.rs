//! Checks a project that Vite builds: its page, the page's module and the element in which the
//! module shows the application.

use super::app::{App, file_name, folder_of};
use super::line_of;
use super::page;
use crate::fault::{Fault, FaultCode};
use crate::file::GeneratedFile;

/// Files of settings of Vite.
const CONFIGS: [&str; 3] = ["vite.config.ts", "vite.config.js", "vite.config.mjs"];

/// The faults of every folder with settings of Vite.
pub(super) fn list_faults(app: &App<'_>) -> Vec<Fault> {
    let configs = app.files.iter().filter(|file| CONFIGS.contains(&file_name(&file.path)));
    configs.filter_map(|config| check(app, config)).collect()
}

fn check(app: &App<'_>, config: &GeneratedFile) -> Option<Fault> {
    if ["root:", "lib:", "input:"].iter().any(|option| config.content.contains(option)) {
        return None;
    }
    let folder = folder_of(&config.path);
    let Some(page) = app.file(&format!("{folder}index.html")) else {
        let message = "Vite needs an index.html beside its settings";
        return Some(Fault::in_file(&config.path, FaultCode::BadManifest, message));
    };
    let tags = page::read(&page.content).tags;
    let sources = tags.iter().filter(|tag| tag.name == "script" && tag.get("type") == Some("module"));
    let Some(source) = sources.filter_map(|tag| tag.get("src")).next() else {
        let message = "the page loads no module, such as <script type=\"module\" src=\"/src/main.tsx\">";
        return Some(Fault::in_file(&page.path, FaultCode::BadManifest, message));
    };
    let entry = app.file(&format!("{folder}{}", source.trim_start_matches(['.', '/'])))?;
    let (id, at) = find_root(&entry.content)?;
    if tags.iter().any(|tag| tag.get("id") == Some(id)) {
        return None;
    }
    let message =
        format!("the module shows the application in the element {id}, which {} does not have", page.path);
    Some(Fault::in_file(&entry.path, FaultCode::BadManifest, &message).at_line(line_of(&entry.content, at)))
}

/// The id of the element for `createRoot`, and its byte offset.
fn find_root(source: &str) -> Option<(&str, usize)> {
    let mark = "getElementById(";
    let after = source.find("createRoot(")?;
    let at = source.find(mark).filter(|at| source[after..].contains(mark) || *at < after)? + mark.len();
    let quote = source[at..].chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let id = source[at + 1..].split(quote).next()?;
    Some((id, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::script::with_deep_stack;
    use atelier_entities::ProjectKind;

    const PAGE: &str = "<div id=\"root\"></div><script type=\"module\" src=\"/src/main.tsx\"></script>";
    const MAIN: &str = "\nReactDOM.createRoot(document.getElementById('root')!).render(<App />);";

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let config = GeneratedFile::new("web/vite.config.ts", "export default {};");
        let given = files.iter().map(|(path, content)| GeneratedFile::new(path, content));
        let files: Vec<_> = std::iter::once(config).chain(given).collect();
        let faults = with_deep_stack(|| list_faults(&App::read(&files, ProjectKind::WebApp)));
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_page_its_module_and_its_root_belong_together() {
        let main = ("web/src/main.tsx", MAIN);
        assert_eq!(found(&[("web/index.html", PAGE), main]), Vec::<String>::new());
        assert_eq!(found(&[main]), ["web/vite.config.ts: Vite needs an index.html beside its settings"]);
        assert!(found(&[("web/index.html", "<div id=root>"), main])[0].contains("loads no module"));
        let other = PAGE.replace("\"root\"", "\"app\"");
        assert_eq!(
            found(&[("web/index.html", &other), main]),
            [
                "web/src/main.tsx:2: the module shows the application in the element root, which web/index.html does not have"
            ]
        );
    }
}
