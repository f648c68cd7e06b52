//! Documents that are changed at random are imported or refused, and never end the program.

use proptest::prelude::*;

use super::*;

/// The places of a value, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (key, item) in fields {
                places(item, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        _ => {}
    }
}

fn replacement() -> impl Strategy<Value = Value> {
    let signs = "[\\[\\](){}=$.,'\"`a?:|&!+/\\\\ -]{0,30}";
    prop_oneof![
        Just(Value::Null),
        Just(json!(-1)),
        Just(json!(1e300)),
        Just(json!(u64::MAX)),
        Just(json!(true)),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[{"node": "Order", "type": "main", "index": 99_999}]])),
        signs.prop_map(|text| json!(format!("={{{{{text}}}}}"))),
        signs.prop_map(|text| json!(format!("={text}"))),
        "\\PC{0,20}".prop_map(|text| json!(text)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_documents_never_end_the_program(
        which in 0_usize..5,
        changes in prop::collection::vec((any::<prop::sample::Index>(), replacement()), 1..6),
    ) {
        let mut document = examples().into_values().nth(which).expect("an example");
        for (place, value) in changes {
            let mut found = Vec::new();
            places(&document, "", &mut found);
            *document.pointer_mut(&found[place.index(found.len())]).expect("a place") = value;
        }
        if let Ok(draft) = import(&document, &[]) {
            let _faults = validate(&draft.graph, &crate::nodes::catalog());
            let text = draft.graph.to_json().expect("JSON");
            prop_assert!(Graph::from_json(&text).is_ok());
        }
    }
}
