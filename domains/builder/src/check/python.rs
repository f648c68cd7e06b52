//! Checks Python: syntax, indentation, statements outside functions, and what is imported.

mod distributions;
mod imports;
mod requirements;

use tree_sitter::Tree;

use super::app::App;
use super::syntax::{SyntaxError, error_at, error_nodes, nodes, parse_tree};
use crate::fault::Fault;

/// The first errors of the text, at most `most`. None if the text could not be read.
pub(super) fn list_errors(content: &str, most: usize) -> Option<Vec<SyntaxError>> {
    let tree = parse_tree(content, &tree_sitter_python::LANGUAGE.into())?;
    let errors: Vec<SyntaxError> = error_nodes(&tree, content).take(most).collect();
    if !errors.is_empty() {
        return Some(errors);
    }
    let found = find_empty_block(&tree)
        .map(|at| ("an indented block is missing", at))
        .or_else(|| {
            find_indentation(&tree, content).map(|at| ("the indentation matches no block around it", at))
        })
        .or_else(|| {
            find_outside_function(&tree).map(|at| ("return and yield stand inside functions alone", at))
        });
    Some(found.map(|(message, at)| error_at(content, message, at)).into_iter().collect())
}

/// The faults and notes of what Python files import and of `requirements.txt`.
pub(super) fn list_faults(app: &App<'_>) -> Vec<Fault> {
    let mut faults = requirements::list_faults(app);
    faults.extend(imports::list_faults(app));
    faults
}

/// The offset of the first `def`, `if` and the like that has no indented block.
fn find_empty_block(tree: &Tree) -> Option<usize> {
    let empty = nodes(tree).find(|node| node.kind() == "block" && node.named_child_count() == 0)?;
    Some(empty.parent()?.start_byte())
}

/// The offset of the first statement that begins at another column than those before it in
/// its block: one after a dedent to a level that never existed.
fn find_indentation(tree: &Tree, content: &str) -> Option<usize> {
    nodes(tree).filter(|node| matches!(node.kind(), "module" | "block")).find_map(|block| {
        let mut cursor = block.walk();
        let mut expected = (block.kind() == "module").then_some(0);
        for child in block.named_children(&mut cursor) {
            let column = child.start_position().column;
            let at = child.start_byte();
            let before = content.as_bytes().get(at.saturating_sub(column)..at).unwrap_or_default();
            let begins_line = before.iter().all(u8::is_ascii_whitespace);
            if child.kind() != "comment" && begins_line && *expected.get_or_insert(column) != column {
                return Some(at);
            }
        }
        None
    })
}

/// The offset of the first `return` or `yield` that is in no function.
fn find_outside_function(tree: &Tree) -> Option<usize> {
    let mut cursor = tree.walk();
    let mut inside = vec![false];
    loop {
        let node = cursor.node();
        let is_inside = inside.last().copied().unwrap_or_default();
        if matches!(node.kind(), "return_statement" | "yield") && node.is_named() && !is_inside {
            return Some(node.start_byte());
        }
        let is_inside_below = match node.kind() {
            "function_definition" | "lambda" => true,
            "class_definition" => false,
            _ => is_inside,
        };
        if cursor.goto_first_child() {
            inside.push(is_inside_below);
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return None;
            }
            inside.pop();
        }
    }
}

#[cfg(test)]
mod tests;
