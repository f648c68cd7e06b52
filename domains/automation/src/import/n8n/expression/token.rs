//! The tokens of an expression.

use super::Refused;

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A text in quotes.
    Text(String),
    /// A text in backticks.
    Template(Vec<Piece>),
    /// A number as it is written.
    Number(String),
    /// A name, such as `$json`.
    Name(String),
    /// A regular expression with its flags.
    Regex(String, String),
    /// A sign, such as `===`.
    Sign(&'static str),
}

/// A piece of a text in backticks.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// A text.
    Text(String),
    /// The source of an expression.
    Source(String),
}

/// The signs, the longer ones first.
const SIGNS: [&str; 37] = [
    "...", "===", "!==", "=>", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "**", "++", "--", "(", ")",
    "[", "]", "{", "}", ".", ",", ":", "?", "!", "+", "-", "*", "/", "%", "<", ">", "=", "&", "|", ";",
];

/// The tokens of a source.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, Refused> {
    let mut reader = Reader { rest: source };
    let mut found = Vec::new();
    loop {
        reader.rest = reader.rest.trim_start();
        let Some(first) = reader.rest.chars().next() else { return Ok(found) };
        let token = match first {
            '\'' | '"' => Token::Text(reader.quoted(first)?),
            '`' => Token::Template(reader.template()?),
            '0'..='9' => Token::Number(reader.number()),
            '/' if !ends_value(found.last()) => reader.regex()?,
            _ if starts_name(first) => Token::Name(reader.take_while(continues_name)),
            _ => reader.sign()?,
        };
        found.push(token);
    }
}

fn starts_name(char: char) -> bool {
    char.is_alphabetic() || char == '$' || char == '_'
}

fn continues_name(char: char) -> bool {
    char.is_alphanumeric() || char == '$' || char == '_'
}

/// Whether a value ends with the token, so that a slash after it divides.
fn ends_value(token: Option<&Token>) -> bool {
    match token {
        None => false,
        Some(Token::Sign(sign)) => matches!(*sign, ")" | "]" | "}"),
        Some(_) => true,
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn take_while(&mut self, holds: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(|char| !holds(char)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken.to_owned()
    }

    fn number(&mut self) -> String {
        let whole = self.take_while(|char| char.is_ascii_digit() || char == '_');
        let mut text = whole.replace('_', "");
        let mut after = self.rest.chars();
        if after.next() == Some('.') && after.next().is_some_and(|char| char.is_ascii_digit()) {
            self.rest = &self.rest[1..];
            text.push('.');
            text.push_str(&self.take_while(|char| char.is_ascii_digit()));
        }
        text
    }

    fn sign(&mut self) -> Result<Token, Refused> {
        for sign in SIGNS {
            // `a ?.5 : b` is a choice, not an optional member.
            let is_choice = sign == "?." && self.rest.chars().nth(2).is_some_and(|c| c.is_ascii_digit());
            if let Some(rest) = self.rest.strip_prefix(sign).filter(|_| !is_choice) {
                self.rest = rest;
                return Ok(Token::Sign(sign));
            }
        }
        let char = self.rest.chars().next().unwrap_or_default();
        Err(Refused::new(format!("the sign {char:?} is not imported")))
    }

    /// A text after its first quote.
    fn quoted(&mut self, quote: char) -> Result<String, Refused> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices();
        let _quote = chars.next();
        while let Some((at, char)) = chars.next() {
            if char == quote {
                self.rest = &self.rest[at + char.len_utf8()..];
                return Ok(text);
            }
            if char == '\\' {
                escaped(&mut chars, &mut text)?;
            } else {
                text.push(char);
            }
        }
        Err(Refused::new("a text has no end"))
    }

    fn template(&mut self) -> Result<Vec<Piece>, Refused> {
        let (mut pieces, mut text) = (Vec::new(), String::new());
        let mut chars = self.rest.char_indices();
        let _quote = chars.next();
        while let Some((at, char)) = chars.next() {
            match char {
                '`' => {
                    self.rest = &self.rest[at + 1..];
                    pieces.push(Piece::Text(text));
                    return Ok(pieces);
                }
                '\\' => escaped(&mut chars, &mut text)?,
                '$' if self.rest[at..].starts_with("${") => {
                    let source = embedded(&self.rest[at + 2..])?;
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                    pieces.push(Piece::Source(source.to_owned()));
                    let end = at + 2 + source.len() + 1;
                    while chars.offset() < end && chars.next().is_some() {}
                }
                char => text.push(char),
            }
        }
        Err(Refused::new("a text in backticks has no end"))
    }

    fn regex(&mut self) -> Result<Token, Refused> {
        let (mut is_escaped, mut is_class) = (false, false);
        let mut end = None;
        for (at, char) in self.rest.char_indices().skip(1) {
            match char {
                '\n' => break,
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '[' => is_class = true,
                ']' => is_class = false,
                '/' if !is_class => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let Some(end) = end else { return Err(Refused::new("a regular expression has no end")) };
        let pattern = self.rest[1..end].to_owned();
        self.rest = &self.rest[end + 1..];
        let flags = self.take_while(|char| char.is_ascii_alphabetic());
        Ok(Token::Regex(pattern, flags))
    }
}

/// The source of an expression in backticks, up to the brace that closes it.
fn embedded(text: &str) -> Result<&str, Refused> {
    let (mut depth, mut quote) = (0_usize, None);
    let mut is_escaped = false;
    for (at, char) in text.char_indices() {
        match (quote, char) {
            _ if is_escaped => is_escaped = false,
            (Some(_), '\\') => is_escaped = true,
            (Some(open), char) if open == char => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"' | '`') => quote = Some(char),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Ok(&text[..at]),
            (None, '}') => depth -= 1,
            _ => {}
        }
    }
    Err(Refused::new("an expression in backticks has no end"))
}

/// What a backslash in a text stands for.
fn escaped(chars: &mut std::str::CharIndices<'_>, text: &mut String) -> Result<(), Refused> {
    let hexadecimal = |chars: &mut std::str::CharIndices<'_>, digits: usize| {
        let code: String = chars.by_ref().take(digits).map(|(_, char)| char).collect();
        u32::from_str_radix(&code, 16).ok().and_then(char::from_u32)
    };
    let Some((_, char)) = chars.next() else { return Err(Refused::new("a text has no end")) };
    let found = match char {
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'x' => hexadecimal(chars, 2),
        'u' => hexadecimal(chars, 4),
        '\n' => return Ok(()),
        other => Some(other),
    };
    text.push(found.unwrap_or(char::REPLACEMENT_CHARACTER));
    Ok(())
}
