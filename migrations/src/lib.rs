//! The one set of database migrations, for SQLite and PostgreSQL
