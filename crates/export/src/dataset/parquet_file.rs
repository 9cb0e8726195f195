//! Parquet files of rows, with the pictures inside as Hugging Face has them: a group of `bytes` and `path`, and the file's metadata say
//! which columns are pictures (`Image` of the library `datasets`). Knows columns and bytes, no forms.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};
use serde_json::{Map, Value, json};

use super::table::{Column, Kind, text_of, texts_of};

/// The most rows and bytes of pictures in one group: readers hold a group at once, and so do we.
const ROWS: usize = 10_000;
const ROWS_WITH_PICTURES: usize = 100;
const GROUP_BYTES: usize = 64 << 20;

/// A picture inside a row.
#[derive(Clone, Debug)]
pub(crate) struct Inside {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// A row with its pictures, in the order of the picture columns.
pub(crate) struct Row<'a> {
    pub(crate) fields: &'a Map<String, Value>,
    pub(crate) pictures: Vec<Option<Inside>>,
}

/// Writes rows to `out`. `pictures` names the picture columns, which come first; `row` reads the row at a position.
pub(crate) fn write<'a, W: Write + Send>(
    out: W,
    pictures: &[String],
    columns: &[Column],
    count: usize,
    mut row: impl FnMut(usize) -> std::io::Result<Row<'a>>,
) -> Result<(), ParquetError> {
    let features = KeyValue::new("huggingface".to_owned(), features(pictures, columns).to_string());
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_key_value_metadata(Some(vec![features]))
        .set_created_by(format!("imagemill {}", env!("CARGO_PKG_VERSION")));
    // A picture does not shrink, and its bytes are no statistics.
    let properties = pictures.iter().fold(properties, |properties, name| {
        let path: parquet::schema::types::ColumnPath = vec![name.clone(), "bytes".to_owned()].into();
        properties
            .set_column_compression(path.clone(), Compression::UNCOMPRESSED)
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_statistics_enabled(path, parquet::file::properties::EnabledStatistics::None)
    });
    let mut file = SerializedFileWriter::new(out, schema(pictures, columns)?, Arc::new(properties.build()))?;
    let most = if pictures.is_empty() { ROWS } else { ROWS_WITH_PICTURES };
    let mut at = 0;
    while at < count {
        let (mut rows, mut held) = (Vec::new(), 0);
        while at < count && rows.len() < most && held < GROUP_BYTES {
            let next = row(at)?;
            held += next.pictures.iter().flatten().map(|inside| inside.bytes.len()).sum::<usize>();
            rows.push(next);
            at += 1;
        }
        let mut group = file.next_row_group()?;
        for column in 0..pictures.len() {
            let mut held: Vec<Option<Inside>> =
                rows.iter_mut().map(|row| row.pictures.get_mut(column).and_then(Option::take)).collect();
            let names: Vec<Option<ByteArray>> = held.iter().map(|inside| Some(bytes(&inside.as_ref()?.name))).collect();
            let pictures = held.iter_mut().map(|inside| inside.take().map(|inside| inside.bytes.into())).collect();
            optional::<ByteArrayType>(&mut group, 2, pictures)?;
            optional::<ByteArrayType>(&mut group, 2, names)?;
        }
        for column in columns {
            let value = |row: &Row<'_>| row.fields.get(&column.name).cloned();
            match column.kind {
                Kind::Text => {
                    let texts = rows.iter().map(|row| text_of(value(row).as_ref()).map(|text| bytes(&text))).collect();
                    optional::<ByteArrayType>(&mut group, 1, texts)?;
                }
                Kind::Whole => {
                    optional::<Int64Type>(&mut group, 1, rows.iter().map(|row| value(row)?.as_i64()).collect())?;
                }
                Kind::Real => {
                    optional::<DoubleType>(&mut group, 1, rows.iter().map(|row| value(row)?.as_f64()).collect())?;
                }
                Kind::Texts => lists(&mut group, &rows, |row| texts_of(value(row).as_ref()))?,
            }
        }
        group.close()?;
    }
    file.close().map(drop)
}

/// One column whose value may be missing. `level` is its definition level when it is there.
fn optional<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
    level: i16,
    found: Vec<Option<T::T>>,
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = found.iter().map(|value| if value.is_some() { level } else { 0 }).collect();
    let values: Vec<T::T> = found.into_iter().flatten().collect();
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    column.typed::<T>().write_batch(&values, Some(&levels), None)?;
    column.close()
}

/// One column of lists of texts: level 0 is no list, 1 an empty one, 2 an element.
fn lists(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
    rows: &[Row<'_>],
    value: impl Fn(&Row<'_>) -> Option<Vec<String>>,
) -> Result<(), ParquetError> {
    let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let list = value(row);
        let all = list.as_deref().unwrap_or_default();
        if all.is_empty() {
            defined.push(i16::from(list.is_some()));
            repeated.push(0);
        }
        for (at, text) in all.iter().enumerate() {
            values.push(bytes(text));
            defined.push(2);
            repeated.push(i16::from(at > 0));
        }
    }
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    column.typed::<ByteArrayType>().write_batch(&values, Some(&defined), Some(&repeated))?;
    column.close()
}

fn bytes(text: &str) -> ByteArray {
    ByteArray::from(text.as_bytes().to_vec())
}

fn schema(pictures: &[String], columns: &[Column]) -> Result<TypePtr, ParquetError> {
    let leaf = |name: &str, physical: Physical, logical: Option<LogicalType>| {
        let leaf = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
        leaf.with_logical_type(logical).build().map(Arc::new)
    };
    let group = |name: &str, repetition: Repetition, logical: Option<LogicalType>, fields: Vec<TypePtr>| {
        let group = Type::group_type_builder(name).with_repetition(repetition).with_logical_type(logical);
        group.with_fields(fields).build().map(Arc::new)
    };
    let text = Some(LogicalType::String);
    let mut fields = Vec::new();
    for name in pictures {
        let inside =
            vec![leaf("bytes", Physical::BYTE_ARRAY, None)?, leaf("path", Physical::BYTE_ARRAY, text.clone())?];
        fields.push(group(name, Repetition::OPTIONAL, None, inside)?);
    }
    for column in columns {
        let name = column.name.as_str();
        fields.push(match column.kind {
            Kind::Text => leaf(name, Physical::BYTE_ARRAY, text.clone())?,
            Kind::Whole => leaf(name, Physical::INT64, None)?,
            Kind::Real => leaf(name, Physical::DOUBLE, None)?,
            Kind::Texts => {
                let element = Type::primitive_type_builder("element", Physical::BYTE_ARRAY)
                    .with_repetition(Repetition::REQUIRED)
                    .with_logical_type(text.clone())
                    .build()?;
                let list = group("list", Repetition::REPEATED, None, vec![Arc::new(element)])?;
                group(name, Repetition::OPTIONAL, Some(LogicalType::List), vec![list])?
            }
        });
    }
    Ok(Arc::new(Type::group_type_builder("row").with_fields(fields).build()?))
}

/// What the library `datasets` reads to know its features.
fn features(pictures: &[String], columns: &[Column]) -> Value {
    let value = |dtype: &str| json!({ "dtype": dtype, "_type": "Value" });
    let mut features: Map<String, Value> =
        pictures.iter().map(|name| (name.clone(), json!({ "_type": "Image" }))).collect();
    features.extend(columns.iter().map(|column| {
        let feature = match column.kind {
            Kind::Text => value("string"),
            Kind::Whole => value("int64"),
            Kind::Real => value("float64"),
            Kind::Texts => json!({ "feature": value("string"), "_type": "Sequence" }),
        };
        (column.name.clone(), feature)
    }));
    json!({ "info": { "features": features } })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::super::table::columns;
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let columns = columns(&[("text", Kind::Text), ("n", Kind::Whole), ("share", Kind::Real), ("ids", Kind::Texts)]);
        let rows = [
            json!({"text": "夜", "n": 3, "share": 0.5, "ids": ["a", "b"]}),
            json!({"ids": []}),
            json!({"text": "x", "ids": "[\"c\"]"}),
        ];
        let mut file = Vec::new();
        let row = |at: usize| {
            let inside = Inside { name: format!("{at}.png"), bytes: vec![at as u8; 3] };
            Ok(Row { fields: rows[at].as_object().unwrap(), pictures: vec![(at != 1).then_some(inside)] })
        };
        write(&mut file, &["image".to_owned()], &columns, rows.len(), row).unwrap();
        let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
        let known = reader.metadata().file_metadata().key_value_metadata().unwrap();
        assert!(known.iter().any(|pair| pair.key == "huggingface" && pair.value.as_ref().unwrap().contains("Image")));
        let read: Vec<String> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        let first = "{image: {bytes: [0, 0, 0], path: \"0.png\"}, text: \"夜\", n: 3, share: 0.5, ids: [\"a\", \"b\"]}";
        assert_eq!(read[0], first);
        assert_eq!(read[1], "{image: null, text: null, n: null, share: null, ids: []}");
        assert!(read[2].ends_with("text: \"x\", n: null, share: null, ids: [\"c\"]}"), "{}", read[2]);
    }
}
