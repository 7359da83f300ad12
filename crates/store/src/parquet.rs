//! Results as Parquet.

use std::{io, sync::Arc};

use inceptive_ir::text as harmless;
use parquet::{
    basic::{LogicalType, Repetition, Type as PhysicalType},
    data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type},
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::Type,
};

use crate::{
    export::{Cell, Column, ExportError, Kind, Table},
    store::Stored,
};

/// Writes results as a table with types.
///
/// # Errors
/// When they cannot be written.
pub(crate) fn write<R: Table>(
    results: &[Stored<R>],
    out: impl io::Write + Send,
) -> Result<(), ExportError> {
    let columns = R::columns();
    let field = |column: &Column<R>| {
        let (physical, logical) = match column.kind {
            Kind::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Count => (PhysicalType::INT64, None),
            Kind::Number => (PhysicalType::DOUBLE, None),
        };
        let builder = Type::primitive_type_builder(column.name, physical);
        let builder = builder.with_repetition(Repetition::OPTIONAL).with_logical_type(logical);
        Ok(Arc::new(builder.build()?))
    };
    let fields = columns.iter().map(field).collect::<Result<Vec<_>, ParquetError>>()?;
    let schema = Type::group_type_builder("result").with_fields(fields).build()?;
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(out, Arc::new(schema), properties)?;
    let mut group = writer.next_row_group()?;
    for column in &columns {
        let Some(mut target) = group.next_column()? else { break };
        let cells: Vec<Cell> = results.iter().map(|stored| column.value(stored)).collect();
        let known: Vec<i16> = cells.iter().map(|cell| i16::from(*cell != Cell::Absent)).collect();
        match column.kind {
            Kind::Text => {
                let values: Vec<ByteArray> = cells
                    .iter()
                    .filter_map(|cell| match cell {
                        Cell::Text(text) => {
                            Some(harmless::one_line(text).as_bytes().to_vec().into())
                        }
                        Cell::Count(_) | Cell::Number(_) | Cell::Absent => None,
                    })
                    .collect();
                target.typed::<ByteArrayType>().write_batch(&values, Some(&known), None)?;
            }
            Kind::Count => {
                let values: Vec<i64> = cells
                    .iter()
                    .filter_map(|cell| match cell {
                        Cell::Count(count) => Some(i64::try_from(*count).unwrap_or(i64::MAX)),
                        Cell::Text(_) | Cell::Number(_) | Cell::Absent => None,
                    })
                    .collect();
                target.typed::<Int64Type>().write_batch(&values, Some(&known), None)?;
            }
            Kind::Number => {
                let values: Vec<f64> = cells
                    .iter()
                    .filter_map(|cell| match cell {
                        Cell::Number(number) => Some(*number),
                        Cell::Text(_) | Cell::Count(_) | Cell::Absent => None,
                    })
                    .collect();
                target.typed::<DoubleType>().write_batch(&values, Some(&known), None)?;
            }
        }
        target.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(())
}
