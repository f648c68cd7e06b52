//! What Python files import: modules of the project, of Python itself, and of distributions.

use std::collections::HashSet;

use tree_sitter::Node;

use super::distributions::{distribution_of, is_standard};
use super::requirements::{self, Listed};
use crate::check::app::{App, folder_of, is_tool, join};
use crate::check::line_of;
use crate::check::syntax::parse_tree;
use crate::fault::{Fault, FaultCode};
use crate::file::GeneratedFile;

/// An import at the top of a file.
struct Import {
    /// The module with dots, those of a relative import in front.
    module: String,
    /// Its byte offset.
    at: usize,
}

/// The faults of imports.
pub(super) fn list_faults(app: &App<'_>) -> Vec<Fault> {
    let listed = requirements::read(app);
    let mut seen = HashSet::new();
    let mut faults = Vec::new();
    for file in app.in_language("python").filter(|file| file.path.ends_with(".py")) {
        for import in list_imports(&file.content) {
            let fault = check(app, file, &import, listed.as_ref());
            faults.extend(fault.filter(|fault| seen.insert(fault.message.clone())));
        }
    }
    faults
}

/// The imports at the top level of a file: one inside `try` or a function may be optional.
fn list_imports(content: &str) -> Vec<Import> {
    let Some(tree) = parse_tree(content, &tree_sitter_python::LANGUAGE.into()) else { return Vec::new() };
    let root = tree.root_node();
    let mut found = Vec::new();
    let mut cursor = root.walk();
    for statement in root.named_children(&mut cursor) {
        let mut inner = statement.walk();
        match statement.kind() {
            "import_statement" => {
                for name in statement.children_by_field_name("name", &mut inner) {
                    let module = if name.kind() == "aliased_import" {
                        name.child_by_field_name("name")
                    } else {
                        Some(name)
                    };
                    found.extend(module.and_then(|module| import_of(module, content)));
                }
            }
            "import_from_statement" => {
                let module = statement.child_by_field_name("module_name");
                found.extend(module.and_then(|module| import_of(module, content)));
            }
            _ => {}
        }
    }
    found
}

fn import_of(module: Node<'_>, content: &str) -> Option<Import> {
    let text = content.get(module.byte_range())?;
    let module_name: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    Some(Import { module: module_name, at: module.start_byte() })
}

fn check(app: &App<'_>, file: &GeneratedFile, import: &Import, listed: Option<&Listed>) -> Option<Fault> {
    let fault = |code: FaultCode, message: &str, hint: &str| {
        let fault = Fault::in_file(&file.path, code, message).with_hint(hint);
        Some(fault.at_line(line_of(&file.content, import.at)))
    };
    let missing = |module: &str| {
        let message = format!("the module {module} is not among the files");
        fault(FaultCode::MissingFile, &message, "Add the module, or import one that is there.")
    };
    if import.module.starts_with('.') {
        let path = relative_path(&file.path, &import.module)?;
        return if exists(app, &path) { None } else { missing(&import.module) };
    }
    let first = import.module.split('.').next().unwrap_or_default();
    if is_standard(first) {
        return None;
    }
    let roots = roots_of(&file.path);
    let is_local =
        |module: &str| roots.iter().any(|root| exists(app, &format!("{root}{}", module.replace('.', "/"))));
    if is_local(first) {
        return if is_local(&import.module) { None } else { missing(&import.module) };
    }
    let is_optional =
        is_tool(&file.path) || file.path.contains("/migrations/") || file.path.starts_with("alembic/");
    let distribution = distribution_of(&import.module);
    match listed {
        Some(listed) if is_optional || listed.covers(first, &distribution) => None,
        None if is_optional || app.files.iter().any(|file| is_other_manifest(&file.path)) => None,
        Some(_) => {
            let message = format!("{first} is imported, and requirements.txt does not list {distribution}");
            fault(FaultCode::MissingDependency, &message, "List the distribution, or do without it.")
        }
        None => {
            let message =
                format!("{first} is imported, and there is no requirements.txt that lists {distribution}");
            fault(FaultCode::MissingDependency, &message, "Add requirements.txt with what the files import.")
        }
    }
}

fn is_other_manifest(path: &str) -> bool {
    ["pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "environment.yml"]
        .iter()
        .any(|name| path.ends_with(name))
}

/// The path of a relative import without ending. None if it leaves the project.
fn relative_path(from: &str, module: &str) -> Option<String> {
    let name = module.trim_start_matches('.');
    let up = "../".repeat(module.len() - name.len() - 1);
    join(folder_of(from), &format!("{up}{}", name.replace('.', "/")))
}

/// The folders below which Python may find a module: those of the file, and `src`.
fn roots_of(path: &str) -> Vec<&str> {
    let mut roots = vec!["", "src/"];
    roots.extend(path.match_indices('/').map(|(at, _)| &path[..=at]));
    roots
}

/// Whether a module or a package of the project has this path.
fn exists(app: &App<'_>, path: &str) -> bool {
    let is_module = ["{}.py", "{}/__init__.py", "{}.pyi"]
        .iter()
        .any(|form| app.file(&form.replace("{}", path)).is_some());
    let folder = format!("{path}/");
    is_module
        || app.files.iter().any(|file| file.path.starts_with(&folder) && file.path.ends_with(".py"))
        || path.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::script::with_deep_stack;
    use atelier_entities::ProjectKind;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = files.iter().map(|(path, content)| GeneratedFile::new(path, content)).collect();
        let faults = with_deep_stack(|| list_faults(&App::read(&files, ProjectKind::Api)));
        faults.iter().map(|fault| format!("{} {fault}", fault.code)).collect()
    }

    #[test]
    fn imports_of_the_project_of_python_and_of_distributions_are_told_apart() {
        let main = "from __future__ import annotations\nimport os.path, json as j\nfrom app.models import A\nfrom . import db\n\
            from .routers import (\n    books,\n)\nimport yaml\nfrom PIL import Image\nfrom google.cloud import storage\n\
            try:\n    import ujson\nexcept ImportError:\n    pass\n";
        let files = [
            ("api/app/main.py", main),
            ("api/app/models.py", ""),
            ("api/app/db.py", ""),
            ("api/app/routers/books.py", ""),
            ("api/requirements.txt", "PyYAML==6.0\nPillow>=10\ngoogle-cloud-storage\n"),
        ];
        assert_eq!(found(&files), Vec::<String>::new());
        let faults = found(&[files[0], files[2]]);
        assert_eq!(
            faults,
            [
                "MISSING_FILE api/app/main.py:3: the module app.models is not among the files",
                "MISSING_FILE api/app/main.py:5: the module .routers is not among the files",
                "MISSING_DEPENDENCY api/app/main.py:8: yaml is imported, and there is no requirements.txt that lists pyyaml",
                "MISSING_DEPENDENCY api/app/main.py:9: PIL is imported, and there is no requirements.txt that lists pillow",
                "MISSING_DEPENDENCY api/app/main.py:10: google is imported, and there is no requirements.txt that lists google-cloud-storage",
            ]
        );
        let other = [("main.py", "import flask\n"), ("pyproject.toml", "[project]\n")];
        assert_eq!(found(&other), Vec::<String>::new());
    }
}
