//! Compiles one module: takes off types and JSX, and lists what it imports and exports.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use oxc::{
    allocator::Allocator,
    ast::ast::{Decorator, Program},
    ast_visit::Visit,
    codegen::Codegen,
    diagnostics::Diagnostics,
    parser::Parser,
    semantic::SemanticBuilder,
    span::{SourceType, Span},
    syntax::module_record::{ExportExportName, ExportImportName, ImportImportName, ModuleRecord},
    transformer::{TransformOptions, Transformer},
};

use crate::{
    check::script::{fits_stack, line_of},
    fault::{Fault, FaultCode},
};

/// Most faults of one module.
const MAX_FAULTS: usize = 5;

/// A compiled module. Its specifiers are still those of the source.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// The JavaScript.
    pub(super) code: String,
    /// The modules that it loads, in the order of the code.
    pub(super) requests: Vec<Request>,
    /// The names that it imports or exports again.
    pub(super) imports: Vec<Import>,
    /// The names that it exports.
    pub(super) exports: BTreeSet<String>,
    /// The specifiers all of whose names it exports again.
    pub(super) stars: Vec<String>,
}

/// A specifier in the code of a module.
#[derive(Debug)]
pub(super) struct Request {
    /// Its text.
    pub(super) specifier: String,
    /// The byte offsets of its literal in the code, with the quotes.
    pub(super) span: (usize, usize),
    /// The line in the source; none if the compiler added it.
    pub(super) line: Option<u32>,
}

/// A name that a module takes from another one.
#[derive(Debug)]
pub(super) struct Import {
    /// The specifier of the other one.
    pub(super) specifier: String,
    /// The name; `default` for the default export.
    pub(super) name: String,
    /// The line in the source.
    pub(super) line: Option<u32>,
}

/// Compiles a script of the project. To be called inside
/// [`with_deep_stack`](crate::check::script::with_deep_stack).
///
/// # Errors
/// What cannot be compiled, with its lines.
pub(super) fn compile(path: &str, source: &str) -> Result<Module, Vec<Fault>> {
    let fault = |message: &str, at: usize| {
        vec![Fault::in_file(path, FaultCode::NotCompiled, message).at_line(line_of(source, at))]
    };
    if !fits_stack(source) {
        return Err(fault("the script nests too deeply, or is too long; divide it into several files", 0));
    }
    if let Some(at) = source.find("import.meta.glob") {
        return Err(fault("import.meta.glob is not supported here: import each file by its path", at));
    }
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type(path)).parse();
    refuse(path, source, &parsed.diagnostics)?;
    let mut program = parsed.program;
    if let Some(at) = find_decorator(&program) {
        return Err(fault("browsers do not know decorators: use plain functions", at));
    }
    let analysed = SemanticBuilder::new_compiler().with_enum_eval(true).build(&program);
    refuse(path, source, &analysed.diagnostics)?;
    let scoping = analysed.semantic.into_scoping();
    let options = TransformOptions::default();
    let transformed =
        Transformer::new(&allocator, Path::new(path), &options).build_with_scoping(scoping, &mut program);
    refuse(path, source, &transformed.diagnostics)?;
    let code = Codegen::new().build(&program).code;
    let module = read(&code, &Lines::of(source, &parsed.module_record));
    Ok(Module { code, ..module })
}

/// The language of a script, by its extension. JSX is accepted in every script but `.ts`,
/// where it is ambiguous.
fn source_type(path: &str) -> SourceType {
    match path.rsplit('.').next() {
        Some("ts" | "mts" | "cts") => SourceType::ts().with_module(true),
        Some("tsx") => SourceType::tsx().with_module(true),
        _ => SourceType::jsx(),
    }
}

/// Fails with the errors among the diagnostics.
fn refuse(path: &str, source: &str, diagnostics: &Diagnostics) -> Result<(), Vec<Fault>> {
    let faults: Vec<Fault> = diagnostics
        .errors()
        .take(MAX_FAULTS)
        .map(|error| {
            let fault = Fault::in_file(path, FaultCode::SyntaxError, &error.message);
            match error.labels.first() {
                Some(label) => fault.at_line(line_of(source, label.offset() as usize)),
                None => fault,
            }
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Finds the first decorator.
#[derive(Default)]
struct Decorators(Option<u32>);

impl<'a> Visit<'a> for Decorators {
    fn visit_decorator(&mut self, decorator: &Decorator<'a>) {
        self.0.get_or_insert(decorator.span.start);
    }
}

fn find_decorator(program: &Program<'_>) -> Option<usize> {
    if !program.source_text.contains('@') {
        return None;
    }
    let mut found = Decorators::default();
    found.visit_program(program);
    found.0.map(|at| at as usize)
}

/// The lines of the source at which specifiers and imported names stand.
struct Lines {
    specifiers: BTreeMap<String, u32>,
    names: BTreeMap<(String, String), u32>,
}

impl Lines {
    fn of(source: &str, record: &ModuleRecord<'_>) -> Self {
        // Counted once: a script may have thousands of imports.
        let ends: Vec<usize> = source.match_indices('\n').map(|(at, _)| at).collect();
        let line = |span: Span| {
            let before = ends.partition_point(|end| *end < span.start as usize);
            u32::try_from(before + 1).unwrap_or(u32::MAX)
        };
        let mut specifiers = BTreeMap::new();
        for (specifier, places) in record.requested_modules.iter() {
            if let Some(place) = places.iter().find(|place| !place.is_type).or(places.first()) {
                specifiers.insert(specifier.as_str().to_owned(), line(place.span));
            }
        }
        for import in &record.dynamic_imports {
            if let Some(specifier) = literal(source, import.module_request) {
                specifiers.entry(specifier.to_owned()).or_insert(line(import.span));
            }
        }
        let names = taken_names(record);
        let names = names.into_iter().map(|(specifier, name, span)| ((specifier, name), line(span)));
        Self { specifiers, names: names.collect() }
    }
}

/// The names that a module takes from others, with their specifiers and places.
fn taken_names(record: &ModuleRecord<'_>) -> Vec<(String, String, Span)> {
    let mut names = Vec::new();
    for entry in &record.import_entries {
        let specifier = entry.module_request.name.as_str().to_owned();
        match &entry.import_name {
            ImportImportName::Name(name) => names.push((specifier, name.name.as_str().to_owned(), name.span)),
            ImportImportName::Default(span) => names.push((specifier, "default".to_owned(), *span)),
            ImportImportName::NamespaceObject => {}
        }
    }
    for entry in &record.indirect_export_entries {
        if let (Some(request), ExportImportName::Name(name)) = (&entry.module_request, &entry.import_name) {
            names.push((request.name.as_str().to_owned(), name.name.as_str().to_owned(), name.span));
        }
    }
    names
}

/// What the compiled code imports and exports, without the code. Imports of types are gone
/// from it.
fn read(code: &str, lines: &Lines) -> Module {
    let allocator = Allocator::default();
    let record = Parser::new(&allocator, code, SourceType::mjs()).parse().module_record;
    let mut requests = Vec::new();
    let mut request = |specifier: &str, span: Span| {
        let line = lines.specifiers.get(specifier).copied();
        let span = (span.start as usize, span.end as usize);
        requests.push(Request { specifier: specifier.to_owned(), span, line });
    };
    for (specifier, places) in record.requested_modules.iter() {
        places.iter().for_each(|place| request(specifier.as_str(), place.span));
    }
    for import in &record.dynamic_imports {
        if let Some(specifier) = literal(code, import.module_request) {
            request(specifier, import.module_request);
        }
    }
    requests.sort_by_key(|request| request.span);
    let imports = taken_names(&record)
        .into_iter()
        .map(|(specifier, name, _)| {
            let key = (specifier, name);
            let line = lines.names.get(&key).copied();
            Import { specifier: key.0, name: key.1, line }
        })
        .collect();
    let exported = record.local_export_entries.iter().chain(&record.indirect_export_entries);
    let exports = exported.filter_map(|entry| match &entry.export_name {
        ExportExportName::Name(name) => Some(name.name.as_str().to_owned()),
        ExportExportName::Default(_) => Some("default".to_owned()),
        ExportExportName::Null => None,
    });
    let exports = exports.collect();
    let stars = record.star_export_entries.iter().filter_map(|entry| entry.module_request.as_ref());
    let stars = stars.map(|request| request.name.as_str().to_owned()).collect();
    Module { code: String::new(), requests, imports, exports, stars }
}

/// The text of a literal without expressions.
fn literal(code: &str, span: Span) -> Option<&str> {
    let text = code.get(span.start as usize..span.end as usize)?;
    let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '\'' | '`'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(['\\', quote]) && !inner.contains("${")).then_some(inner)
}

#[cfg(test)]
mod tests;
