//! Short words for the columns that every table is made of.

use sea_orm_migration::prelude::*;

/// A table under construction.
pub(crate) struct NewTable(TableCreateStatement, &'static str);

pub(crate) fn table(name: &'static str) -> NewTable {
    let mut statement = Table::create();
    statement.table(Alias::new(name));
    NewTable(statement, name)
}

impl NewTable {
    fn column(mut self, mut column: ColumnDef) -> Self {
        self.0.col(&mut column);
        self
    }

    pub(crate) fn id(self) -> Self {
        let mut column = ColumnDef::new(Alias::new("id"));
        column.text().not_null().primary_key();
        self.column(column)
    }

    pub(crate) fn text(self, name: &'static str) -> Self {
        let mut column = ColumnDef::new(Alias::new(name));
        column.text().not_null();
        self.column(column)
    }

    pub(crate) fn text_null(self, name: &'static str) -> Self {
        let mut column = ColumnDef::new(Alias::new(name));
        column.text().null();
        self.column(column)
    }

    pub(crate) fn int(self, name: &'static str) -> Self {
        let mut column = ColumnDef::new(Alias::new(name));
        column.big_integer().not_null();
        self.column(column)
    }

    /// An integer that starts at `value` where it isn't given.
    pub(crate) fn int_default(self, name: &'static str, value: i64) -> Self {
        let mut column = ColumnDef::new(Alias::new(name));
        column.big_integer().not_null().default(value);
        self.column(column)
    }

    pub(crate) fn int_null(self, name: &'static str) -> Self {
        let mut column = ColumnDef::new(Alias::new(name));
        column.big_integer().null();
        self.column(column)
    }

    pub(crate) fn flag(self, name: &'static str) -> Self {
        let mut column = ColumnDef::new(Alias::new(name));
        column.boolean().not_null();
        self.column(column)
    }

    pub(crate) fn blob(self, name: &'static str) -> Self {
        let mut column = ColumnDef::new(Alias::new(name));
        column.blob().not_null();
        self.column(column)
    }

    pub(crate) fn blob_null(self, name: &'static str) -> Self {
        let mut column = ColumnDef::new(Alias::new(name));
        column.blob().null();
        self.column(column)
    }

    /// A column of another table's ids; rows that are pointed at can't be deleted.
    pub(crate) fn refers(mut self, column: &'static str, to: &'static str) -> Self {
        let name = format!("fk_{}_{column}", self.1);
        self.0.foreign_key(
            ForeignKey::create()
                .name(name)
                .from(Alias::new(self.1), Alias::new(column))
                .to(Alias::new(to), Alias::new("id"))
                .on_delete(ForeignKeyAction::Restrict),
        );
        self
    }

    /// The primary key over several columns.
    pub(crate) fn key(mut self, columns: &[&'static str]) -> Self {
        let mut key = Index::create();
        for column in columns {
            key.col(Alias::new(*column));
        }
        self.0.primary_key(&mut key);
        self
    }

    pub(crate) async fn create(self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        manager.create_table(self.0).await
    }
}

pub(crate) async fn index(
    manager: &SchemaManager<'_>,
    on: &'static str,
    columns: &[&'static str],
    unique: bool,
) -> Result<(), DbErr> {
    let mut index = Index::create();
    index.name(format!("{on}_{}", columns.join("_"))).table(Alias::new(on));
    for column in columns {
        index.col(Alias::new(*column));
    }
    if unique {
        index.unique();
    }
    manager.create_index(index).await
}
