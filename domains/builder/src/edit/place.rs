//! Finds the one place of a file that a block means.

use std::collections::HashSet;

/// Bytes that one search compares at most; a text that needs more is not found.
const MAX_COMPARED: usize = 20_000_000;
/// Lines that are quoted where a text is not found.
const QUOTED_LINES: usize = 3;

/// Why a text has no place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Misplaced {
    /// It is nowhere. The lines most like it, with the number of the first one.
    Nowhere { closest: Option<(u32, String)> },
    /// It is there more than once, first at this line.
    Several { count: usize, line: u32 },
}

/// How the lines of a text may differ from those of the file.
#[derive(Clone, Copy)]
enum Likeness {
    Exact,
    /// But for spaces at the ends of lines.
    Ends,
    /// But for these and the same indentation before every line.
    Shifted,
}

/// The indentation by which the lines of the file differ from those of the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shift<'a> {
    None,
    More(&'a str),
    Less(&'a str),
}

/// A line of a file with the offset of its first byte. Without its line end.
struct Line<'a> {
    text: &'a str,
    start: usize,
}

/// `content` with the one place that reads `search` replaced. Whole lines go before parts of
/// lines.
pub(super) fn replace_once(content: &str, search: &str, replace: &str) -> Result<String, Misplaced> {
    if search.trim().is_empty() {
        let is_empty = content.trim().is_empty();
        return if is_empty { Ok(replace.to_owned()) } else { Err(Misplaced::Nowhere { closest: None }) };
    }
    let lines = lines_of(content);
    let wanted: Vec<&str> = without_end(search).split('\n').collect();
    let mut left = MAX_COMPARED;
    for likeness in [Likeness::Exact, Likeness::Ends, Likeness::Shifted] {
        if let Some((first, shift)) = one_place(&lines, &wanted, likeness, &mut left)? {
            let moved = moved(replace, shift).ok_or(Misplaced::Nowhere { closest: None })?;
            return Ok(put(content, &lines, first..first + wanted.len(), &moved));
        }
    }
    if let Some(changed) = replace_part(content, search, replace)? {
        return Ok(changed);
    }
    Err(Misplaced::Nowhere { closest: closest(&lines, &wanted) })
}

fn lines_of(content: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let lines = content.split('\n').map(|text| {
        let line = Line { text, start };
        start += text.len() + 1;
        line
    });
    lines.collect()
}

fn without_end(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

/// The only place of these lines; none if there is none.
fn one_place<'a>(
    lines: &[Line<'a>],
    wanted: &[&'a str],
    likeness: Likeness,
    left: &mut usize,
) -> Result<Option<(usize, Shift<'a>)>, Misplaced> {
    let mut found = None;
    let mut count = 0;
    for first in 0..(lines.len() + 1).saturating_sub(wanted.len()) {
        let shift = shift_at(&lines[first..first + wanted.len()], wanted, likeness, left);
        if *left == 0 {
            return Err(Misplaced::Nowhere { closest: None });
        }
        if let Some(shift) = shift {
            count += 1;
            found.get_or_insert((first, shift));
        }
    }
    match found {
        Some((first, _)) if count > 1 => Err(Misplaced::Several { count, line: number(first) }),
        found => Ok(found),
    }
}

/// The indentation that the lines have beside the wanted ones; none if they differ otherwise.
fn shift_at<'a>(
    lines: &[Line<'a>],
    wanted: &[&'a str],
    likeness: Likeness,
    left: &mut usize,
) -> Option<Shift<'a>> {
    let mut known: Option<Shift<'a>> = None;
    for (line, wanted) in lines.iter().zip(wanted) {
        *left = left.saturating_sub(line.text.len().min(wanted.len()) + 1);
        if *left == 0 {
            return None;
        }
        match likeness {
            Likeness::Exact if line.text != *wanted => return None,
            Likeness::Ends if line.text.trim_end() != wanted.trim_end() => return None,
            Likeness::Exact | Likeness::Ends => {}
            Likeness::Shifted => {
                let (text, wanted) = (line.text.trim_end(), wanted.trim_end());
                if text.is_empty() && wanted.is_empty() {
                    continue;
                }
                let shift = shift_of(text, wanted)?;
                if *known.get_or_insert(shift) != shift {
                    return None;
                }
            }
        }
    }
    Some(known.unwrap_or(Shift::None))
}

/// The indentation by which two lines differ; none if they differ otherwise.
fn shift_of<'a>(line: &'a str, wanted: &'a str) -> Option<Shift<'a>> {
    let is_indentation = |text: &str| text.chars().all(|c| matches!(c, ' ' | '\t'));
    if line == wanted {
        return Some(Shift::None);
    }
    if let Some(more) = line.strip_suffix(wanted).filter(|more| is_indentation(more)) {
        return Some(Shift::More(more));
    }
    wanted.strip_suffix(line).filter(|less| is_indentation(less)).map(Shift::Less)
}

/// The replacement with the indentation of the file; none if a line has less than is to be
/// taken away.
fn moved(replace: &str, shift: Shift<'_>) -> Option<String> {
    let line = |line: &str| match shift {
        _ if line.trim().is_empty() => Some(line.to_owned()),
        Shift::None => Some(line.to_owned()),
        Shift::More(more) => Some(format!("{more}{line}")),
        Shift::Less(less) => line.strip_prefix(less).map(str::to_owned),
    };
    replace.split_inclusive('\n').map(line).collect()
}

/// The content with these lines replaced. An empty replacement takes the lines away.
fn put(content: &str, lines: &[Line<'_>], range: std::ops::Range<usize>, replace: &str) -> String {
    let start = lines[range.start].start;
    let last = &lines[range.end - 1];
    let mut end = last.start + last.text.len();
    if replace.is_empty() {
        end = (end + 1).min(content.len());
    }
    format!("{}{}{}", &content[..start], without_end(replace), &content[end..])
}

/// The content with the only occurrence of a part of a line, or of parts of lines, replaced.
fn replace_part(content: &str, search: &str, replace: &str) -> Result<Option<String>, Misplaced> {
    let Some(first) = content.find(search) else { return Ok(None) };
    let next = first + search.chars().next().map_or(1, char::len_utf8);
    if content[next..].contains(search) {
        let count = content.matches(search).count().max(2);
        let line = number(content[..first].matches('\n').count());
        return Err(Misplaced::Several { count, line });
    }
    Ok(Some(format!("{}{replace}{}", &content[..first], &content[first + search.len()..])))
}

/// The lines with the most of the wanted ones, quoted.
fn closest(lines: &[Line<'_>], wanted: &[&str]) -> Option<(u32, String)> {
    let known: HashSet<&str> = wanted.iter().map(|line| line.trim()).filter(|line| line.len() > 2).collect();
    let is_known = |line: &Line<'_>| usize::from(known.contains(line.text.trim()));
    let size = wanted.len().min(lines.len());
    let mut sum: usize = lines[..size].iter().map(is_known).sum();
    let (mut best, mut most) = (0, sum);
    for first in 1..=lines.len() - size {
        sum = sum + is_known(&lines[first + size - 1]) - is_known(&lines[first - 1]);
        if sum > most {
            (best, most) = (first, sum);
        }
    }
    let first = (best..best + size).find(|at| is_known(&lines[*at]) > 0)?;
    let quoted: Vec<&str> = lines[first..].iter().take(QUOTED_LINES).map(|line| line.text.trim()).collect();
    Some((number(first), quoted.join(" ⏎ ")))
}
