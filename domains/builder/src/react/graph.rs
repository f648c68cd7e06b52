//! The modules of an application: what its pages load, directly or not.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde_json::{Value, json};

use super::{
    Place, libraries,
    module::{self, Import, Module, Request},
    resolve::{Project, Target, Unresolved},
    style,
};
use crate::fault::{Fault, FaultCode};

/// The folder for files above the page's folder.
const ABOVE: &str = "_atelier/root";

/// Routers that read the whole path of the page.
const BROWSER_ROUTERS: [&str; 2] = ["BrowserRouter", "createBrowserRouter"];

/// A compiled script with what its specifiers refer to.
struct Node {
    module: Module,
    targets: HashMap<String, Target>,
}

/// The compiled scripts of an application and the files that they import.
pub(super) struct Graph<'a> {
    project: &'a Project<'a>,
    nodes: BTreeMap<String, Node>,
    styles: Vec<String>,
    /// What cannot be compiled.
    pub(super) faults: Vec<Fault>,
}

impl<'a> Graph<'a> {
    /// Compiles these scripts and all that they load.
    pub(super) fn of(project: &'a Project<'a>, scripts: Vec<String>) -> Self {
        let mut graph = Self { project, nodes: BTreeMap::new(), styles: Vec::new(), faults: Vec::new() };
        let mut seen: BTreeSet<String> = scripts.iter().cloned().collect();
        let mut queue = VecDeque::from(scripts);
        while let Some(path) = queue.pop_front() {
            let Some(file) = project.find(&path) else { continue };
            let module = match module::compile(&path, &file.content) {
                Ok(module) => module,
                Err(faults) => {
                    graph.faults.extend(faults);
                    continue;
                }
            };
            let targets = graph.targets_of(&path, &module);
            for target in module.requests.iter().filter_map(|request| targets.get(&request.specifier)) {
                if let Target::Script(script) = target
                    && seen.insert(script.clone())
                {
                    queue.push_back(script.clone());
                }
            }
            graph.nodes.insert(path, Node { module, targets });
        }
        graph
    }

    fn targets_of(&mut self, path: &str, module: &Module) -> HashMap<String, Target> {
        let mut targets = HashMap::new();
        for request in &module.requests {
            match self.project.resolve(path, &request.specifier) {
                Ok(target) => {
                    if let Target::Style(style) | Target::StyleModule(style) = &target
                        && !self.styles.contains(style)
                    {
                        self.styles.push(style.clone());
                    }
                    targets.insert(request.specifier.clone(), target);
                }
                Err(reason) => self.faults.push(unresolved(path, request, &reason)),
            }
        }
        targets
    }

    /// The style sheets that the scripts import, by their paths in the site.
    pub(super) fn styles(&self) -> Vec<String> {
        self.styles.iter().map(|path| self.shown(path)).collect()
    }

    /// The specifiers of the libraries that the scripts import.
    pub(super) fn libraries(&self) -> BTreeSet<String> {
        let targets = self.nodes.values().flat_map(|node| node.targets.values());
        let libraries = targets.filter_map(|target| match target {
            Target::Library(specifier) => Some(specifier.clone()),
            _ => None,
        });
        libraries.collect()
    }

    /// A note for each script with a router that reads the path of the page, which is not the
    /// route in a folder.
    pub(super) fn list_router_notes(&self) -> Vec<Fault> {
        let imports = self
            .nodes
            .iter()
            .flat_map(|(path, node)| node.module.imports.iter().map(move |import| (path, import)));
        let routers = imports.filter(|(_, import)| {
            import.specifier.starts_with("react-router") && BROWSER_ROUTERS.contains(&import.name.as_str())
        });
        let notes = routers.map(|(path, import)| {
            let message =
                format!("{} finds its routes only where the site has a host of its own", import.name);
            at(Fault::in_file(path, FaultCode::NotPreviewed, &message), import.line)
        });
        notes.collect()
    }

    /// Adds a fault for each name that a script imports and its module does not export: the
    /// browser would not run the script.
    pub(super) fn check_names(&mut self) {
        let faults = self.list_missing_names();
        self.faults.extend(faults);
    }

    fn list_missing_names(&self) -> Vec<Fault> {
        let mut known: HashMap<&str, Option<BTreeSet<String>>> = HashMap::new();
        let mut faults = Vec::new();
        for (path, node) in &self.nodes {
            for import in &node.module.imports {
                let Some(target) = node.targets.get(&import.specifier) else { continue };
                let is_exported = match target {
                    Target::Script(script) => {
                        let names = known.entry(script.as_str()).or_insert_with(|| self.exports_of(script));
                        names.as_ref().is_none_or(|names| names.contains(&import.name))
                    }
                    Target::Library(specifier) => libraries::find(specifier)
                        .is_none_or(|library| library.exports.contains(&import.name)),
                    Target::Style(_) | Target::Text(_) | Target::Asset(_) => import.name == "default",
                    Target::StyleModule(_) | Target::Json(_) => true,
                };
                if !is_exported {
                    faults.push(not_exported(path, import));
                }
            }
        }
        faults
    }

    /// The names that a script exports; none if they are not known, since a module did not
    /// compile.
    fn exports_of(&self, script: &str) -> Option<BTreeSet<String>> {
        let mut names = self.nodes.get(script)?.module.exports.clone();
        let mut seen = BTreeSet::from([script]);
        let mut open = vec![script];
        while let Some(path) = open.pop() {
            let node = self.nodes.get(path)?;
            for star in &node.module.stars {
                match node.targets.get(star)? {
                    Target::Script(next) if seen.insert(next) => {
                        let exports = &self.nodes.get(next)?.module.exports;
                        names.extend(exports.iter().filter(|name| *name != "default").cloned());
                        open.push(next);
                    }
                    Target::Library(specifier) => {
                        names.extend(libraries::find(specifier)?.exports.iter().cloned());
                    }
                    Target::Script(_) => {}
                    _ => return None,
                }
            }
        }
        Some(names)
    }

    /// The files of the site: the scripts, and a module for each other file that is imported.
    pub(super) fn write(&self, place: Place) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for (path, node) in &self.nodes {
            let out = self.output(&Target::Script(path.clone()));
            files.insert(out.clone(), self.script(&out, node, place));
            for target in node.targets.values() {
                self.write_import(target, &mut files);
            }
        }
        files
    }

    /// The script with the addresses of the modules in place of its specifiers.
    fn script(&self, out: &str, node: &Node, place: Place) -> String {
        let code = &node.module.code;
        let mut written = String::with_capacity(code.len() + 256);
        if code.contains("import.meta.env") {
            let base = place.base();
            let env =
                json!({"BASE_URL": base, "MODE": "production", "DEV": false, "PROD": true, "SSR": false});
            written.push_str(&format!("import.meta.env = {env};\n"));
        }
        let mut last = 0;
        for Request { specifier, span: (start, end), .. } in &node.module.requests {
            let Some(target) = node.targets.get(specifier) else { continue };
            written.push_str(&code[last..*start]);
            written.push_str(&quoted(&relative(out, &self.output(target))));
            last = *end;
        }
        written.push_str(&code[last..]);
        written
    }

    /// Adds the module of an imported file that is no script.
    fn write_import(&self, target: &Target, files: &mut BTreeMap<String, String>) {
        let (Target::Style(path)
        | Target::StyleModule(path)
        | Target::Json(path)
        | Target::Text(path)
        | Target::Asset(path)) = target
        else {
            return;
        };
        let (shown, out) = (self.shown(path), self.output(target));
        let content = self.project.find(path).map_or("", |file| file.content.as_str());
        let module = match target {
            Target::StyleModule(_) => {
                let style = style::rename_classes(path, content);
                files.insert(shown, style.text);
                module_of(&json!(style.classes))
            }
            Target::Json(_) => module_of(&serde_json::from_str(content).unwrap_or(Value::Null)),
            Target::Text(_) => module_of(&json!(content)),
            Target::Asset(_) => {
                let address = quoted(&relative(&out, &shown));
                files.entry(shown).or_insert_with(|| content.to_owned());
                format!("export default new URL({address}, import.meta.url).href;\n")
            }
            _ => module_of(&json!("")),
        };
        files.insert(out, module);
    }

    /// The path of a file in the site.
    fn shown(&self, path: &str) -> String {
        match path.strip_prefix(self.project.root()) {
            Some(inner) => inner.strip_prefix("public/").unwrap_or(inner).to_owned(),
            None => format!("{ABOVE}/{path}"),
        }
    }

    /// The path of a target's module in the site.
    fn output(&self, target: &Target) -> String {
        match target {
            Target::Script(path) | Target::Style(path) | Target::StyleModule(path) | Target::Json(path) => {
                output_of(&self.shown(path))
            }
            Target::Text(path) => format!("{}.raw.js", self.shown(path)),
            Target::Asset(path) => format!("{}.url.js", self.shown(path)),
            Target::Library(specifier) => libraries::path_of(specifier),
        }
    }
}

/// The path of the module that is made from a file.
pub(super) fn output_of(path: &str) -> String {
    format!("{path}.js")
}

/// A module with this default export; the fields of an object are names too.
fn module_of(value: &Value) -> String {
    let mut module = format!("const value = {value};\nexport default value;\n");
    let fields = value.as_object().into_iter().flatten().filter(|(name, _)| *name != "default");
    for (at, (name, _)) in fields.enumerate() {
        let name = quoted(name);
        module.push_str(&format!("const value{at} = value[{name}];\nexport {{ value{at} as {name} }};\n"));
    }
    module
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// The address of a file relative to another one of the same site.
fn relative(from: &str, to: &str) -> String {
    let folder: Vec<&str> = from.split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect();
    let target: Vec<&str> = to.split('/').collect();
    let common = folder.iter().zip(&target).take_while(|(one, other)| one == other).count();
    let up = folder.len() - common;
    let start = if up == 0 { "./".to_owned() } else { "../".repeat(up) };
    format!("{start}{}", encoded(&target[common..].join("/")))
}

/// A path as part of an address.
pub(super) fn encoded(path: &str) -> String {
    let mut address = String::with_capacity(path.len());
    for c in path.chars() {
        if matches!(c, '%' | '#' | '?' | ' ' | '"' | '<' | '>' | '`' | '{' | '}' | '\\' | '^' | '|') {
            address.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            address.push(c);
        }
    }
    address
}

fn unresolved(path: &str, request: &Request, reason: &Unresolved) -> Fault {
    let specifier = &request.specifier;
    let (code, message) = match reason {
        Unresolved::NoFile => {
            (FaultCode::MissingFile, format!("the script imports {specifier}, which is not among the files"))
        }
        Unresolved::NoLibrary => {
            let names: Vec<&str> = libraries::NAMES.into_iter().filter(|name| !name.contains('/')).collect();
            let message = format!("the preview has no library {specifier}; it has {}", names.join(", "));
            (FaultCode::UnknownLibrary, message)
        }
        Unresolved::Preprocessed => {
            (FaultCode::NotCompiled, format!("{specifier} needs a preprocessor: write it as plain CSS"))
        }
        Unresolved::Remote => (
            FaultCode::NotCompiled,
            format!("{specifier} is a script of another host, which a site may not load"),
        ),
    };
    at(Fault::in_file(path, code, &message), request.line)
}

fn not_exported(path: &str, import: &Import) -> Fault {
    let Import { specifier, name, line } = import;
    let message = match name.as_str() {
        "default" => format!("{specifier} has no default export"),
        name => format!("{specifier} does not export {name} (a type is exported again by `export type`)"),
    };
    at(Fault::in_file(path, FaultCode::MissingExport, &message), *line)
}

fn at(fault: Fault, line: Option<u32>) -> Fault {
    match line {
        Some(line) => fault.at_line(line),
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_relative_to_the_module() {
        for (from, to, address) in [
            ("main.js", "App.tsx.js", "./App.tsx.js"),
            ("src/main.tsx.js", "src/pages/a b.tsx.js", "./pages/a%20b.tsx.js"),
            ("src/pages/a.js", "src/lib/b.js", "../lib/b.js"),
            ("src/pages/a.js", "_atelier/lib/react.js", "../../_atelier/lib/react.js"),
        ] {
            assert_eq!(relative(from, to), address);
        }
    }

    #[test]
    fn fields_of_a_value_are_names_of_its_module() {
        let module = module_of(&json!({"class": 1, "default": 2, "a-b": 3}));

        assert!(module.starts_with("const value = {") && module.contains("export default value;"));
        for name in ["\"class\"", "\"a-b\""] {
            assert!(module.contains(&format!(" as {name} }}")), "{module}");
        }
        assert!(!module.contains("as \"default\""));
    }
}
