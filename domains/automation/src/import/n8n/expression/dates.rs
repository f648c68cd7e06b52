//! Methods of dates.

use super::{
    Kind, Refused, Written,
    parse::Expr,
    quoted,
    write::{Writer, call},
};

/// Parts of a format in n8n and in ours, the longer ones first.
const FORMATS: [(&str, &str); 23] = [
    ("yyyy", "%Y"),
    ("yy", "%y"),
    ("YYYY", "%Y"),
    ("YY", "%y"),
    ("MMMM", "%B"),
    ("MMM", "%b"),
    ("LLLL", "%B"),
    ("LLL", "%b"),
    ("MM", "%m"),
    ("LL", "%m"),
    ("M", "%-m"),
    ("DD", "%d"),
    ("dd", "%d"),
    ("d", "%-d"),
    ("HH", "%H"),
    ("H", "%-H"),
    ("hh", "%I"),
    ("h", "%-I"),
    ("mm", "%M"),
    ("ss", "%S"),
    ("SSS", "%3f"),
    ("EEEE", "%A"),
    ("a", "%p"),
];

const UNITS: [&str; 7] = ["second", "minute", "hour", "day", "week", "month", "year"];

/// The value of a method that only dates have.
pub(super) fn method(
    writer: &mut Writer<'_, '_>,
    of: &Written,
    name: &str,
    arguments: &[Expr],
) -> Result<Option<Written>, Refused> {
    let zone = writer.sight.zone.map(quoted);
    let with_zone = |ours: &str, parts: &[&str], kind: Kind| {
        let all: Vec<&str> = parts.iter().copied().chain(zone.as_deref()).collect();
        call(ours, &all, kind)
    };
    Ok(Some(match (name, arguments) {
        ("toISO" | "toISOString" | "toUTC" | "toDateTime" | "toDate", []) => {
            call("iso", &[&of.text], Kind::Date)
        }
        ("toISODate", []) => with_zone("format_date", &[&of.text, "\"%Y-%m-%d\""], Kind::Text),
        ("toMillis" | "getTime" | "valueOf", []) => {
            let text = format!("unix({}) * 1000", of.text);
            Written { is_atom: false, ..Written::atom(text, Kind::Number) }
        }
        ("toSeconds" | "toUnixInteger", []) => call("unix", &[&of.text], Kind::Number),
        ("toFormat" | "format", [Expr::Text(format)]) => {
            let format = quoted(&format_of(format)?);
            with_zone("format_date", &[&of.text, &format], Kind::Text)
        }
        ("plus" | "minus", [Expr::Object(fields)]) => {
            let [(unit, amount)] = &fields[..] else {
                return Err(Refused::new("a shift of a date is imported with one unit only"));
            };
            shifted(writer, of, (name, amount), unit)?
        }
        ("plus" | "minus", [amount, Expr::Text(unit)]) => shifted(writer, of, (name, amount), unit)?,
        ("startOf" | "endOf", [Expr::Text(unit)]) => {
            let ours = if name == "startOf" { "start_of" } else { "end_of" };
            let unit = quoted(unit_of(unit)?);
            with_zone(ours, &[&of.text, &unit], Kind::Date)
        }
        ("setZone", [Expr::Text(zone)]) => call("to_tz", &[&of.text, &quoted(zone)], Kind::Date),
        _ => return Ok(None),
    }))
}

fn unit_of(unit: &str) -> Result<&'static str, Refused> {
    let lower = unit.to_ascii_lowercase();
    let single = lower.strip_suffix('s').unwrap_or(&lower);
    let found = UNITS.into_iter().find(|known| *known == single);
    found.ok_or_else(|| Refused::new(format!("the unit {unit} is not imported")))
}

fn shifted(
    writer: &mut Writer<'_, '_>,
    of: &Written,
    (name, amount): (&str, &Expr),
    unit: &str,
) -> Result<Written, Refused> {
    let unit = quoted(unit_of(unit)?);
    let amount = writer.write(amount)?;
    let amount = if name == "minus" { format!("-{}", amount.part()) } else { amount.text };
    let mut parts = vec![of.text.clone(), amount, unit];
    parts.extend(writer.sight.zone.map(quoted));
    Ok(call("add", &parts.iter().map(String::as_str).collect::<Vec<_>>(), Kind::Date))
}

/// A format as one of strftime.
pub(in super::super) fn format_of(format: &str) -> Result<String, Refused> {
    let mut written = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let Some((quoted, after)) = rest[1..].split_once('\'') else {
                return Err(Refused::new(format!("the format {format} is not imported")));
            };
            written.push_str(&quoted.replace('%', "%%"));
            rest = after;
        } else if let Some((theirs, ours)) = FORMATS.iter().find(|(theirs, _)| is_whole(rest, theirs)) {
            written.push_str(ours);
            rest = &rest[theirs.len()..];
        } else if first.is_ascii_alphabetic() && first != 'T' && first != 'Z' {
            return Err(Refused::new(format!("the format {format} is not imported")));
        } else {
            written.push_str(if first == '%' { "%%" } else { &rest[..first.len_utf8()] });
            rest = &rest[first.len_utf8()..];
        }
    }
    Ok(written)
}

/// Whether the text begins with the part, and does not repeat its letter after it.
fn is_whole(rest: &str, part: &str) -> bool {
    let letter = part.chars().next();
    rest.strip_prefix(part).is_some_and(|after| after.chars().next() != letter)
}
