//! The syntax tree of an expression. Its depth and its size are bounded.

use super::{
    Refused,
    token::{Piece, Token, tokens},
};

/// Deepest nesting.
const MAX_DEPTH: usize = 40;
/// Most parts of an expression.
const MAX_PARTS: usize = 300;

/// A part of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    Text(String),
    Number(String),
    Bool(bool),
    Null,
    Name(String),
    Regex(String, String),
    Member {
        of: Box<Expr>,
        name: String,
        optional: bool,
    },
    Index {
        of: Box<Expr>,
        key: Box<Expr>,
        optional: bool,
    },
    Call {
        of: Box<Expr>,
        arguments: Vec<Expr>,
    },
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
    List(Vec<Expr>),
    Object(Vec<(String, Expr)>),
    /// A text in backticks.
    Joined(Vec<Expr>),
}

/// The operators between two values, from those that bind the least.
const LEVELS: [&[&str]; 8] = [
    &["??"],
    &["||"],
    &["&&"],
    &["===", "!==", "==", "!="],
    &["<=", ">=", "<", ">"],
    &["+", "-"],
    &["*", "/", "%"],
    &["**"],
];

/// Parses an expression.
pub(super) fn parse(source: &str) -> Result<Expr, Refused> {
    let mut parts = 0;
    parse_at(source, 0, &mut parts)
}

fn parse_at(source: &str, depth: usize, parts: &mut usize) -> Result<Expr, Refused> {
    let mut parser = Parser { tokens: tokens(source)?.into_iter().peekable(), depth, parts };
    let parsed = parser.expression()?;
    let _end = parser.takes(";");
    match parser.tokens.next() {
        None => Ok(parsed),
        Some(token) => Err(unexpected(Some(&token))),
    }
}

fn unexpected(token: Option<&Token>) -> Refused {
    Refused::new(match token {
        None => "the expression has no end".to_owned(),
        Some(Token::Sign("=>")) => "functions with => are not imported".to_owned(),
        Some(Token::Sign(sign)) => format!("{sign} is not imported here"),
        Some(Token::Name(name)) => format!("{name} is not imported here"),
        Some(_) => "a value follows another one".to_owned(),
    })
}

struct Parser<'a> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
    parts: &'a mut usize,
}

impl Parser<'_> {
    fn takes(&mut self, sign: &str) -> bool {
        self.tokens.next_if(|token| matches!(token, Token::Sign(found) if *found == sign)).is_some()
    }

    fn expects(&mut self, sign: &str) -> Result<(), Refused> {
        if self.takes(sign) { Ok(()) } else { Err(unexpected(self.tokens.peek())) }
    }

    fn count(&mut self) -> Result<(), Refused> {
        *self.parts += 1;
        if *self.parts > MAX_PARTS {
            return Err(Refused::new(format!("the expression has more than {MAX_PARTS} parts")));
        }
        Ok(())
    }

    fn below<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Refused>) -> Result<T, Refused> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Refused::new(format!("the expression has more than {MAX_DEPTH} levels")));
        }
        let found = inner(self);
        self.depth -= 1;
        found
    }

    fn expression(&mut self) -> Result<Expr, Refused> {
        self.below(|parser| {
            let test = parser.binary(0)?;
            if !parser.takes("?") {
                return Ok(test);
            }
            parser.count()?;
            let then = parser.expression()?;
            parser.expects(":")?;
            let otherwise = parser.expression()?;
            Ok(Expr::Choice(Box::new(test), Box::new(then), Box::new(otherwise)))
        })
    }

    fn binary(&mut self, level: usize) -> Result<Expr, Refused> {
        let Some(signs) = LEVELS.get(level) else { return self.prefixed() };
        let mut left = self.binary(level + 1)?;
        loop {
            let found = self.tokens.peek().and_then(|token| match token {
                Token::Sign(sign) => signs.iter().find(|other| *other == sign),
                _ => None,
            });
            let Some(sign) = found.copied() else { return Ok(left) };
            let _sign = self.tokens.next();
            self.count()?;
            let right = self.binary(level + 1)?;
            left = Expr::Binary(sign, Box::new(left), Box::new(right));
        }
    }

    fn prefixed(&mut self) -> Result<Expr, Refused> {
        if self.takes("!") {
            self.count()?;
            return self.below(|parser| Ok(Expr::Not(Box::new(parser.prefixed()?))));
        }
        if self.takes("-") {
            self.count()?;
            return self.below(|parser| Ok(Expr::Negative(Box::new(parser.prefixed()?))));
        }
        if let Some(Token::Name(name)) = self.tokens.peek()
            && matches!(name.as_str(), "typeof" | "await" | "void" | "delete")
        {
            return Err(Refused::new(format!("{name} is not imported")));
        }
        if self.tokens.next_if(|token| *token == Token::Name("new".to_owned())).is_some() {
            self.count()?;
            return self.below(Self::postfixed);
        }
        self.postfixed()
    }

    fn postfixed(&mut self) -> Result<Expr, Refused> {
        let mut of = self.primary()?;
        loop {
            self.count()?;
            let optional = self.takes("?.");
            if optional || self.takes(".") {
                if optional && self.takes("[") {
                    of = self.index(of, true)?;
                    continue;
                }
                let name = match self.tokens.next() {
                    Some(Token::Name(name)) => name,
                    other => return Err(unexpected(other.as_ref())),
                };
                of = Expr::Member { of: Box::new(of), name, optional };
            } else if self.takes("[") {
                of = self.index(of, false)?;
            } else if self.takes("(") {
                let arguments = self.list_until(")")?;
                of = Expr::Call { of: Box::new(of), arguments };
            } else {
                return Ok(of);
            }
        }
    }

    fn index(&mut self, of: Expr, optional: bool) -> Result<Expr, Refused> {
        let key = Box::new(self.expression()?);
        self.expects("]")?;
        Ok(Expr::Index { of: Box::new(of), key, optional })
    }

    fn list_until(&mut self, end: &str) -> Result<Vec<Expr>, Refused> {
        let mut items = Vec::new();
        while !self.takes(end) {
            items.push(self.expression()?);
            if !self.takes(",") {
                self.expects(end)?;
                break;
            }
        }
        Ok(items)
    }

    fn primary(&mut self) -> Result<Expr, Refused> {
        self.count()?;
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(Expr::Text(text)),
            Some(Token::Number(number)) => Ok(Expr::Number(number)),
            Some(Token::Regex(pattern, flags)) => Ok(Expr::Regex(pattern, flags)),
            Some(Token::Template(pieces)) => self.joined(pieces),
            Some(Token::Name(name)) => Ok(match name.as_str() {
                "true" => Expr::Bool(true),
                "false" => Expr::Bool(false),
                "null" | "undefined" => Expr::Null,
                _ => Expr::Name(name),
            }),
            Some(Token::Sign("(")) => {
                let inner = self.expression()?;
                self.expects(")")?;
                Ok(inner)
            }
            Some(Token::Sign("[")) => self.list_until("]").map(Expr::List),
            Some(Token::Sign("{")) => self.object(),
            other => Err(unexpected(other.as_ref())),
        }
    }

    fn object(&mut self) -> Result<Expr, Refused> {
        let mut fields = Vec::new();
        while !self.takes("}") {
            let key = match self.tokens.next() {
                Some(Token::Name(key) | Token::Text(key) | Token::Number(key)) => key,
                other => return Err(unexpected(other.as_ref())),
            };
            self.expects(":")?;
            fields.push((key, self.expression()?));
            if !self.takes(",") {
                self.expects("}")?;
                break;
            }
        }
        Ok(Expr::Object(fields))
    }

    fn joined(&mut self, pieces: Vec<Piece>) -> Result<Expr, Refused> {
        let mut parts = Vec::new();
        for piece in pieces {
            self.count()?;
            parts.push(match piece {
                Piece::Text(text) => Expr::Text(text),
                Piece::Source(source) => {
                    self.below(|parser| parse_at(&source, parser.depth, parser.parts))?
                }
            });
        }
        Ok(Expr::Joined(parts))
    }
}
