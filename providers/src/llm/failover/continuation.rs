//! What was written before a failure or a token limit, and how the next request goes on
//! from there.

use super::super::{GenerationRequest, Message, Role};
use super::blocks::{is_opener, scan};

/// Most lines of an unfinished file that is asked for again from its first line.
const MAX_LINES_AGAIN: usize = 300;
/// Lines of an unfinished file that are shown as its end.
const SHOWN_LINES: usize = 20;
/// Most bytes at the beginning of a continuation that may repeat what was written.
pub(super) const MAX_OVERLAP: usize = 2048;
/// Fewest bytes of a repetition: shorter ones may be meant.
const MIN_OVERLAP: usize = 24;

/// Why the next request is a continuation.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cause {
    /// The connection was lost after these files.
    Interrupted(Vec<String>),
    /// The token limit was reached after these files.
    Limit(Vec<String>),
    /// The token limit was reached in the middle of this file.
    LimitInside(Option<String>),
}

/// How a continuation is joined to what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Joint {
    /// Bytes of what was written that stay.
    pub(super) keep: usize,
    /// Bytes of the continuation that are left out.
    pub(super) skip: usize,
}

/// What earlier requests of a generation have written.
#[derive(Debug, Default)]
pub(super) struct Written {
    text: String,
    cause: Option<Cause>,
}

impl Written {
    /// The text that stays.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the continuation goes on in the middle of a file.
    pub(super) fn is_inside(&self) -> bool {
        matches!(self.cause, Some(Cause::LimitInside(_)))
    }

    /// How a continuation that begins with `head` is joined. `head` has [`MAX_OVERLAP`] bytes,
    /// or is the whole.
    pub(super) fn joint(&self, head: &str) -> Joint {
        let written = self.text.len();
        if !self.is_inside() {
            return Joint { keep: written, skip: 0 };
        }
        let mut skip = 0;
        if let Some((first, rest)) = head.split_once('\n').filter(|(first, _)| is_opener(first)) {
            skip = first.len() + 1;
            let blocks = scan(&self.text);
            let begins_again = blocks.open.is_some_and(|open| {
                let first_line = |text: &str| text.lines().next().map(str::to_owned);
                first_line(&self.text[open.content..]) == first_line(rest)
            });
            if begins_again {
                return Joint { keep: blocks.end, skip: 0 };
            }
        }
        let rest = &head[skip..];
        let ends = rest.match_indices('\n').map(|(end, _)| end + 1).filter(|end| *end <= MAX_OVERLAP);
        let is_repeated = |end: &usize| {
            let start = &rest[..*end];
            start.trim().len() >= MIN_OVERLAP && self.text.ends_with(start)
        };
        let repeated = ends.filter(is_repeated).max();
        Joint { keep: written, skip: skip + repeated.unwrap_or(0) }
    }

    /// The whole text with a continuation.
    pub(super) fn joined(&self, part: &str) -> String {
        let joint = self.joint(part);
        format!("{}{}", &self.text[..joint.keep], &part[joint.skip..])
    }

    /// A request that had written `part` was lost. What was finished stays if `keeps_files`.
    pub(super) fn interrupt(&mut self, part: &str, keeps_files: bool) {
        if part.is_empty() {
            return;
        }
        let mut text = self.joined(part);
        let blocks = scan(&text);
        let end = if keeps_files { blocks.end } else { 0 };
        text.truncate(end);
        self.cause = (end > 0).then_some(Cause::Interrupted(blocks.names));
        self.text = text;
    }

    /// A request reached the token limit after it had written `part`. Returns whether the next
    /// one can go on further than the last one did.
    pub(super) fn limit(&mut self, part: &str) -> bool {
        let mut text = self.joined(part);
        let blocks = scan(&text);
        let open_lines = blocks.open.as_ref().map_or(0, |open| text[open.content..].lines().count());
        if blocks.end > self.text.len() && open_lines <= MAX_LINES_AGAIN {
            text.truncate(blocks.end);
            self.cause = Some(Cause::Limit(blocks.names));
        } else {
            text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
            self.cause = Some(Cause::LimitInside(blocks.open.and_then(|open| open.name)));
        }
        if text.is_empty() {
            self.cause = None;
        }
        let has_grown = text.len() > self.text.len();
        self.text = text;
        has_grown
    }

    /// The request that goes on.
    pub(super) fn request(&self, request: &GenerationRequest) -> GenerationRequest {
        let mut request = request.clone();
        let Some(cause) = &self.cause else { return request };
        let instruction = match cause {
            Cause::Interrupted(files) => format!(
                "The connection broke after these files, which are finished and stored: {}. Write the \
                 remaining files now, in the same form. Do not repeat the finished files, and do not start over.",
                files.join(", ")
            ),
            Cause::Limit(files) => format!(
                "Your answer reached its length limit. These files are finished and stored: {}. Write the \
                 next file from its first line, then the remaining ones, in the same form. Do not repeat the \
                 finished files, and do not start over.",
                files.join(", ")
            ),
            Cause::LimitInside(file) => format!(
                "Your answer reached its length limit in the middle of {}. Go on directly after the last of \
                 these lines, without an introduction, without a new fence and without a repetition:\n{}",
                file.as_deref().unwrap_or("a file"),
                last_lines(&self.text)
            ),
        };
        request.messages.push(Message { role: Role::Assistant, content: self.text.clone() });
        request.messages.push(Message { role: Role::User, content: instruction });
        request
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::super::fake::sample_request;
    use super::*;

    const PAGE: &str = "Hello.\n\n```html path=index.html\n<p>\n```\n";

    #[test]
    fn finished_files_stay_after_an_interruption() {
        let mut written = Written::default();
        written.interrupt(&format!("{PAGE}```css path=a.css\nh1"), true);
        assert_eq!(written.text(), PAGE);
        let request = written.request(&sample_request());
        let [.., kept, instruction] = request.messages.as_slice() else { panic!("messages") };
        assert_eq!((kept.role, kept.content.as_str()), (Role::Assistant, PAGE));
        assert!(instruction.role == Role::User && instruction.content.contains("index.html"));
        assert_eq!(written.joined("```css"), format!("{PAGE}```css"));
    }

    #[test]
    fn nothing_stays_of_an_interruption_before_the_first_file_is_finished() {
        for (part, keeps_files) in [("```html path=index.html\n<p>", true), (PAGE, false)] {
            let mut written = Written::default();
            written.interrupt(part, keeps_files);
            assert_eq!((written.text(), written.request(&sample_request())), ("", sample_request()));
        }
    }

    #[test]
    fn a_short_unfinished_file_is_asked_for_again() {
        let mut written = Written::default();
        assert!(written.limit(&format!("{PAGE}```css path=a.css\nh1")));
        assert_eq!((written.text(), written.is_inside()), (PAGE, false));
    }

    fn long_file() -> String {
        let lines: String = (0..400).map(|line| format!("p.number-{line} {{ color: teal; }}\n")).collect();
        format!("```css path=a.css\n{lines}")
    }

    #[test]
    fn a_long_file_goes_on_where_it_stopped() {
        let mut written = Written::default();
        let file = long_file();
        assert!(written.limit(&format!("{file}p.number-40")));
        assert_eq!((written.text(), written.is_inside()), (file.as_str(), true));
        let instruction = written.request(&sample_request()).messages.pop().expect("a message").content;
        assert!(instruction.contains("a.css") && instruction.ends_with("p.number-399 { color: teal; }"));

        let next = "p.number-400 { color: teal; }\n```\n";
        let whole = format!("{file}{next}");
        assert_eq!(written.joined(next), whole);
        assert_eq!(written.joined(&format!("```css path=a.css\n{next}")), whole, "a fence is left out");
        let repeated = format!("p.number-398 {{ color: teal; }}\np.number-399 {{ color: teal; }}\n{next}");
        assert_eq!(written.joined(&repeated), whole, "a repetition is left out");
        assert_eq!(written.joined(&whole), whole, "a file that begins again replaces its first part");
    }

    #[test]
    fn a_short_repetition_may_be_meant() {
        let mut written = Written::default();
        written.limit("```js path=a.js\n  }\n}\nf");
        assert_eq!(written.joined("}\nf();\n"), "```js path=a.js\n  }\n}\n}\nf();\n");
    }

    #[test]
    fn the_same_again_is_no_progress() {
        let mut written = Written::default();
        assert!(!written.limit(""), "only thoughts");
        assert!(written.limit("```js path=a.js\na();\nb"));
        assert!(!written.limit("b"), "less than a line");
    }
}
