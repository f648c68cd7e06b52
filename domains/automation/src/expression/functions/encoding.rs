//! Encodings, hashes and JSON.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Arguments, Function};
use crate::expression::{error::Fault, operators::text_of, session::bound};

/// What RFC 3986 calls unreserved stays as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("urlencode", &["text"], 1, |args| {
        Ok(Value::from(utf8_percent_encode(&text_of(args.value(0)?), RESERVED).to_string()))
    }),
    Function::new("urldecode", &["text"], 1, |args| {
        decoded(percent_decode_str(args.text(0)?).collect(), "urldecode")
    }),
    Function::new("base64", &["text"], 1, |args| Ok(Value::from(STANDARD.encode(args.text(0)?)))),
    Function::new("base64_decode", &["text"], 1, |args| {
        let bytes = STANDARD.decode(args.text(0)?);
        decoded(bytes.map_err(|_| Fault::Argument("not base64".into()))?, "base64_decode")
    }),
    Function::new("hex", &["text"], 1, |args| Ok(Value::from(hex::encode(args.text(0)?)))),
    Function::new("hex_decode", &["text"], 1, |args| {
        let bytes = hex::decode(args.text(0)?);
        decoded(bytes.map_err(|_| Fault::Argument("not hexadecimal".into()))?, "hex_decode")
    }),
    Function::new("md5", &["text"], 1, |args| Ok(Value::from(hex::encode(Md5::digest(args.text(0)?))))),
    Function::new("sha256", &["text"], 1, |args| Ok(Value::from(hex::encode(Sha256::digest(args.text(0)?))))),
    Function::new("hmac", &["text", "key"], 2, hmac),
    Function::new("to_json", &["value"], 1, |args| Ok(Value::from(args.value(0)?.to_string()))),
    Function::new("tojson", &["value"], 1, |args| Ok(Value::from(args.value(0)?.to_string()))),
    Function::new("from_json", &["text"], 1, |args| {
        serde_json::from_str(args.text(0)?).map_err(|error| Fault::Argument(format!("not JSON: {error}")))
    }),
    Function::new("csv", &["rows", "separator"], 1, csv),
];

fn decoded(bytes: Vec<u8>, function: &str) -> Result<Value, Fault> {
    let text = String::from_utf8(bytes);
    text.map(Value::from).map_err(|_| Fault::Argument(format!("{function} found bytes that are no text")))
}

fn hmac(args: &Arguments<'_>) -> Result<Value, Fault> {
    let keyed = Hmac::<Sha256>::new_from_slice(args.text(1)?.as_bytes());
    let mut keyed = keyed.map_err(|_| Fault::Argument("not a key".into()))?;
    keyed.update(args.text(0)?.as_bytes());
    Ok(Value::from(hex::encode(keyed.finalize().into_bytes())))
}

/// Rows as CSV. Objects get a first line with the keys of the first one.
fn csv(args: &Arguments<'_>) -> Result<Value, Fault> {
    let (rows, separator) = (args.list(0)?, args.text_or(1, ",")?);
    let mut written = String::new();
    let keys: Option<Vec<&String>> = rows.first().and_then(Value::as_object).map(|row| row.keys().collect());
    if let Some(keys) = &keys {
        write_row(&mut written, separator, keys.iter().map(|key| (*key).clone()))?;
    }
    for row in rows {
        match (row, &keys) {
            (Value::Array(cells), None) => write_row(&mut written, separator, cells.iter().map(text_of))?,
            (Value::Object(fields), Some(keys)) => {
                let cells = keys.iter().map(|key| fields.get(*key).map_or_else(String::new, text_of));
                write_row(&mut written, separator, cells)?;
            }
            _ => return Err(Fault::Type("csv needs rows that are all lists or all objects".into())),
        }
    }
    Ok(Value::from(written))
}

fn write_row(
    written: &mut String,
    separator: &str,
    cells: impl Iterator<Item = String>,
) -> Result<(), Fault> {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            written.push_str(separator);
        }
        if cell.contains(['"', '\n', '\r']) || cell.contains(separator) {
            written.push_str(&format!("\"{}\"", cell.replace('"', "\"\"")));
        } else {
            written.push_str(&cell);
        }
        bound(written.len())?;
    }
    written.push_str("\r\n");
    Ok(())
}
