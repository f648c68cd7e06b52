//! The syntax tree of an expression, made from MiniJinja's. No other module names its parser.

use minijinja::{
    machinery::{Token, ast, parse_expr, tokenize},
    syntax::SyntaxConfig,
};
use serde_json::Value;

use super::{
    error::{Fault, Raised},
    functions,
    session::{MAX_DEPTH, MAX_EXPRESSION_BYTES},
};

/// Most prefixes (`-`, `not`) and `else` of one expression. MiniJinja's parser calls itself
/// for each of them and does not bound that.
const MAX_PREFIXES: usize = 128;

/// A part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The byte of the expression where it begins.
    pub(super) at: usize,
}

/// What a part is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Constant(Value),
    Name(String),
    Field(Box<Node>, String),
    Item(Box<Node>, Box<Node>),
    Slice(Box<Node>, [Option<Box<Node>>; 3]),
    Not(Box<Node>),
    Negative(Box<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    Compare(Box<Node>, Vec<(Comparison, Node)>),
    If { test: Box<Node>, then: Box<Node>, otherwise: Option<Box<Node>> },
    Call(Call),
    Test(Call),
    List(Vec<Node>),
    Object(Vec<(Node, Node)>),
}

/// A call of a function, filter or test. What a filter or test applies to comes first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: Vec<Node>,
    pub(super) named: Vec<(String, Node)>,
}

/// An operator between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
    And,
    Or,
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
    Concatenate,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
    NotIn,
}

/// Parses an expression.
pub(super) fn parse(source: &str) -> Result<Node, Raised> {
    if source.len() > MAX_EXPRESSION_BYTES {
        return Err(Fault::TooLong { limit: MAX_EXPRESSION_BYTES }.at(0));
    }
    let start = source.len() - source.trim_start().len();
    if source.trim().is_empty() {
        return Err(Fault::Syntax("the expression is empty".into()).at(0));
    }
    check_nesting(source)?;
    let parsed = parse_expr(source).map_err(|error| {
        let at = error.range().map_or(start, |range| range.start);
        Fault::Syntax(error.detail().unwrap_or("not an expression").to_owned()).at(at)
    })?;
    lower(&parsed, 0)
}

/// Refuses what would take the parser too much of its stack.
fn check_nesting(source: &str) -> Result<(), Raised> {
    let (mut prefixes, mut open) = (0, 0_usize);
    for token in tokenize(source, true, SyntaxConfig::default()) {
        // The parser reports what is no token.
        let Ok((token, span)) = token else { break };
        match token {
            Token::Minus | Token::Ident("not" | "else") => prefixes += 1,
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => open += 1,
            Token::ParenClose | Token::BracketClose | Token::BraceClose => open = open.saturating_sub(1),
            _ => {}
        }
        if prefixes > MAX_PREFIXES || open > MAX_DEPTH {
            return Err(Fault::TooDeep.at(span.start_offset as usize));
        }
    }
    Ok(())
}

fn lower(expr: &ast::Expr<'_>, depth: usize) -> Result<Node, Raised> {
    let at = expr.span().start_offset as usize;
    if depth > MAX_DEPTH {
        return Err(Fault::TooDeep.at(at));
    }
    let below = |expr: &ast::Expr<'_>| lower(expr, depth + 1);
    let boxed = |expr: &ast::Expr<'_>| below(expr).map(Box::new);
    let optional = |expr: &Option<ast::Expr<'_>>| expr.as_ref().map(boxed).transpose();
    let list = |items: &[ast::Expr<'_>]| items.iter().map(below).collect::<Result<Vec<_>, _>>();
    let kind = match expr {
        ast::Expr::Var(name) if name.id == "null" => Kind::Constant(Value::Null),
        ast::Expr::Var(name) => Kind::Name(name.id.to_owned()),
        ast::Expr::Const(constant) => Kind::Constant(constant_of(&constant.value).map_err(|f| f.at(at))?),
        ast::Expr::GetAttr(get) => Kind::Field(boxed(&get.expr)?, get.name.to_owned()),
        ast::Expr::GetItem(get) => Kind::Item(boxed(&get.expr)?, boxed(&get.subscript_expr)?),
        ast::Expr::Slice(slice) => Kind::Slice(
            boxed(&slice.expr)?,
            [optional(&slice.start)?, optional(&slice.stop)?, optional(&slice.step)?],
        ),
        ast::Expr::UnaryOp(unary) => match unary.op {
            ast::UnaryOpKind::Not => Kind::Not(boxed(&unary.expr)?),
            ast::UnaryOpKind::Neg => Kind::Negative(boxed(&unary.expr)?),
        },
        ast::Expr::BinOp(binary) => binary_of(binary.op, boxed(&binary.left)?, boxed(&binary.right)?),
        ast::Expr::Compare(compare) => {
            let rest = compare.ops.iter().map(|op| Ok((comparison_of(op.op), below(&op.expr)?)));
            Kind::Compare(boxed(&compare.expr)?, rest.collect::<Result<_, _>>()?)
        }
        ast::Expr::IfExpr(choice) => Kind::If {
            test: boxed(&choice.test_expr)?,
            then: boxed(&choice.true_expr)?,
            otherwise: optional(&choice.false_expr)?,
        },
        ast::Expr::Filter(_) | ast::Expr::Test(_) | ast::Expr::Call(_) => lower_call(expr, at, depth + 1)?,
        ast::Expr::List(items) => Kind::List(list(&items.items)?),
        ast::Expr::Tuple(items) => Kind::List(list(&items.items)?),
        ast::Expr::Map(map) => {
            let pairs = map.keys.iter().zip(&map.values);
            let pairs = pairs.map(|(key, value)| Ok((below(key)?, below(value)?)));
            Kind::Object(pairs.collect::<Result<_, _>>()?)
        }
    };
    let at = match &kind {
        Kind::Binary(_, first, _) | Kind::Compare(first, _) | Kind::If { then: first, .. } => first.at,
        _ => at,
    };
    Ok(Node { kind, at })
}

fn lower_call(expr: &ast::Expr<'_>, at: usize, depth: usize) -> Result<Kind, Raised> {
    let wrong = |message: &str| Fault::Syntax(message.to_owned()).at(at);
    let (name, subject, arguments) = match expr {
        ast::Expr::Filter(filter) => (filter.name, filter.expr.as_ref(), &filter.args),
        ast::Expr::Test(test) => (test.name, Some(&test.expr), &test.args),
        ast::Expr::Call(call) => match &call.expr {
            ast::Expr::Var(name) => (name.id, None, &call.args),
            ast::Expr::GetAttr(method) => (method.name, Some(&method.expr), &call.args),
            _ => return Err(wrong("only functions can be called")),
        },
        _ => return Err(wrong("not a call")),
    };
    let mut call = Call { name: name.to_owned(), arguments: Vec::new(), named: Vec::new() };
    call.arguments.extend(subject.map(|subject| lower(subject, depth)).transpose()?);
    for argument in arguments {
        match argument {
            ast::CallArg::Pos(value) => call.arguments.push(lower(value, depth)?),
            ast::CallArg::Kwarg(name, value) => call.named.push(((*name).to_owned(), lower(value, depth)?)),
            ast::CallArg::PosSplat(_) | ast::CallArg::KwargSplat(_) => {
                return Err(wrong("arguments cannot be spread"));
            }
        }
    }
    let is_test = matches!(expr, ast::Expr::Test(_));
    let checked = if is_test { functions::check_test(&call) } else { functions::check_call(&call) };
    checked.map_err(|fault| fault.at(at))?;
    Ok(if is_test { Kind::Test(call) } else { Kind::Call(call) })
}

fn constant_of(value: &minijinja::Value) -> Result<Value, Fault> {
    if let Some(text) = value.as_str() {
        return Ok(Value::from(text));
    }
    serde_json::to_value(value).map_err(|_| Fault::Overflow)
}

fn binary_of(op: ast::BinOpKind, left: Box<Node>, right: Box<Node>) -> Kind {
    let comparison = match op {
        ast::BinOpKind::ScAnd => return Kind::Binary(Binary::And, left, right),
        ast::BinOpKind::ScOr => return Kind::Binary(Binary::Or, left, right),
        ast::BinOpKind::Add => return Kind::Binary(Binary::Add, left, right),
        ast::BinOpKind::Sub => return Kind::Binary(Binary::Subtract, left, right),
        ast::BinOpKind::Mul => return Kind::Binary(Binary::Multiply, left, right),
        ast::BinOpKind::Div => return Kind::Binary(Binary::Divide, left, right),
        ast::BinOpKind::FloorDiv => return Kind::Binary(Binary::FloorDivide, left, right),
        ast::BinOpKind::Rem => return Kind::Binary(Binary::Remainder, left, right),
        ast::BinOpKind::Pow => return Kind::Binary(Binary::Power, left, right),
        ast::BinOpKind::Concat => return Kind::Binary(Binary::Concatenate, left, right),
        ast::BinOpKind::Eq => Comparison::Equal,
        ast::BinOpKind::Ne => Comparison::NotEqual,
        ast::BinOpKind::Lt => Comparison::Less,
        ast::BinOpKind::Lte => Comparison::AtMost,
        ast::BinOpKind::Gt => Comparison::Greater,
        ast::BinOpKind::Gte => Comparison::AtLeast,
        ast::BinOpKind::In => Comparison::In,
    };
    Kind::Compare(left, vec![(comparison, *right)])
}

const fn comparison_of(op: ast::CompareOpKind) -> Comparison {
    match op {
        ast::CompareOpKind::Eq => Comparison::Equal,
        ast::CompareOpKind::Ne => Comparison::NotEqual,
        ast::CompareOpKind::Lt => Comparison::Less,
        ast::CompareOpKind::Lte => Comparison::AtMost,
        ast::CompareOpKind::Gt => Comparison::Greater,
        ast::CompareOpKind::Gte => Comparison::AtLeast,
        ast::CompareOpKind::In => Comparison::In,
        ast::CompareOpKind::NotIn => Comparison::NotIn,
    }
}
