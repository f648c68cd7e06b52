//! What editors get.

use std::collections::BTreeSet;

use super::{schema::faults, *};

#[test]
fn every_type_is_described_in_both_languages() {
    for description in descriptions() {
        let NodeDescription { kind, label, documentation, ui, icon, .. } = &description;
        let labels = ui.fields.values().map(|field| field.label);
        for text in [*label, *documentation].into_iter().chain(labels) {
            assert!(!text.en.is_empty() && !text.fr.is_empty(), "{kind}: {text:?}");
        }
        assert!(documentation.en.ends_with('.') && documentation.fr.ends_with('.'), "{kind}");
        assert!(icon.starts_with("<svg ") && icon.ends_with("</svg>"), "{kind}");
        assert!(!icon.contains("script") && !icon.contains("href"), "{kind}");
    }
}

#[test]
fn every_schema_takes_the_sample_and_refuses_what_the_type_refuses() {
    for description in descriptions() {
        let (kind, schema) = (description.kind, &description.config_schema);
        assert_eq!(faults(schema, &description.sample_config), Vec::<String>::new(), "{kind}");
        let mut config = description.sample_config.clone();
        config["no_such_field"] = json!(1);
        assert!(!faults(schema, &config).is_empty(), "{kind}: an unknown field");
        assert!(read(kind, config).is_err(), "{kind}: an unknown field");
        for (field, _) in description.sample_config.as_object().unwrap() {
            let mut config = description.sample_config.clone();
            config.as_object_mut().unwrap().remove(field);
            let is_refused = !faults(schema, &config).is_empty();
            assert!(!is_refused || read(kind, config).is_err(), "{kind} without {field}");
        }
    }
}

#[test]
fn every_output_sample_fits_its_schema() {
    for description in descriptions() {
        let found = faults(&description.output_schema, &description.sample_output);
        assert_eq!(found, Vec::<String>::new(), "{}", description.kind);
    }
}

#[test]
fn the_form_asks_for_every_field_once() {
    for description in descriptions() {
        let fields: BTreeSet<_> = description.ui.order.iter().map(|name| format!("/{name}")).collect();
        assert_eq!(fields.len(), description.ui.order.len(), "{}", description.kind);
        assert_eq!(fields, description.ui.fields.keys().cloned().collect(), "{}", description.kind);
        let properties = description.config_schema["properties"].as_object().unwrap();
        assert_eq!(properties.len(), fields.len(), "{}", description.kind);
    }
}

#[test]
fn each_operator_of_the_schema_is_one_of_conditions() {
    let schema = find_definition("condition", 1).unwrap().description().config_schema;
    let operators =
        schema["$defs"]["condition"]["properties"]["operator"]["enum"].as_array().unwrap().clone();
    assert_eq!(operators.len(), 23);
    for operator in operators {
        serde_json::from_value::<crate::expression::Operator>(operator).unwrap();
    }
}

#[test]
fn triggers_and_loops_say_so() {
    let of = |name: &str| find_definition(name, 1).unwrap().description();
    assert!(of("manual").is_trigger && !of("delay").is_trigger);
    assert!(of("loop").has_body && !of("merge").has_body);
    assert_eq!(of("switch").dynamic_outputs, Some("/rules/*/key"));
    assert_eq!(of("manual").defaults.timeout_seconds, None);
    assert_eq!(of("delay").defaults.timeout_seconds, Some(60));
}
