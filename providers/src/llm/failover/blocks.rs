//! The fenced blocks of a completion: which of its files are whole.

/// The blocks of a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Blocks {
    /// Length of the text up to the end of its last whole block.
    pub(super) end: usize,
    /// The files of the whole blocks.
    pub(super) names: Vec<String>,
    /// The block that is not closed.
    pub(super) open: Option<OpenBlock>,
}

/// A block without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OpenBlock {
    /// Where its content begins.
    pub(super) content: usize,
    /// The file, if the first line names one.
    pub(super) name: Option<String>,
}

/// A line that begins or ends a block.
#[derive(Debug, Clone, Copy)]
struct Fence<'a> {
    mark: char,
    length: usize,
    info: &'a str,
}

/// Finds the blocks of `text`. A block inside a block, such as an example in a README, belongs
/// to the outer one; a block that names a file ends an open one without closing it.
pub(super) fn scan(text: &str) -> Blocks {
    let mut blocks = Blocks::default();
    let mut outer: Option<Fence<'_>> = None;
    let (mut depth, mut offset) = (0, 0);
    for line in text.split_inclusive('\n') {
        offset += line.len();
        let Some(fence) = fence(line).filter(|_| line.ends_with('\n')) else { continue };
        let name = file_name(fence.info);
        match outer {
            Some(open) if name.is_none() && !closes_or_nests(open, fence) => {}
            Some(open) if fence.info.is_empty() && fence.length >= open.length => {
                depth -= 1;
                if depth == 0 {
                    outer = None;
                    blocks.end = offset;
                    blocks.names.extend(blocks.open.take().and_then(|open| open.name));
                }
            }
            Some(_) if name.is_none() => depth += 1,
            _ => {
                depth = 1;
                outer = Some(fence);
                blocks.open = Some(OpenBlock { content: offset, name });
            }
        }
    }
    blocks
}

/// Whether a fence inside a block matters: it has the block's mark and is as long.
fn closes_or_nests(open: Fence<'_>, fence: Fence<'_>) -> bool {
    fence.mark == open.mark && fence.length >= open.length
}

/// The fence of a line, if the line is one.
fn fence(line: &str) -> Option<Fence<'_>> {
    let line = line.trim();
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let info = line.trim_start_matches(mark);
    let length = line.len() - info.len();
    (length >= 3 && !info.contains(mark)).then_some(Fence { mark, length, info: info.trim() })
}

/// The name of a file in the first line of a block, such as `html path=index.html`.
fn file_name(info: &str) -> Option<String> {
    let mut words = info.split([' ', ':', '=']).map(|word| word.trim_matches(['"', '\'']));
    let is_file = |word: &&str| {
        let extension = word.rsplit_once('.').map_or("", |(_, extension)| extension);
        (1..=8).contains(&extension.len()) && extension.chars().all(char::is_alphanumeric)
    };
    words.rfind(is_file).map(str::to_owned)
}

/// Whether the line begins a block.
pub(super) fn is_opener(line: &str) -> bool {
    fence(line).is_some_and(|fence| !fence.info.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_blocks_are_kept_and_an_open_one_is_not() {
        let whole = "Hello.\n\n```html path=index.html\n<p>\n```\n";
        let text = format!("{whole}\n```css path=a.css\nh1 {{");
        let blocks = scan(&text);
        assert_eq!((blocks.end, blocks.names.as_slice()), (whole.len(), &["index.html".to_owned()][..]));
        let open = blocks.open.expect("an open block");
        assert_eq!((&text[open.content..], open.name.as_deref()), ("h1 {", Some("a.css")));
    }

    #[test]
    fn an_example_inside_a_file_does_not_end_it() {
        let readme = "```markdown path=README.md\n# A\n```bash\nnpm i\n```\nmore\n";
        assert_eq!(scan(readme).end, 0);
        let closed = format!("{readme}```\n");
        assert_eq!(scan(&closed).end, closed.len());
        let longer = "````markdown path=README.md\n```\nx\n```\n````\n";
        assert_eq!(scan(longer).end, longer.len());
    }

    #[test]
    fn a_file_that_begins_inside_another_one_leaves_that_open() {
        let text = "```html path=a.html\n<p>\n```css path=a.css\nb {}\n```\n";
        let blocks = scan(text);
        assert_eq!((blocks.end, blocks.names), (text.len(), vec!["a.css".to_owned()]));
    }

    #[test]
    fn a_fence_without_the_end_of_its_line_may_be_cut() {
        assert_eq!(scan("```html path=a.html\n<p>\n```").end, 0);
        assert_eq!(scan("no blocks at all").end, 0);
    }
}
