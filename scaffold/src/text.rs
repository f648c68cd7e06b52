//! Text functions: cleaning, folding, tokens, slugs.

/// Removes control characters and invisible direction marks, keeps line breaks, and
/// truncates the text to `limit` characters.
pub(crate) fn clean(text: &str, limit: usize) -> String {
    let kept = text.replace("\r\n", "\n").replace('\r', "\n");
    kept.chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .filter(|c| *c == '\n' || !(c.is_control() || is_direction_mark(*c)))
        .take(limit)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// [`clean`] on one line: runs of white space become one space.
pub(crate) fn clean_line(text: &str, limit: usize) -> String {
    clean(&text.split_whitespace().collect::<Vec<_>>().join(" "), limit)
}

fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Lower case without the accents of Latin letters, for comparison.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'à' | 'â' | 'ä' | 'á' | 'ã' | 'å' => folded.push('a'),
            'ç' => folded.push('c'),
            'é' | 'è' | 'ê' | 'ë' => folded.push('e'),
            'î' | 'ï' | 'í' | 'ì' => folded.push('i'),
            'ô' | 'ö' | 'ó' | 'ò' | 'õ' | 'ø' => folded.push('o'),
            'ù' | 'û' | 'ü' | 'ú' => folded.push('u'),
            'ÿ' => folded.push('y'),
            'ñ' => folded.push('n'),
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ß' => folded.push_str("ss"),
            '\u{300}'..='\u{36f}' => {}
            other => folded.push(other),
        }
    }
    folded
}

/// A word of the text with its folded form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// As typed.
    pub(crate) text: String,
    /// The folded form.
    pub(crate) folded: String,
}

/// A token of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A word.
    Word(Word),
    /// A comma, a slash or a bullet: a separator between two items of a list.
    Separator,
    /// A colon.
    Colon,
    /// The text in brackets, without the brackets.
    Aside(String),
    /// The end of a sentence.
    Stop,
}

/// Splits text into tokens.
pub(crate) fn tokenize(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let inside_number =
            matches!(c, '.' | ',') && ends_in_digit(&word) && chars.peek().is_some_and(char::is_ascii_digit);
        let joins = c == '-' && (1..=2).contains(&word.chars().count());
        if c.is_alphanumeric() || inside_number {
            word.push(c);
            continue;
        }
        if joins && chars.peek().is_some_and(|next| next.is_alphabetic()) {
            continue;
        }
        push_word(&mut tokens, &mut word);
        match c {
            ',' | '/' | '&' | '+' | '•' | '·' | '*' | '|' | '、' | '，' => tokens.push(Token::Separator),
            '.' | '!' | '?' | ';' | '\n' | '。' | '！' | '？' => tokens.push(Token::Stop),
            ':' | '：' => tokens.push(Token::Colon),
            '(' | '[' => tokens.push(Token::Aside(take_aside(&mut chars))),
            _ => {}
        }
    }
    push_word(&mut tokens, &mut word);
    tokens
}

fn ends_in_digit(word: &str) -> bool {
    word.ends_with(|c: char| c.is_ascii_digit())
}

fn push_word(tokens: &mut Vec<Token>, word: &mut String) {
    if !word.is_empty() {
        let text = std::mem::take(word);
        let folded = fold(&text);
        tokens.push(Token::Word(Word { text, folded }));
    }
}

fn take_aside(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut aside = String::new();
    for c in chars.by_ref() {
        if c == ')' || c == ']' {
            break;
        }
        aside.push(c);
    }
    aside
}

/// Letters, digits and `separator` only, at most `limit` bytes; empty if the text has no
/// Latin letter.
pub(crate) fn slug(text: &str, separator: char, limit: usize) -> String {
    let mut slug = String::new();
    for c in fold(text).chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with(separator) {
            slug.push(separator);
        }
    }
    slug.truncate(limit);
    slug.trim_matches(separator).to_owned()
}

/// The text with its first letter in upper case.
pub(crate) fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The first sentence of the text, truncated between words to at most `limit` characters.
pub(crate) fn first_sentence(text: &str, limit: usize) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let end = line
        .find(". ")
        .or_else(|| line.find("! "))
        .or_else(|| line.find("? "))
        .map_or(line.len(), |at| at + 1);
    let sentence = &line[..end];
    if sentence.chars().count() <= limit {
        return sentence.to_owned();
    }
    let cut: String = sentence.chars().take(limit).collect();
    let whole = cut.rfind(' ').map_or(cut.as_str(), |at| &cut[..at]);
    format!("{whole}…")
}

/// A stable hash of the texts (FNV-1a), as eight hex digits.
pub(crate) fn fingerprint(parts: &[&str]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in parts.iter().flat_map(|part| part.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_hold_only_latin_letters_digits_and_the_separator() {
        assert_eq!(slug("Été à la mer!", '-', 40), "ete-a-la-mer");
        assert_eq!(slug("__proto__", '_', 40), "proto");
        assert_eq!(slug("書籍リスト", '-', 40), "");
        assert_eq!(slug("abcdef ghi", '-', 7), "abcdef");
    }

    #[test]
    fn cleaning_drops_invisible_characters() {
        assert_eq!(clean("a\0b\u{202e}c\r\nd\t", 100), "abc\nd");
        assert_eq!(clean_line("  a\n b ", 100), "a b");
        assert_eq!(clean("abcdef", 3), "abc");
    }

    #[test]
    fn tokens_keep_numbers_and_short_prefixes_together() {
        let words: Vec<String> = tokenize("e-mail, 3.5 stars (low, high).")
            .into_iter()
            .map(|token| match token {
                Token::Word(word) => word.folded,
                Token::Separator => ",".into(),
                Token::Aside(text) => format!("({text})"),
                Token::Colon => ":".into(),
                Token::Stop => ".".into(),
            })
            .collect();
        assert_eq!(words, ["email", ",", "3.5", "stars", "(low, high)", "."]);
    }

    #[test]
    fn the_first_sentence_is_cut_between_words() {
        assert_eq!(first_sentence("One two. Three", 100), "One two.");
        assert_eq!(first_sentence("One two three", 9), "One two…");
    }
}
