//! What the code of a module refers to, beyond its import and export statements.

use oxc::ast::ast::{
    Argument, CallExpression, Expression, IdentifierReference, ImportExpression, JSXOpeningElement,
    NewExpression,
};
use oxc::ast_visit::{Visit, walk};
use oxc::semantic::Scoping;

use super::{Request, RequestKind, offset};

/// Hooks of React, which code uses without `React.` only after an import.
const HOOKS: [&str; 10] = [
    "useState",
    "useEffect",
    "useMemo",
    "useCallback",
    "useRef",
    "useContext",
    "useReducer",
    "useLayoutEffect",
    "useId",
    "useTransition",
];

/// Collects the references of a module. The scopes are those of the same program.
pub(super) struct Uses<'s> {
    scoping: &'s Scoping,
    /// Literal addresses in calls.
    pub(super) requests: Vec<Request>,
    /// Components and hooks without a declaration, with their byte offsets.
    pub(super) undefined: Vec<(String, usize)>,
    /// Byte offsets of `eval(` and `new Function(`.
    pub(super) evaluations: Vec<usize>,
}

impl<'s> Uses<'s> {
    pub(super) fn new(scoping: &'s Scoping) -> Self {
        Self { scoping, requests: Vec::new(), undefined: Vec::new(), evaluations: Vec::new() }
    }

    fn request(&mut self, specifier: &str, at: u32, kind: RequestKind) {
        self.requests.push(Request::new(specifier, offset(at), kind));
    }

    fn is_declared(&self, name: &IdentifierReference<'_>) -> bool {
        let reference = name.reference_id.get().map(|id| self.scoping.get_reference(id));
        reference.is_none_or(|reference| reference.symbol_id().is_some())
    }

    fn use_name(&mut self, name: &IdentifierReference<'_>) {
        if !self.is_declared(name) {
            self.undefined.push((name.name.as_str().to_owned(), offset(name.span.start)));
        }
    }
}

impl<'a> Visit<'a> for Uses<'_> {
    fn visit_import_expression(&mut self, import: &ImportExpression<'a>) {
        if let Expression::StringLiteral(source) = &import.source {
            self.request(source.value.as_str(), source.span.start, RequestKind::Dynamic);
        }
        walk::walk_import_expression(self, import);
    }

    fn visit_call_expression(&mut self, call: &CallExpression<'a>) {
        if let Some(source) = call.common_js_require() {
            self.request(source.value.as_str(), source.span.start, RequestKind::Require);
        }
        if let Expression::Identifier(callee) = &call.callee {
            let name = callee.name.as_str();
            if name == "eval" && !self.is_declared(callee) {
                self.evaluations.push(offset(call.span.start));
            } else if HOOKS.contains(&name) {
                self.use_name(callee);
            } else if let ("fetch", Some(Argument::StringLiteral(address))) = (name, call.arguments.first()) {
                self.request(address.value.as_str(), address.span.start, RequestKind::Fetch);
            }
        }
        walk::walk_call_expression(self, call);
    }

    fn visit_new_expression(&mut self, new: &NewExpression<'a>) {
        let is_global = |name: &str| matches!(&new.callee, Expression::Identifier(callee) if callee.name.as_str() == name);
        if is_global("Function") {
            self.evaluations.push(offset(new.span.start));
        }
        let is_module_url =
            is_global("URL") && matches!(new.arguments.get(1), Some(base) if is_import_meta(base));
        if let Some(Argument::StringLiteral(address)) = new.arguments.first() {
            if is_module_url {
                self.request(address.value.as_str(), address.span.start, RequestKind::ModuleUrl);
            } else if is_global("Worker") || is_global("SharedWorker") {
                self.request(address.value.as_str(), address.span.start, RequestKind::Worker);
            }
        }
        walk::walk_new_expression(self, new);
    }

    fn visit_jsx_opening_element(&mut self, element: &JSXOpeningElement<'a>) {
        if let Some(name) = element.name.get_identifier() {
            self.use_name(name);
        }
        walk::walk_jsx_opening_element(self, element);
    }
}

/// Whether the argument is `import.meta.url`.
fn is_import_meta(argument: &Argument<'_>) -> bool {
    match argument {
        Argument::StaticMemberExpression(member) => {
            matches!(member.object, Expression::MetaProperty(_)) && member.property.name.as_str() == "url"
        }
        _ => false,
    }
}
