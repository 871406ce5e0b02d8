//! Column types: a sealed value, and a JSON document kept as text.

use sea_orm::{
    ColIdx, DbErr, QueryResult, TryGetError, TryGetable, Value,
    sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr},
};
use serde::{Serialize, de::DeserializeOwned};
use vault::Sealed;

/// Ciphertext in the vault's format: a type of its own, so that nothing else is stored in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedColumn(pub Sealed);

impl From<SealedColumn> for Value {
    fn from(column: SealedColumn) -> Self {
        Self::Bytes(Some(column.0.into_bytes()))
    }
}

impl From<Sealed> for SealedColumn {
    fn from(sealed: Sealed) -> Self {
        Self(sealed)
    }
}

impl TryGetable for SealedColumn {
    fn try_get_by<I: ColIdx>(res: &QueryResult, index: I) -> Result<Self, TryGetError> {
        let bytes = Vec::<u8>::try_get_by(res, index)?;
        Sealed::from_bytes(bytes)
            .map(Self)
            .map_err(|error| TryGetError::DbErr(DbErr::Type(error.to_string())))
    }
}

impl ValueType for SealedColumn {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        match value {
            Value::Bytes(Some(bytes)) => {
                Sealed::from_bytes(bytes).map(Self).map_err(|_| ValueTypeErr)
            }
            _ => Err(ValueTypeErr),
        }
    }

    fn type_name() -> String {
        "SealedColumn".to_owned()
    }

    fn array_type() -> ArrayType {
        ArrayType::Bytes
    }

    fn column_type() -> ColumnType {
        ColumnType::Blob
    }
}

impl Nullable for SealedColumn {
    fn null() -> Value {
        Value::Bytes(None)
    }
}

/// A document that the hub reads and writes whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize> From<Json<T>> for Value {
    fn from(column: Json<T>) -> Self {
        // Our own types only: maps with string keys, lists, strings and numbers.
        Self::String(Some(serde_json::to_string(&column.0).unwrap_or_else(|_| "null".to_owned())))
    }
}

impl<T: DeserializeOwned> TryGetable for Json<T> {
    fn try_get_by<I: ColIdx>(res: &QueryResult, index: I) -> Result<Self, TryGetError> {
        let text = String::try_get_by(res, index)?;
        serde_json::from_str(&text)
            .map(Self)
            .map_err(|error| TryGetError::DbErr(DbErr::Type(error.to_string())))
    }
}

impl<T: DeserializeOwned + Serialize> ValueType for Json<T> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        match value {
            Value::String(Some(text)) => {
                serde_json::from_str(&text).map(Self).map_err(|_| ValueTypeErr)
            }
            _ => Err(ValueTypeErr),
        }
    }

    fn type_name() -> String {
        "Json".to_owned()
    }

    fn array_type() -> ArrayType {
        ArrayType::String
    }

    fn column_type() -> ColumnType {
        ColumnType::Text
    }
}

impl<T> Nullable for Json<T> {
    fn null() -> Value {
        Value::String(None)
    }
}
