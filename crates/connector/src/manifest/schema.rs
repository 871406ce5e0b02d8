//! The manifest's schema.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::Manifest;

/// The JSON Schema (draft 2020-12) of a manifest, as TOML tools and editors read it.
///
/// It tells the keys and their values; [`Manifest::parse`] checks more, such as that URLs are secure.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Manifest>().to_value();
    schema["title"] = Value::from("Valetkey provider manifest");
    schema
}
