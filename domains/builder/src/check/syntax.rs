//! Checks that a file parses as its language.

use std::ops::ControlFlow;

use oxc::span::SourceType;
use tree_sitter::{Language, Node, ParseOptions, ParseState, Parser, Tree};

use super::line_of;
use super::page::{self, PagePart, ScriptKind};
use super::{script, style};
use crate::fault::one_line;
use crate::fault::{Fault, FaultCode};
use crate::file::GeneratedFile;

/// Maximum number of faults of a file: most later ones follow from the first.
const MAX_FAULTS_A_FILE: usize = 3;
/// Maximum length of the code that a fault quotes, in characters.
const QUOTED_CHARS: usize = 40;
/// Progress reports of the parser after which it stops; 500 KB of dense code take about
/// 17,000.
const MAX_STEPS: usize = 200_000;

/// The syntax faults of a file. Languages without a parser here are plain text and have none.
/// To be called inside [`script::with_deep_stack`].
pub(super) fn list_syntax_faults(file: &GeneratedFile) -> Vec<Fault> {
    match file.language.as_str() {
        "html" => list_page_faults(file),
        "css" => list_style_faults(file),
        "javascript" | "jsx" | "typescript" | "tsx" => list_script_faults(file),
        "python" => list_python_faults(file),
        "json" if !allows_comments(&file.path) => find_json_fault(file).into_iter().collect(),
        "toml" => find_toml_fault(file).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Whether this JSON file may have comments and trailing commas.
fn allows_comments(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    (name.starts_with("tsconfig") || name.starts_with("jsconfig") || path.contains(".vscode/"))
        && name.ends_with(".json")
}

fn find_json_fault(file: &GeneratedFile) -> Option<Fault> {
    let error = serde_json::from_str::<serde::de::IgnoredAny>(&file.content).err()?;
    let line = u32::try_from(error.line()).unwrap_or(u32::MAX).max(1);
    let message = format!("not valid JSON: {error}");
    Some(Fault::in_file(&file.path, FaultCode::SyntaxError, &message).at_line(line))
}

fn find_toml_fault(file: &GeneratedFile) -> Option<Fault> {
    let error = toml::from_str::<toml::Table>(&file.content).err()?;
    let line = error.span().map_or(1, |span| line_of(&file.content, span.start));
    let message = format!("not valid TOML: {}", error.message());
    Some(Fault::in_file(&file.path, FaultCode::SyntaxError, &message).at_line(line))
}

fn list_script_faults(file: &GeneratedFile) -> Vec<Fault> {
    let module = script::read(&file.content, script::source_type(&file.path));
    let errors = module.errors.iter().map(|error| error_at(&file.content, &error.message, error.at));
    errors.map(|error| error.in_file(file)).collect()
}

fn unreadable(file: &GeneratedFile) -> Fault {
    let message = format!("the file could not be read as {}", file.language);
    Fault::in_file(&file.path, FaultCode::SyntaxError, &message)
}

/// A syntax error.
struct SyntaxError {
    line: u32,
    message: String,
}

impl SyntaxError {
    fn in_file(self, file: &GeneratedFile) -> Fault {
        Fault::in_file(&file.path, FaultCode::SyntaxError, &self.message).at_line(self.line)
    }
}

fn parse_tree(content: &str, language: &Language) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(language).ok()?;
    let mut steps = 0_usize;
    let mut count = |_: &ParseState| {
        steps += 1;
        if steps > MAX_STEPS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let bytes = content.as_bytes();
    let mut read = |at: usize, _| bytes.get(at..).unwrap_or_default();
    parser.parse_with_options(&mut read, None, Some(ParseOptions::new().progress_callback(&mut count)))
}

/// The syntax errors of a tree in the order of the text.
fn error_nodes<'a>(tree: &'a Tree, content: &'a str) -> impl Iterator<Item = SyntaxError> + 'a {
    let errors = nodes(tree).filter(|node| node.is_error() || node.is_missing());
    errors.map(|node| describe(&node, content))
}

/// The nodes of a tree in the order of the text, without those inside error nodes.
fn nodes(tree: &Tree) -> impl Iterator<Item = Node<'_>> {
    let mut cursor = tree.walk();
    let mut next = Some(tree.root_node());
    std::iter::from_fn(move || {
        let node = next.take()?;
        if !node.is_error() && cursor.goto_first_child() {
            next = Some(cursor.node());
            return Some(node);
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Some(node);
            }
        }
        next = Some(cursor.node());
        Some(node)
    })
}

fn describe(node: &Node<'_>, content: &str) -> SyntaxError {
    let line = u32::try_from(node.start_position().row + 1).unwrap_or(u32::MAX);
    let text = content.get(node.byte_range()).unwrap_or_default().trim_start();
    let quoted = one_line(text.lines().next().unwrap_or_default().trim(), QUOTED_CHARS);
    let last = node.end_position().row + 1;
    let mut message = if node.is_missing() {
        format!("syntax error: `{}` is missing", node.kind())
    } else if quoted.is_empty() {
        "syntax error".to_owned()
    } else {
        format!("syntax error near `{quoted}`")
    };
    if last > node.start_position().row + 1 {
        message += &format!(" (somewhere in lines {line} to {last})");
    }
    SyntaxError { line, message }
}

fn list_style_faults(file: &GeneratedFile) -> Vec<Fault> {
    let error = style::find_syntax_error(&file.content);
    error.map(|(message, at)| error_at(&file.content, message, at).in_file(file)).into_iter().collect()
}

fn error_at(content: &str, message: &str, at: usize) -> SyntaxError {
    SyntaxError { line: line_of(content, at), message: message.to_owned() }
}

/// The faults of the tree, or the first `def`, `if` and the like that has no indented block.
fn list_python_faults(file: &GeneratedFile) -> Vec<Fault> {
    let Some(tree) = parse_tree(&file.content, &tree_sitter_python::LANGUAGE.into()) else {
        return vec![unreadable(file)];
    };
    let mut errors: Vec<SyntaxError> = error_nodes(&tree, &file.content).take(MAX_FAULTS_A_FILE).collect();
    if errors.is_empty() {
        let empty_block = nodes(&tree).find(|node| node.kind() == "block" && node.named_child_count() == 0);
        errors.extend(
            empty_block
                .and_then(|node| node.parent())
                .map(|parent| error_at(&file.content, "an indented block is missing", parent.start_byte())),
        );
    }
    errors.into_iter().map(|error| error.in_file(file)).collect()
}

/// The faults of a page, and of the scripts and styles inside it.
fn list_page_faults(file: &GeneratedFile) -> Vec<Fault> {
    let page = file.content.as_str();
    page::scan(page)
        .iter()
        .flat_map(|found| match *found {
            PagePart::SyntaxError(message, at) => vec![error_at(page, message, at)],
            PagePart::Script(text, kind, at) => list_inline_faults(text, kind, page, at),
            PagePart::Link(..) => Vec::new(),
            PagePart::Style(text, at) => {
                let error = style::find_syntax_error(text);
                error.map(|(message, inside)| error_at(page, message, at + inside)).into_iter().collect()
            }
        })
        .map(|error| error.in_file(file))
        .take(MAX_FAULTS_A_FILE)
        .collect()
}

/// The syntax errors of a script that begins at that byte of the page.
fn list_inline_faults(text: &str, kind: ScriptKind, page: &str, at: usize) -> Vec<SyntaxError> {
    let source_type = match kind {
        ScriptKind::Classic => SourceType::script(),
        ScriptKind::Module => SourceType::mjs(),
        ScriptKind::Jsx => SourceType::unambiguous().with_jsx(true),
    };
    let errors = script::read(text, source_type).errors;
    errors.iter().map(|error| error_at(page, &error.message, at + error.at)).collect()
}

#[cfg(test)]
mod tests;
