//! Rows into LanceDB and back. The columns are those of every set of critiques, one for whatever else a row holds, and one for a vector
//! where rows have one, so that a table's schema stays as it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Float32Builder, ListBuilder, StringBuilder};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, RecordBatchIterator, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use futures_util::TryStreamExt as _;
use lancedb::query::{ExecutableQuery as _, QueryBase as _, Select};
use lancedb::table::NewColumnTransform;
use lancedb::{Connection, Table};
use serde_json::{Map, Value};

use super::{Difference, LakeError};
use crate::dataset::Dataset;
use crate::dataset::critiques::COLUMNS;
use crate::dataset::table::{Kind, text_of, texts_of};

/// What a row is known by.
const KEYS: [&str; 2] = ["culture", "image_blake3"];
/// Members that have no column, as JSON.
const MORE: &str = "more";
/// A hash of the whole row: tells which ones a merge changes.
const HASH: &str = "row_hash";
/// The vector.
const EMBEDDING: &str = "embedding";

struct Place<'a> {
    address: &'a str,
    table: &'a str,
}

impl Place<'_> {
    fn failed(&self, done: &'static str) -> impl Fn(lancedb::Error) -> LakeError {
        let (address, table) = (self.address.to_owned(), self.table.to_owned());
        move |error| LakeError::Failed {
            address: address.clone(),
            table: table.clone(),
            done,
            message: error.to_string(),
        }
    }

    async fn connect(&self) -> Result<Connection, LakeError> {
        lancedb::connect(self.address).execute().await.map_err(self.failed("read"))
    }

    /// The table, where there is one.
    async fn open(&self) -> Result<Option<Table>, LakeError> {
        match self.connect().await?.open_table(self.table).execute().await {
            Ok(table) => Ok(Some(table)),
            Err(lancedb::Error::TableNotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read")(error)),
        }
    }
}

/// The table's version; 0 when there is none.
pub async fn version(address: &str, table: &str) -> Result<u64, LakeError> {
    let place = Place { address, table };
    match place.open().await? {
        Some(open) => open.version().await.map_err(place.failed("read")),
        None => Ok(0),
    }
}

/// What a merge of these rows would change.
pub async fn difference(address: &str, table: &str, set: &Dataset) -> Result<Difference, LakeError> {
    let place = Place { address, table };
    let mut known: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut difference = Difference::default();
    if let Some(open) = place.open().await? {
        difference.version = open.version().await.map_err(place.failed("read"))?;
        let names = [KEYS[0], KEYS[1], HASH];
        let stream = open.query().select(Select::columns(&names)).execute().await.map_err(place.failed("read"))?;
        let batches: Vec<RecordBatch> = stream.try_collect().await.map_err(place.failed("read"))?;
        for batch in &batches {
            let column = |name: &str| {
                let found = batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref::<StringArray>());
                found.cloned().unwrap_or_else(|| StringArray::new_null(batch.num_rows()))
            };
            let (cultures, pictures, hashes) = (column(names[0]), column(names[1]), column(names[2]));
            for at in 0..batch.num_rows() {
                let key = (cultures.value(at).to_owned(), pictures.value(at).to_owned());
                *difference.there.entry(key.0.clone()).or_default() += 1;
                known.insert(key, hashes.value(at).to_owned());
            }
        }
    }
    for row in set.rows() {
        let text = |name: &str| text_of(row.get(name)).unwrap_or_default();
        match known.get(&(text(KEYS[0]), text(KEYS[1]))) {
            None => difference.new.push(text("image_path")),
            Some(hash) if *hash != hash_of(row) => difference.changed.push(text("image_path")),
            Some(_) => difference.same += 1,
        }
    }
    Ok(difference)
}

/// Makes an empty table where there is none; returns the version that a merge can be taken back to.
pub async fn prepare(address: &str, table: &str) -> Result<u64, LakeError> {
    let place = Place { address, table };
    let written = place.failed("written");
    let open = match place.open().await? {
        Some(open) => open,
        None => place.connect().await?.create_empty_table(table, schema()).execute().await.map_err(&written)?,
    };
    open.version().await.map_err(&written)
}

/// Merges rows: one that the table has is replaced, others are added. Returns the table's version behind it.
pub async fn merge(address: &str, table: &str, set: &Dataset) -> Result<u64, LakeError> {
    let place = Place { address, table };
    let written = place.failed("written");
    let length = embedding_length(set)?;
    prepare(address, table).await?;
    let Some(open) = place.open().await? else { return Ok(0) };
    let has_vectors = open.schema().await.map_err(&written)?.column_with_name(EMBEDDING).is_some();
    if let (Some(length), false) = (length, has_vectors) {
        let vectors = Arc::new(Schema::new(vec![vector_field(length)]));
        open.add_columns().transform(NewColumnTransform::AllNulls(vectors)).execute().await.map_err(&written)?;
    }
    let schema = open.schema().await.map_err(&written)?;
    let batch = batch(set, &schema);
    let rows = RecordBatchIterator::new(vec![batch], schema);
    let mut merge = open.merge_insert(&KEYS);
    merge.when_matched_update_all(None).when_not_matched_insert_all();
    merge.execute(Box::new(rows)).await.map_err(&written)?;
    open.version().await.map_err(&written)
}

/// Makes an earlier version the newest; returns its number.
pub async fn restore(address: &str, table: &str, version: u64) -> Result<u64, LakeError> {
    let place = Place { address, table };
    let restored = place.failed("restored");
    let Some(open) = place.open().await? else { return Ok(0) };
    open.checkout(version).await.map_err(&restored)?;
    open.restore().await.map_err(&restored)?;
    open.version().await.map_err(&restored)
}

fn hash_of(row: &Map<String, Value>) -> String {
    // Ordered by name, because a map of JSON may keep the order in which it was filled. A merge marks rows with its own number; that is
    // no change of what they say.
    let said: BTreeMap<&String, &Value> = row.iter().filter(|(name, _)| name.as_str() != "merge").collect();
    let said = serde_json::to_vec(&said).unwrap_or_default();
    blake3::hash(&said).to_hex().to_string()
}

/// The vector of a row.
fn vector(row: &Map<String, Value>) -> Option<Vec<f32>> {
    let list = row.get(EMBEDDING)?.as_array()?;
    list.iter().map(|value| value.as_f64().map(|value| value as f32)).collect()
}

fn embedding_length(set: &Dataset) -> Result<Option<usize>, LakeError> {
    let mut length = None;
    for row in set.rows() {
        let Some(found) = vector(row).map(|vector| vector.len()) else { continue };
        let expected = *length.get_or_insert(found);
        if found != expected {
            let row = text_of(row.get("image_path")).unwrap_or_default();
            return Err(LakeError::Embedding { row, found, expected });
        }
    }
    Ok(length)
}

fn vector_field(length: usize) -> Field {
    let item = Arc::new(Field::new("item", DataType::Float32, true));
    Field::new(EMBEDDING, DataType::FixedSizeList(item, length as i32), true)
}

fn schema() -> SchemaRef {
    let field = |(name, kind): &(&str, Kind)| {
        let kind = match kind {
            Kind::Text => DataType::Utf8,
            Kind::Whole => DataType::Int64,
            Kind::Real => DataType::Float64,
            Kind::Texts => DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))),
        };
        Field::new(*name, kind, true)
    };
    let mut fields: Vec<Field> = COLUMNS.iter().map(field).collect();
    fields.extend([MORE, HASH].map(|name| Field::new(name, DataType::Utf8, true)));
    Arc::new(Schema::new(fields))
}

/// All rows under the table's own schema: columns that it lacks are left out, those that rows lack are null.
fn batch(set: &Dataset, schema: &SchemaRef) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let rows: Vec<&Map<String, Value>> = set.rows().collect();
    let columns = schema.fields().iter().map(|field| column(field, &rows)).collect();
    RecordBatch::try_new(schema.clone(), columns)
}

fn column(field: &Field, rows: &[&Map<String, Value>]) -> ArrayRef {
    let name = field.name().as_str();
    let values = || rows.iter().map(|row| row.get(name));
    match field.data_type() {
        DataType::Int64 => Arc::new(values().map(|value| value?.as_i64()).collect::<Int64Array>()),
        DataType::Float64 => Arc::new(values().map(|value| value?.as_f64()).collect::<Float64Array>()),
        DataType::List(_) => {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for value in values() {
                match texts_of(value) {
                    Some(texts) => {
                        texts.iter().for_each(|text| lists.values().append_value(text));
                        lists.append(true);
                    }
                    None => lists.append(false),
                }
            }
            Arc::new(lists.finish())
        }
        DataType::FixedSizeList(_, length) => {
            let mut vectors = FixedSizeListBuilder::new(Float32Builder::new(), *length);
            for row in rows {
                match vector(row).filter(|vector| vector.len() == *length as usize) {
                    Some(vector) => {
                        vectors.values().append_slice(&vector);
                        vectors.append(true);
                    }
                    None => {
                        vectors.values().append_nulls(*length as usize);
                        vectors.append(false);
                    }
                }
            }
            Arc::new(vectors.finish())
        }
        _ if name == HASH => Arc::new(rows.iter().map(|row| Some(hash_of(row))).collect::<StringArray>()),
        _ if name == MORE => Arc::new(rows.iter().map(|row| more(row)).collect::<StringArray>()),
        _ => Arc::new(values().map(text_of).collect::<StringArray>()),
    }
}

/// Members that have no column of their own.
fn more(row: &Map<String, Value>) -> Option<String> {
    let known = |name: &str| name == EMBEDDING || COLUMNS.iter().any(|(column, _)| *column == name);
    let rest: Map<String, Value> =
        row.iter().filter(|(name, _)| !known(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
    (!rest.is_empty()).then(|| Value::Object(rest).to_string())
}
