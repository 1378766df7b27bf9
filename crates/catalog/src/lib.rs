//! The server's facts in SQL.
