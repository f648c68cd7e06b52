//! The kept document is the one of the code.

use std::{fs, path::Path};

use super::openapi_json;
use crate::docs;

#[test]
fn the_kept_document_is_the_one_of_the_code() {
    let (kept, made) = (docs::openapi_json(), openapi_json());
    let differ = kept.lines().zip(made.lines()).enumerate().find(|(_, (kept, made))| kept != made);
    assert!(
        kept == made,
        "docs/openapi.json is not up to date (first difference: {differ:?}): \
         run cargo test -p atelier-api --lib keep_the_document -- --ignored"
    );
}

#[test]
#[ignore = "writes the document that the test above compares with"]
fn keep_the_document() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    fs::write(file, openapi_json()).expect("written");
}
