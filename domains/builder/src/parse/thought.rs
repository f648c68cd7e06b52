//! Takes thoughts out of a completion: reasoning models write them before their answer, between its parts, or
//! without the tag that begins them.

/// The tags around thoughts, in lower case.
const PAIRS: [(&str, &str); 9] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[think]", "[/think]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
];
/// The mark of a channel, that of the channel with the answer, and the mark after which a channel's text begins.
const CHANNEL: &str = "<|channel|>";
const FINAL: &str = "<|channel|>final";
const MESSAGE: &str = "<|message|>";
/// Marks that end the text of a channel.
const CHANNEL_ENDS: [&str; 3] = ["<|return|>", "<|end|>", "<|start|>"];

/// The text without its thoughts. Thoughts that never end reach to the end of the text, so that no draft
/// in them is taken for a file.
pub(super) fn without_thoughts(text: &str) -> String {
    let text = final_channel(text);
    let lower = text.to_ascii_lowercase();
    let mut kept = String::with_capacity(text.len());
    let mut fence: Option<(char, usize)> = None;
    let mut at = 0;
    while at < text.len() {
        let end = text[at..].find('\n').map_or(text.len(), |length| at + length + 1);
        let line = &text[at..end];
        let start = at + line.len() - line.trim_start().len();
        let pair = PAIRS.iter().find(|(open, _)| fence.is_none() && lower[start..].starts_with(open));
        if let Some((open, close)) = pair {
            let Some(closed) = find_unquoted(&lower, close, start + open.len()) else { break };
            at = closed + close.len();
            continue;
        }
        fence = fence_after(fence, line);
        kept.push_str(line);
        at = end;
    }
    after_orphan(&kept).to_owned()
}

/// The fence that is open after the line.
fn fence_after(open: Option<(char, usize)>, line: &str) -> Option<(char, usize)> {
    let line = line.trim();
    let Some(mark) = line.chars().next().filter(|mark| matches!(mark, '`' | '~')) else { return open };
    let info = line.trim_start_matches(mark);
    let length = line.len() - info.len();
    match open {
        None if length >= 3 && !info.contains(mark) => Some((mark, length)),
        Some((own, least)) if own == mark && length >= least && info.is_empty() => None,
        _ => open,
    }
}

/// The text of the last channel `final`, where the text has channels.
fn final_channel(text: &str) -> &str {
    if !text.trim_start().starts_with(CHANNEL) && !text.trim_start().starts_with("<|start|>") {
        return text;
    }
    let Some(at) = text.rfind(FINAL) else { return "" };
    let Some((_, body)) = text[at..].split_once(MESSAGE) else { return "" };
    let end = CHANNEL_ENDS.iter().filter_map(|end| body.find(end)).min();
    &body[..end.unwrap_or(body.len())]
}

/// The text after an end tag that has no beginning before it.
fn after_orphan(text: &str) -> &str {
    let lower = text.to_ascii_lowercase();
    let ends = PAIRS.iter().filter_map(|(open, close)| {
        let at = find_unquoted(&lower, close, 0)?;
        let alone = stands_at_an_edge(&lower, at, close.len());
        (alone && !lower[..at].contains(open)).then_some(at + close.len())
    });
    ends.max().map_or(text, |end| &text[end..])
}

/// Whether the tag begins or ends its line.
fn stands_at_an_edge(text: &str, at: usize, length: usize) -> bool {
    let before = text[..at].rsplit('\n').next().unwrap_or_default();
    let after = text[at + length..].split('\n').next().unwrap_or_default();
    before.trim().is_empty() || after.trim().is_empty()
}

/// The first place of `tag` from `from` on that has no quotation mark beside it.
fn find_unquoted(text: &str, tag: &str, from: usize) -> Option<usize> {
    const QUOTES: [char; 4] = ['`', '"', '\'', '“'];
    text[from..].match_indices(tag).map(|(at, _)| from + at).find(|at| {
        let quoted_before = text[..*at].ends_with(QUOTES);
        let quoted_after = text[at + tag.len()..].starts_with(['`', '"', '\'', '”']);
        !(quoted_before && quoted_after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_out_thoughts_in_every_form() {
        for text in [
            "<think>a draft\n```html path=x.html\n<p>\n```\n</think>Answer",
            "a draft\n```html path=x.html\n<p>\n```\n</think>\nAnswer",
            "<thinking>a</thinking>\nAnswer",
            "<THINK>a</THINK>\nAnswer",
            "<think>I close it with `</think>` later, not with \"</think>\".\n</think>\nAnswer",
            "<think>a<think>b</think>c</think>\nAnswer",
            "[THINK]a[/THINK]Answer",
            "◁think▷a◁/think▷Answer",
            "<|begin_of_thought|>a<|end_of_thought|>\nAnswer",
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>Answer<|return|>",
            "Answer\n<thinking>b\n</thinking>",
        ] {
            assert_eq!(without_thoughts(text).trim(), "Answer", "{text}");
        }
    }

    #[test]
    fn thoughts_that_never_end_leave_nothing() {
        for text in ["<think>```html path=a.html\n<p>\n```\n", "<|channel|>analysis<|message|>a draft"] {
            assert_eq!(without_thoughts(text), "", "{text}");
        }
    }

    #[test]
    fn leaves_the_tags_of_files_alone() {
        let text = "```js path=a.js\nlet a = s.split(\"</think>\");\n<think>\n</think>\n```\n";
        assert_eq!(without_thoughts(text), text);
    }
}
