//! The files that every kind of application has: README, provenance, icon.

use serde_json::json;

use crate::brief::AppBrief;
use crate::render::{File, json_file, markdown, palette_of, render};
use crate::text::capitalize;
use crate::texts::{document_texts, strings};
use atelier_providers::llm::AppKind;

/// `README.md`, `scaffold.json` and `icon.svg`.
pub(crate) fn files(brief: &AppBrief) -> Result<Vec<File>, minijinja::Error> {
    Ok(vec![readme(brief)?, provenance(brief), icon(brief)?])
}

fn readme(brief: &AppBrief) -> Result<File, minijinja::Error> {
    let entity = |entity: &crate::schema::Entity| {
        let fields: Vec<String> = entity.fields.iter().map(|field| markdown(&field.label)).collect();
        json!({ "plural": markdown(&entity.plural), "fields": fields })
    };
    let values = json!({
        "title": markdown(&brief.title),
        "tagline": markdown(&brief.tagline),
        "words": document_texts(brief.language),
        "advanced": brief.advanced,
        "is_api": brief.kind == AppKind::Api,
        "is_landing": brief.kind == AppKind::LandingPage,
        "is_mobile": brief.kind == AppKind::MobileApp,
        "entities": brief.entities.iter().map(entity).collect::<Vec<_>>(),
        "absent": brief.absent,
        "missed": brief.missed.iter().map(|sentence| markdown(sentence)).collect::<Vec<_>>(),
        "strings": strings(brief.language),
    });
    Ok(File::new("README.md", render("README.md", include_str!("templates/shared/README.md"), values)?))
}

fn provenance(brief: &AppBrief) -> File {
    let value = json!({
        "generator": "atelier/scaffold",
        "note": "Written by Atelier's scaffold provider from templates, without a language model.",
        "title": brief.title,
        "kind": brief.kind.as_str(),
        "mode": if brief.advanced { "advanced" } else { "quick" },
        "language": brief.language,
        "entities": brief.entities.iter().map(|entity| &entity.name).collect::<Vec<_>>(),
        "features": brief.features,
        "not_included": brief.absent,
        "not_understood": brief.missed,
    });
    json_file("scaffold.json", &value)
}

fn icon(brief: &AppBrief) -> Result<File, minijinja::Error> {
    let initial = brief.title.chars().find(|c| c.is_alphanumeric()).unwrap_or('A');
    let values = json!({
        "title": brief.title,
        "initial": capitalize(&initial.to_string()),
        "palette": palette_of(brief),
    });
    Ok(File::new("icon.svg", render("icon.svg", include_str!("templates/shared/icon.svg"), values)?))
}
