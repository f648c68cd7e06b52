//! The syntax tree as an expression of ours.

use std::collections::BTreeSet;

use super::{Kind, Refused, Sight, Written, parse::Expr, paths::Meaning, quoted};

/// Writes one expression.
pub(super) struct Writer<'a, 'b> {
    pub(super) sight: &'a Sight<'b>,
    pub(super) notes: &'a mut BTreeSet<String>,
}

/// A function of ours.
pub(super) fn call(name: &str, arguments: &[&str], kind: Kind) -> Written {
    Written::atom(format!("{name}({})", arguments.join(", ")), kind)
}

fn operation(left: &Written, sign: &str, right: &Written, kind: Kind) -> Written {
    let text = format!("{} {sign} {}", left.part(), right.part());
    Written { text, kind, is_atom: false, is_path: false }
}

impl Writer<'_, '_> {
    /// The expression of a part.
    pub(super) fn write(&mut self, expr: &Expr) -> Result<Written, Refused> {
        match expr {
            Expr::Text(text) => Ok(Written::atom(quoted(text), Kind::Text)),
            Expr::Number(number) => Ok(Written::atom(number.clone(), Kind::Number)),
            Expr::Bool(value) => Ok(Written::atom(value.to_string(), Kind::Unknown)),
            Expr::Null => Ok(Written::atom("null", Kind::Unknown)),
            Expr::Regex(..) => Err(Refused::new("a regular expression is not imported here")),
            Expr::Name(_) | Expr::Member { .. } | Expr::Index { .. } => {
                let meaning = self.meaning(expr)?;
                self.value_of(meaning)
            }
            Expr::Call { of, arguments } => {
                let meaning = self.called(of, arguments)?;
                self.value_of(meaning)
            }
            Expr::Not(inner) => {
                let inner = self.write(inner)?.lenient();
                let text = format!("not {}", inner.part());
                Ok(Written { text, kind: Kind::Unknown, is_atom: false, is_path: false })
            }
            Expr::Negative(inner) => {
                let text = format!("-{}", self.write(inner)?.part());
                Ok(Written { text, kind: Kind::Number, is_atom: false, is_path: false })
            }
            Expr::Binary(sign, left, right) => self.binary(sign, left, right),
            Expr::Choice(test, then, otherwise) => {
                let test = self.write(test)?.lenient();
                let (then, otherwise) = (self.write(then)?, self.write(otherwise)?);
                let kind = if then.kind == otherwise.kind { then.kind } else { Kind::Unknown };
                let text = format!("{} if {} else {}", then.part(), test.part(), otherwise.part());
                Ok(Written { text, kind, is_atom: false, is_path: false })
            }
            Expr::List(items) => {
                let items: Vec<String> =
                    items.iter().map(|item| Ok(self.write(item)?.text)).collect::<Result<_, Refused>>()?;
                Ok(Written::atom(format!("[{}]", items.join(", ")), Kind::Unknown))
            }
            Expr::Object(fields) => {
                let fields = fields.iter().map(|(key, value)| {
                    let value = self.write(value)?.text;
                    Ok(format!("{}: {value}", quoted(key)))
                });
                let fields: Vec<String> = fields.collect::<Result<_, Refused>>()?;
                // The space keeps the brace apart from those of the expression.
                Ok(Written::atom(format!("{{{} }}", fields.join(", ")), Kind::Unknown))
            }
            Expr::Joined(parts) => self.joined(parts),
        }
    }

    fn joined(&mut self, parts: &[Expr]) -> Result<Written, Refused> {
        let mut texts = Vec::new();
        for part in parts {
            if !matches!(part, Expr::Text(text) if text.is_empty()) {
                texts.push(self.write(part)?);
            }
        }
        match &texts[..] {
            [] => Ok(Written::atom("\"\"", Kind::Text)),
            [only] if only.kind == Kind::Text => Ok(only.clone()),
            [only] => Ok(call("string", &[&only.text], Kind::Text)),
            several => {
                let parts: Vec<String> = several.iter().map(Written::part).collect();
                let text = parts.join(" ~ ");
                Ok(Written { text, kind: Kind::Text, is_atom: false, is_path: false })
            }
        }
    }

    fn binary(&mut self, sign: &str, left: &Expr, right: &Expr) -> Result<Written, Refused> {
        let (left, right) = (self.write(left)?, self.write(right)?);
        Ok(match sign {
            "||" => call("default", &[&left.text, &right.text, "true"], Kind::Unknown),
            "??" => call("coalesce", &[&left.text, &right.text], Kind::Unknown),
            "&&" => operation(&left.lenient(), "and", &right, Kind::Unknown),
            "===" | "!==" => {
                let sign = if sign == "===" { "==" } else { "!=" };
                operation(&left.lenient(), sign, &right.lenient(), Kind::Unknown)
            }
            "==" | "!=" => {
                self.notes.insert("== does not convert types here".to_owned());
                operation(&left.lenient(), sign, &right.lenient(), Kind::Unknown)
            }
            "<" | "<=" | ">" | ">=" => {
                if left.kind == Kind::Unknown && right.kind == Kind::Unknown {
                    self.notes.insert(format!("{sign} does not convert types here"));
                }
                operation(&left, sign, &right, Kind::Unknown)
            }
            "+" => self.sum(&left, &right),
            "-" | "*" | "/" | "%" | "**" => {
                if left.kind == Kind::Date || right.kind == Kind::Date {
                    return Err(Refused::new("calculations with dates by signs are not imported"));
                }
                operation(&left, sign, &right, Kind::Number)
            }
            other => return Err(Refused::new(format!("{other} is not imported"))),
        })
    }

    fn sum(&mut self, left: &Written, right: &Written) -> Written {
        let kinds = [left.kind, right.kind];
        if kinds.contains(&Kind::Text) || kinds.contains(&Kind::Date) {
            return operation(left, "~", right, Kind::Text);
        }
        if kinds.contains(&Kind::Unknown) {
            self.notes.insert("+ of values whose type is not known is a sum of numbers here".to_owned());
        }
        operation(left, "+", right, Kind::Number)
    }

    /// The value of what a path leads to.
    pub(super) fn value_of(&mut self, meaning: Meaning) -> Result<Written, Refused> {
        match meaning {
            Meaning::Data(data) => Ok(data.written()),
            Meaning::Plain(written) => Ok(written),
            Meaning::Name(name) => Err(Refused::new(format!("{name} is not imported"))),
            Meaning::Item(_) => Err(Refused::new("an item is imported with its .json only")),
            Meaning::Items(_) => {
                Err(Refused::new("a list of items is imported with its length or the .json of one item only"))
            }
            Meaning::Input | Meaning::Nodes | Meaning::Source(_) | Meaning::Space(_) => {
                Err(Refused::new("the name of a node or of an object is no value"))
            }
        }
    }
}
