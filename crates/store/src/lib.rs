//! Durable rows (SQLite) and asset files (disk).
