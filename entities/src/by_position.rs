//! Reading rows by the positions of their columns. A model is read by name: for each column
//! of each row its name is made and looked up. That takes longer than all else that a frequent
//! statement on one row does in the process.

use sea_orm::{DbErr, IdenStatic, QueryResult, TryGetable};

/// A value that is read from columns of a table by their positions.
/// [`read_by_position!`](crate::read_by_position) implements it from one list of fields and
/// columns, so that what is selected and what is read cannot differ.
pub trait ByPosition: Sized {
    /// The columns of the table.
    type Column: IdenStatic + Copy + 'static;

    /// The columns, in the order in which a statement selects them.
    const COLUMNS: &'static [Self::Column];

    /// Takes the value from the next columns of a row. Fails if they are of other types, or
    /// null where the field has no `Option`.
    fn take(row: &mut RowReader<'_>) -> Result<Self, DbErr>;

    /// Reads the value from a row that begins with its columns.
    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Self::take(&mut RowReader::of(row))
    }

    /// The names of the columns, to stand after `SELECT`.
    #[must_use]
    fn names() -> String {
        Self::COLUMNS.iter().map(IdenStatic::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// The columns of a row, taken one after the other.
#[derive(Debug)]
pub struct RowReader<'a> {
    row: &'a QueryResult,
    position: usize,
}

impl<'a> RowReader<'a> {
    /// Begins with the first column.
    #[must_use]
    pub fn of(row: &'a QueryResult) -> Self {
        Self { row, position: 0 }
    }

    /// The next column. Fails if there is none, or if it is of another type.
    pub fn take<T: TryGetable>(&mut self) -> Result<T, DbErr> {
        let position = self.position;
        self.position += 1;
        self.row.try_get_by_index(position)
    }
}

/// Implements [`ByPosition`] for a type: `read_by_position!(Type, table::Column { field: Name })`
/// lists its fields, each with its column. With `from table::Model` before the braces, the type
/// is also made of a model, whose fields have the same names.
#[macro_export]
macro_rules! read_by_position {
    ($type:ty, $column:ty { $($field:ident: $name:ident),+ $(,)? }) => {
        impl $crate::ByPosition for $type {
            type Column = $column;

            const COLUMNS: &'static [$column] = &[$(<$column>::$name),+];

            fn take(row: &mut $crate::RowReader<'_>) -> Result<Self, ::sea_orm::DbErr> {
                Ok(Self { $($field: row.take()?),+ })
            }
        }
    };
    ($type:ty, $column:ty, from $model:ty { $($field:ident: $name:ident),+ $(,)? }) => {
        $crate::read_by_position!($type, $column { $($field: $name),+ });

        impl From<$model> for $type {
            fn from(row: $model) -> Self {
                Self { $($field: row.$field.into()),+ }
            }
        }
    };
}
