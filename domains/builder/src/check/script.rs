//! Reads JavaScript, JSX, TypeScript and TSX with oxc: syntax errors, early errors such as a
//! second declaration of a name, and what a module imports and exports.

mod nesting;
mod uses;

use std::collections::{BTreeSet, HashMap};

use oxc::allocator::Allocator;
use oxc::ast_visit::Visit;
use oxc::diagnostics::OxcDiagnostic;
use oxc::parser::{ParseOptions, Parser};
use oxc::semantic::SemanticBuilder;
use oxc::span::SourceType;
use oxc::syntax::module_record::{
    ExportEntry, ExportExportName, ExportImportName, ImportImportName, ModuleRecord,
};

pub(crate) use super::line_of;
use crate::fault::one_line;
pub(crate) use nesting::{fits_stack, with_deep_stack};
use uses::Uses;

/// Maximum number of errors of a script: most later ones follow from the first.
const MAX_ERRORS: usize = 3;
/// Maximum length of the code that an error quotes, in characters.
const QUOTED_CHARS: usize = 40;

/// An error of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScriptError {
    /// Its byte offset.
    pub(crate) at: usize,
    /// What is wrong.
    pub(crate) message: String,
}

/// How a script asks for another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    /// An import or export statement.
    Statement,
    /// `import("…")`.
    Dynamic,
    /// `require("…")`.
    Require,
    /// `new URL("…", import.meta.url)`.
    ModuleUrl,
    /// `new Worker("…")`, relative to the page.
    Worker,
    /// `fetch("…")`, relative to the page.
    Fetch,
}

/// A file or package for which a script asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The text in the script.
    pub(crate) specifier: String,
    /// Its byte offset.
    pub(crate) at: usize,
    /// How the script asks.
    pub(crate) kind: RequestKind,
    /// The names that it takes, `default` among them. Empty for a whole module.
    pub(crate) names: Vec<String>,
    /// Whether it takes types alone, which are gone at run time.
    pub(crate) is_type: bool,
}

impl Request {
    fn new(specifier: &str, at: usize, kind: RequestKind) -> Self {
        Self { specifier: specifier.to_owned(), at, kind, names: Vec::new(), is_type: false }
    }
}

/// The names that a module exports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exports {
    /// The names, `default` among them; types too.
    pub(crate) names: BTreeSet<String>,
    /// The modules of which it exports everything but the default.
    pub(crate) stars: Vec<String>,
    /// Whether it may export more than these, as a CommonJS module does.
    pub(crate) is_open: bool,
}

/// What a script contains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Module {
    /// Syntax errors and early errors in the order of the text, at most three. With errors,
    /// the other parts may be incomplete.
    pub(crate) errors: Vec<ScriptError>,
    /// What it asks for, in the order of the text.
    pub(crate) requests: Vec<Request>,
    /// What it exports.
    pub(crate) exports: Exports,
    /// Components and hooks of React that a module uses without a declaration, with their
    /// byte offsets.
    pub(crate) undefined: Vec<(String, usize)>,
    /// Byte offsets of code that is made from text: `eval(` and `new Function(`.
    pub(crate) evaluations: Vec<usize>,
    /// Whether it has import or export statements.
    pub(crate) is_module: bool,
}

/// The kind of source by the path's ending. A `.js` or `.ts` file is a module if it has
/// module syntax.
pub(crate) fn source_type(path: &str) -> SourceType {
    let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    if [".d.ts", ".d.mts", ".d.cts"].iter().any(|ending| name.ends_with(ending)) {
        return SourceType::d_ts();
    }
    match name.rsplit('.').next().unwrap_or_default() {
        "ts" | "cts" => SourceType::ts(),
        "mts" => SourceType::ts().with_module(true),
        "tsx" => SourceType::tsx(),
        "mjs" => SourceType::jsx(),
        "cjs" => SourceType::cjs().with_jsx(true),
        _ => SourceType::unambiguous().with_jsx(true),
    }
}

/// Reads a script. To be called inside [`with_deep_stack`].
pub(crate) fn read(source: &str, kind: SourceType) -> Module {
    if !fits_stack(source) {
        let message = "the script nests too deeply, or is too long, to be read; divide it into several files";
        let error = ScriptError { at: 0, message: message.to_owned() };
        return Module { errors: vec![error], ..Module::default() };
    }
    let found = parse(source, kind);
    if found.errors.is_empty() || !kind.is_unambiguous() || !source.contains("await") {
        return found;
    }
    let as_module = parse(source, kind.with_module(true));
    if as_module.errors.is_empty() { as_module } else { found }
}

/// The names that the module with this path and text exports. To be called inside
/// [`with_deep_stack`].
pub(crate) fn exports_of(path: &str, source: &str) -> Exports {
    read(source, source_type(path)).exports
}

fn parse(source: &str, kind: SourceType) -> Module {
    let allocator = Allocator::default();
    let options = ParseOptions { parse_regular_expression: true, ..ParseOptions::default() };
    let parsed = Parser::new(&allocator, source, kind).with_options(options).parse();
    let errors: Vec<ScriptError> =
        parsed.diagnostics.errors().take(MAX_ERRORS).map(|error| describe(error, source)).collect();
    if parsed.panicked || !errors.is_empty() {
        let exports = list_exports(&parsed.module_record, source);
        return Module { errors, exports, ..Module::default() };
    }
    let built = SemanticBuilder::new_compiler().build(&parsed.program);
    let errors = built.diagnostics.errors().take(MAX_ERRORS).map(|error| describe(error, source)).collect();
    let mut uses = Uses::new(built.semantic.scoping());
    uses.visit_program(&parsed.program);
    let record = &parsed.module_record;
    let mut requests = list_statements(record);
    requests.append(&mut uses.requests);
    requests.sort_by_key(|request| request.at);
    let undefined = if record.has_module_syntax { uses.undefined } else { Vec::new() };
    Module {
        errors,
        requests,
        exports: list_exports(record, source),
        undefined,
        evaluations: uses.evaluations,
        is_module: record.has_module_syntax,
    }
}

/// The import and export statements that name another module.
fn list_statements(record: &ModuleRecord<'_>) -> Vec<Request> {
    let mut names: HashMap<u32, Vec<String>> = HashMap::new();
    for entry in &record.import_entries {
        let taken = names.entry(entry.statement_span.start).or_default();
        match &entry.import_name {
            ImportImportName::Name(name) => taken.push(name.name.as_str().to_owned()),
            ImportImportName::Default(_) => taken.push("default".to_owned()),
            ImportImportName::NamespaceObject => {}
        }
    }
    for entry in &record.indirect_export_entries {
        if let ExportImportName::Name(name) = &entry.import_name {
            names.entry(entry.statement_span.start).or_default().push(name.name.as_str().to_owned());
        }
    }
    let mut statements = Vec::new();
    for (specifier, requests) in record.requested_modules.iter() {
        for request in requests {
            let names = names.remove(&request.statement_span.start).unwrap_or_default();
            let statement =
                Request::new(specifier.as_str(), offset(request.span.start), RequestKind::Statement);
            statements.push(Request { names, is_type: request.is_type, ..statement });
        }
    }
    statements
}

fn list_exports(record: &ModuleRecord<'_>, source: &str) -> Exports {
    let entries = record.local_export_entries.iter().chain(record.indirect_export_entries.iter());
    let name = |entry: &ExportEntry<'_>| match &entry.export_name {
        ExportExportName::Name(name) => Some(name.name.as_str().to_owned()),
        ExportExportName::Default(_) => Some("default".to_owned()),
        ExportExportName::Null => None,
    };
    let star =
        |entry: &ExportEntry<'_>| entry.module_request.as_ref().map(|from| from.name.as_str().to_owned());
    Exports {
        names: entries.filter_map(name).collect(),
        stars: record.star_export_entries.iter().filter_map(star).collect(),
        is_open: ["module.exports", "exports.", "export ="].iter().any(|mark| source.contains(mark)),
    }
}

fn describe(error: &OxcDiagnostic, source: &str) -> ScriptError {
    let primary = error.labels.iter().find(|label| label.primary());
    let label = primary.or_else(|| error.labels.iter().max_by_key(|label| label.offset()));
    let at = label.map_or(0, |label| offset(label.offset())).min(source.len());
    let rest = source.get(at..).unwrap_or_default();
    let quoted = one_line(rest.lines().next().unwrap_or_default().trim(), QUOTED_CHARS);
    let mut message = format!("syntax error: {}", one_line(&error.message, 120));
    if !quoted.is_empty() {
        message += &format!(" near `{quoted}`");
    }
    let opened = error.labels.iter().map(|label| offset(label.offset())).min().unwrap_or(at);
    if opened < at && line_of(source, opened) < line_of(source, at) {
        message += &format!(" (see line {})", line_of(source, opened));
    }
    ScriptError { at, message }
}

/// A byte offset of oxc as an index.
fn offset(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
