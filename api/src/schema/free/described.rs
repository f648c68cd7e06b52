//! The schemas of what has no fixed fields.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, Ref, RefOr, Schema, SchemaFormat,
        schema::{AdditionalProperties, AnyOfBuilder, ObjectBuilder, Type},
    },
};

use super::{FileContent, FileTree, JsonObject};

impl PartialSchema for JsonObject {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("An object whose fields are not fixed."))
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .into()
    }
}

impl ToSchema for JsonObject {}

impl PartialSchema for FileTree {
    fn schema() -> RefOr<Schema> {
        let bytes = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .description(Some("A file: its bytes."))
            .minimum(Some(0))
            .build();
        let entry = AnyOfBuilder::new().item(bytes).item(Ref::from_schema_name(Self::name()));
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("A folder: what is in it by name."))
            .additional_properties(Some(RefOr::T(Schema::from(entry))))
            .into()
    }
}

impl ToSchema for FileTree {}

impl PartialSchema for FileContent {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
            .into()
    }
}

impl ToSchema for FileContent {}
