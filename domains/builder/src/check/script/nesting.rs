//! Keeps hostile nesting from overflowing the stack: oxc parses and visits a script by
//! recursion.
//!
//! Which bracket of a script is code and which is part of a string, a regular expression or a
//! text between tags is known only to the parser. So every character that can begin a level
//! counts, wherever it stands, and closing characters give nothing back: the sum is an upper
//! bound of the depth that no script can undercut.

/// Size of the stack of [`with_deep_stack`], in KiB.
const STACK_KIB: usize = 256 * 1_024;
/// What the levels of a script may need of the stack, in KiB.
const BUDGET_KIB: usize = 240 * 1_024;
/// What a level of brackets needs, in KiB, without optimization.
const BRACKET_KIB: usize = 20;
/// What a level of assignments, arrow functions, conditions, tags or type arguments needs.
const EXPRESSION_KIB: usize = 10;
/// What a level that begins with a word such as `typeof` or `if` needs.
const WORD_KIB: usize = 6;
/// What an operand of a chain such as `a + b.c` needs.
const OPERAND_KIB: usize = 3;
/// How many equal operator characters in a row can be code; more are a line of decoration.
const MAX_RUN: usize = 3;
/// Words that begin a level without a bracket.
const WORDS: [&str; 23] = [
    "as",
    "asserts",
    "async",
    "await",
    "class",
    "delete",
    "do",
    "else",
    "extends",
    "for",
    "if",
    "infer",
    "is",
    "keyof",
    "new",
    "readonly",
    "satisfies",
    "typeof",
    "unique",
    "void",
    "while",
    "with",
    "yield",
];

/// Runs a function on a thread with a stack of 256 MiB, which a script for which
/// [`fits_stack`] holds cannot overflow. Only the part in use takes memory.
///
/// # Panics
/// If the function panics, or the system starts no further thread.
pub(crate) fn with_deep_stack<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("read scripts".to_owned())
            .stack_size(STACK_KIB * 1_024)
            .spawn_scoped(scope, run)
            .expect("the system starts a thread");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Whether the parser can read the script on the stack of [`with_deep_stack`]. Linear in the
/// script's length. About 250 KB of ordinary code fit.
pub(crate) fn fits_stack(source: &str) -> bool {
    let bytes = source.as_bytes();
    let mut needed = 0_usize;
    let mut run = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if is_word_byte(byte) {
            let length = bytes[at..].iter().take_while(|next| is_word_byte(**next)).count();
            if WORDS.iter().any(|word| word.as_bytes() == &bytes[at..at + length]) {
                needed += WORD_KIB;
            }
            at += length;
            continue;
        }
        run = if at > 0 && bytes[at - 1] == byte { run + 1 } else { 1 };
        needed += match byte {
            b'(' | b'[' | b'{' => BRACKET_KIB,
            b'!' | b'~' => OPERAND_KIB,
            _ if run > MAX_RUN => 0,
            b'=' | b'?' | b':' | b'<' => EXPRESSION_KIB,
            b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^' | b'>' | b'.' | b'@' | b'`' => OPERAND_KIB,
            _ => 0,
        };
        if needed > BUDGET_KIB {
            return false;
        }
        at += 1;
    }
    true
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii()
}
