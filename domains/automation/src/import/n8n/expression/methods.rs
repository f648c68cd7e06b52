//! Functions and methods, as functions of ours.

use regex::RegexBuilder;

use super::{
    Kind, Refused, Written, dates,
    parse::Expr,
    paths::Meaning,
    quoted,
    write::{Writer, call},
};

/// Largest compiled regular expression.
const MAX_REGEX_BYTES: usize = 256 * 1024;

/// Methods without arguments that are functions of one value here.
const ALONE: [(&str, &str, Kind); 27] = [
    ("toLowerCase", "lower", Kind::Text),
    ("toUpperCase", "upper", Kind::Text),
    ("trim", "trim", Kind::Text),
    ("toString", "string", Kind::Text),
    ("toJsonString", "to_json", Kind::Text),
    ("parseJson", "from_json", Kind::Unknown),
    ("isEmpty", "is_empty", Kind::Unknown),
    ("first", "first", Kind::Unknown),
    ("last", "last", Kind::Unknown),
    ("keys", "keys", Kind::Unknown),
    ("values", "values", Kind::Unknown),
    ("sum", "sum", Kind::Number),
    ("average", "avg", Kind::Number),
    ("max", "max", Kind::Number),
    ("min", "min", Kind::Number),
    ("unique", "unique", Kind::Unknown),
    ("removeDuplicates", "unique", Kind::Unknown),
    ("reverse", "reverse", Kind::Unknown),
    ("toInt", "int", Kind::Number),
    ("toNumber", "float", Kind::Number),
    ("toFloat", "float", Kind::Number),
    ("urlEncode", "urlencode", Kind::Text),
    ("urlDecode", "urldecode", Kind::Text),
    ("base64Encode", "base64", Kind::Text),
    ("base64Decode", "base64_decode", Kind::Text),
    ("round", "round", Kind::Number),
    ("floor", "floor", Kind::Number),
];

/// Functions of one value that are functions of one value here.
const OF_ONE: [(&str, &str, Kind); 18] = [
    ("JSON.stringify", "to_json", Kind::Text),
    ("JSON.parse", "from_json", Kind::Unknown),
    ("Object.keys", "keys", Kind::Unknown),
    ("Object.values", "values", Kind::Unknown),
    ("Math.round", "round", Kind::Number),
    ("Math.floor", "floor", Kind::Number),
    ("Math.ceil", "ceil", Kind::Number),
    ("Math.abs", "abs", Kind::Number),
    ("Number", "float", Kind::Number),
    ("parseFloat", "float", Kind::Number),
    ("parseInt", "int", Kind::Number),
    ("String", "string", Kind::Text),
    ("Boolean", "bool", Kind::Unknown),
    ("encodeURIComponent", "urlencode", Kind::Text),
    ("decodeURIComponent", "urldecode", Kind::Text),
    ("DateTime.fromISO", "iso", Kind::Date),
    ("DateTime.fromSeconds", "from_unix", Kind::Date),
    ("Date", "iso", Kind::Date),
];

fn find(table: &[(&str, &'static str, Kind)], name: &str) -> Option<(&'static str, Kind)> {
    table.iter().find(|(theirs, ..)| *theirs == name).map(|(_, ours, kind)| (*ours, *kind))
}

impl Writer<'_, '_> {
    /// The value of a call.
    pub(super) fn call_of(&mut self, of: &Expr, arguments: &[Expr]) -> Result<Written, Refused> {
        match of {
            Expr::Name(name) => self.function(name, arguments),
            Expr::Member { of, name, optional } => match self.meaning(of)? {
                Meaning::Space(space) => self.function(&format!("{space}.{name}"), arguments),
                Meaning::Name(of) => Err(Refused::new(format!("{of}.{name}() is not imported"))),
                meaning => {
                    let of = self.value_of(meaning)?;
                    let of = if *optional { of.lenient() } else { of };
                    self.method(&of, name, arguments)
                }
            },
            _ => Err(Refused::new("this call is not imported")),
        }
    }

    fn texts(&mut self, arguments: &[Expr]) -> Result<Vec<String>, Refused> {
        arguments.iter().map(|argument| Ok(self.write(argument)?.text)).collect()
    }

    fn function(&mut self, name: &str, arguments: &[Expr]) -> Result<Written, Refused> {
        let refused = || Err(Refused::new(format!("{name}() is not imported")));
        if let Some((ours, kind)) = find(&OF_ONE, name)
            && let Some((first, rest)) = arguments.split_first()
        {
            match name {
                "JSON.stringify" if !rest.is_empty() => {
                    self.notes.insert("JSON.stringify writes no indentation here".to_owned());
                }
                "parseInt" if matches!(rest, [Expr::Number(base)] if base == "10") => {}
                _ if !rest.is_empty() => return refused(),
                _ => {}
            }
            let first = self.write(first)?;
            return Ok(call(ours, &[&first.text], kind));
        }
        match (name, arguments) {
            ("DateTime.now" | "DateTime.local" | "DateTime.utc" | "Date" | "Date.now", []) => {
                if name == "Date.now" {
                    return Ok(Written {
                        is_atom: false,
                        ..Written::atom("unix(now()) * 1000", Kind::Number)
                    });
                }
                Ok(call("now", &[], Kind::Date))
            }
            ("$if", [test, then, otherwise]) => {
                let test = self.write(test)?.lenient();
                let parts = self.texts(&[then.clone(), otherwise.clone()])?;
                Ok(call("if_else", &[&test.text, &parts[0], &parts[1]], Kind::Unknown))
            }
            ("$ifEmpty", [value, fallback]) => {
                let parts = self.texts(&[value.clone(), fallback.clone()])?;
                Ok(call("default", &[&parts[0], &parts[1], "true"], Kind::Unknown))
            }
            ("$max" | "Math.max" | "$min" | "Math.min", [_, ..]) => {
                let ours = if name.ends_with("max") { "max" } else { "min" };
                let list = format!("[{}]", self.texts(arguments)?.join(", "));
                Ok(call(ours, &[&list], Kind::Number))
            }
            ("Math.pow", [base, power]) => {
                let (base, power) = (self.write(base)?, self.write(power)?);
                let text = format!("{} ** {}", base.part(), power.part());
                Ok(Written { is_atom: false, ..Written::atom(text, Kind::Number) })
            }
            ("Object.assign", [_, _, ..]) => {
                let parts = self.texts(arguments)?;
                Ok(call("merge", &parts.iter().map(String::as_str).collect::<Vec<_>>(), Kind::Unknown))
            }
            ("Array.isArray", [value]) => {
                let value = self.write(value)?.lenient();
                let text = format!("type_of({}) == \"list\"", value.text);
                Ok(Written { is_atom: false, ..Written::atom(text, Kind::Unknown) })
            }
            _ => refused(),
        }
    }

    /// The value of a method of a value.
    pub(super) fn method(
        &mut self,
        of: &Written,
        name: &str,
        arguments: &[Expr],
    ) -> Result<Written, Refused> {
        if arguments.is_empty()
            && let Some((ours, kind)) = find(&ALONE, name)
        {
            return Ok(call(ours, &[&of.text], kind));
        }
        if let Some(written) = dates::method(self, of, name, arguments)? {
            return Ok(written);
        }
        match (name, arguments) {
            ("isNotEmpty", []) => {
                let text = format!("not is_empty({})", of.text);
                Ok(Written { is_atom: false, ..Written::atom(text, Kind::Unknown) })
            }
            ("replace" | "replaceAll", [from, to]) => self.replaced(of, name, from, to),
            ("match", [Expr::Regex(pattern, flags)]) if !flags.contains('g') => {
                self.notes.insert("match gives a text here, not a list".to_owned());
                let pattern = checked(pattern, flags)?;
                Ok(call("regex_find", &[&of.text, &quoted(&pattern)], Kind::Text))
            }
            ("join", _) => self.with_texts("join", of, arguments, ("\",\"", 1)),
            ("split", [_]) => self.with_texts("split", of, arguments, ("", 1)),
            ("includes", [_]) => self.with_texts("contains", of, arguments, ("", 1)),
            ("startsWith", [_]) => self.with_texts("starts_with", of, arguments, ("", 1)),
            ("endsWith", [_]) => self.with_texts("ends_with", of, arguments, ("", 1)),
            ("slice", [_, ..]) => self.with_texts("slice", of, arguments, ("", 2)),
            ("substring", [Expr::Number(_)] | [Expr::Number(_), Expr::Number(_)]) => {
                self.with_texts("slice", of, arguments, ("", 2))
            }
            ("concat", [_]) if of.kind == Kind::Text => {
                let other = self.write(&arguments[0])?;
                let text = format!("{} ~ {}", of.part(), other.part());
                Ok(Written { is_atom: false, ..Written::atom(text, Kind::Text) })
            }
            ("toFixed", [Expr::Number(places)]) => {
                Ok(call("format", &[&of.text, places, "\".\"", "\"\""], Kind::Text))
            }
            ("round", [Expr::Number(places)]) => Ok(call("round", &[&of.text, places], Kind::Number)),
            ("charAt", [Expr::Number(place)]) => {
                let end = place.parse::<u32>().ok().and_then(|place| place.checked_add(1));
                let end = end.ok_or_else(|| Refused::new("a place in a text is an integer"))?;
                Ok(call("slice", &[&of.text, place, &end.to_string()], Kind::Text))
            }
            _ => Err(Refused::new(format!(".{name}() is not imported"))),
        }
    }

    /// A function of the value and at most so many arguments, with a default in place of none.
    fn with_texts(
        &mut self,
        ours: &str,
        of: &Written,
        arguments: &[Expr],
        (default, most): (&str, usize),
    ) -> Result<Written, Refused> {
        if arguments.len() > most {
            return Err(Refused::new(format!("{ours} has more than {most} arguments")));
        }
        let mut parts = vec![of.text.clone()];
        parts.extend(self.texts(arguments)?);
        if arguments.is_empty() {
            parts.push(default.to_owned());
        }
        let kind = if ours == "join" { Kind::Text } else { Kind::Unknown };
        Ok(call(ours, &parts.iter().map(String::as_str).collect::<Vec<_>>(), kind))
    }

    fn replaced(&mut self, of: &Written, name: &str, from: &Expr, to: &Expr) -> Result<Written, Refused> {
        let Expr::Regex(pattern, flags) = from else {
            if name == "replace" {
                self.notes.insert("replace replaces every occurrence here, not the first one".to_owned());
            }
            let parts = self.texts(&[from.clone(), to.clone()])?;
            return Ok(call("replace", &[&of.text, &parts[0], &parts[1]], Kind::Text));
        };
        if !flags.contains('g') {
            self.notes.insert("replace replaces every occurrence here, not the first one".to_owned());
        }
        let Expr::Text(to) = to else {
            return Err(Refused::new("replace by a regular expression is imported with a text only"));
        };
        let pattern = quoted(&checked(pattern, flags)?);
        // A dollar sign would name a group.
        let to = quoted(&to.replace('$', "$$"));
        Ok(call("regex_replace", &[&of.text, &pattern, &to], Kind::Text))
    }
}

/// A regular expression with its flags, if it is one here.
fn checked(pattern: &str, flags: &str) -> Result<String, Refused> {
    let kept: String = flags.chars().filter(|flag| matches!(flag, 'i' | 'm' | 's')).collect();
    let whole = if kept.is_empty() { pattern.to_owned() } else { format!("(?{kept}){pattern}") };
    let whole = whole.replace("\\/", "/");
    match RegexBuilder::new(&whole).size_limit(MAX_REGEX_BYTES).build() {
        Ok(_) => Ok(whole),
        Err(_) => Err(Refused::new(format!("the regular expression /{pattern}/ is not imported"))),
    }
}
