//! The text of statements: once where both databases accept it, else side by side.

/// One statement in both dialects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sql {
    /// For SQLite.
    pub(crate) sqlite: &'static str,
    /// For PostgreSQL.
    pub(crate) postgres: &'static str,
}

/// Puts a [`Sql`] together from string literals, which stand in both dialects, and these words:
///
/// - `in_ints("$1")`, `in_blobs("$1")`: ` IN` a list that was bound as one value.
/// - `ints("$1")`, `blobs("$1")`: such a list as a table `listed` of `value`.
/// - `ranked_ints("$1")`, `ranked_blobs("$1")`: the same with the order as `rank`.
/// - `rows("$1")`: a [`Table`](super::Table) as a table `listed`, of whose columns, counted from 0, `int_at("0")` and
///   `bytes_at("1")` are the values.
/// - `no_index("...")`: a column of bytes as an expression that no index is on.
/// - `for_update`, `for_share`, `skip_locked`: row locks, where a writer is not alone anyhow.
/// - `each("...", "...")`: what SQLite needs, then what PostgreSQL needs.
/// - `name!()`: a macro that stands for a literal.
///
/// SQLite gets a list as JSON, with bytes in hexadecimal: one statement whatever the length. A table is JSON for both.
macro_rules! sql {
    (@sqlite [$($done:tt)*]) => { concat!($($done)*) };
    (@sqlite [$($done:tt)*] in_ints($list:literal) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* " IN (SELECT value FROM json_each(", $list, "))",] $($rest)*)
    };
    (@sqlite [$($done:tt)*] in_blobs($list:literal) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* " IN (SELECT unhex(value) FROM json_each(", $list, "))",] $($rest)*)
    };
    (@sqlite [$($done:tt)*] ints($list:literal) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* " (SELECT value FROM json_each(", $list, ")) AS listed ",] $($rest)*)
    };
    (@sqlite [$($done:tt)*] blobs($list:literal) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* " (SELECT unhex(value) AS value FROM json_each(", $list, ")) AS listed ",]
            $($rest)*)
    };
    (@sqlite [$($done:tt)*] ranked_ints($list:literal) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* " (SELECT key AS rank, value FROM json_each(", $list, ")) AS listed ",]
            $($rest)*)
    };
    (@sqlite [$($done:tt)*] ranked_blobs($list:literal) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* " (SELECT key AS rank, unhex(value) AS value FROM json_each(", $list, ")) AS listed ",]
            $($rest)*)
    };
    (@sqlite [$($done:tt)*] rows($list:literal) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* " (SELECT value FROM json_each(", $list, ")) AS listed ",] $($rest)*)
    };
    (@sqlite [$($done:tt)*] int_at($column:literal) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* " json_extract(listed.value, '$[", $column, "]')",] $($rest)*)
    };
    (@sqlite [$($done:tt)*] bytes_at($column:literal) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* " unhex(json_extract(listed.value, '$[", $column, "]'))",] $($rest)*)
    };
    (@sqlite [$($done:tt)*] for_update $($rest:tt)*) => { sql!(@sqlite [$($done)*] $($rest)*) };
    (@sqlite [$($done:tt)*] for_share $($rest:tt)*) => { sql!(@sqlite [$($done)*] $($rest)*) };
    (@sqlite [$($done:tt)*] skip_locked $($rest:tt)*) => { sql!(@sqlite [$($done)*] $($rest)*) };
    (@sqlite [$($done:tt)*] no_index($column:literal) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* " +", $column, " ",] $($rest)*)
    };
    (@sqlite [$($done:tt)*] each($own:literal, $other:literal) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* $own,] $($rest)*)
    };
    (@sqlite [$($done:tt)*] $name:ident!() $($rest:tt)*) => { sql!(@sqlite [$($done)* $name!(),] $($rest)*) };
    (@sqlite [$($done:tt)*] $text:literal $($rest:tt)*) => { sql!(@sqlite [$($done)* $text,] $($rest)*) };

    (@postgres [$($done:tt)*]) => { concat!($($done)*) };
    (@postgres [$($done:tt)*] in_ints($list:literal) $($rest:tt)*) => {
        sql!(@postgres [$($done)* " = ANY(", $list, ")",] $($rest)*)
    };
    (@postgres [$($done:tt)*] in_blobs($list:literal) $($rest:tt)*) => {
        sql!(@postgres [$($done)* " = ANY(", $list, ")",] $($rest)*)
    };
    (@postgres [$($done:tt)*] ints($list:literal) $($rest:tt)*) => {
        sql!(@postgres [$($done)* " unnest(", $list, ") AS listed (value) ",] $($rest)*)
    };
    (@postgres [$($done:tt)*] blobs($list:literal) $($rest:tt)*) => {
        sql!(@postgres [$($done)* " unnest(", $list, ") AS listed (value) ",] $($rest)*)
    };
    (@postgres [$($done:tt)*] ranked_ints($list:literal) $($rest:tt)*) => {
        sql!(@postgres [$($done)* " unnest(", $list, ") WITH ORDINALITY AS listed (value, rank) ",] $($rest)*)
    };
    (@postgres [$($done:tt)*] ranked_blobs($list:literal) $($rest:tt)*) => {
        sql!(@postgres [$($done)* " unnest(", $list, ") WITH ORDINALITY AS listed (value, rank) ",] $($rest)*)
    };
    (@postgres [$($done:tt)*] rows($list:literal) $($rest:tt)*) => {
        sql!(@postgres [$($done)* " json_array_elements(CAST(", $list, " AS json)) AS listed (value) ",] $($rest)*)
    };
    (@postgres [$($done:tt)*] int_at($column:literal) $($rest:tt)*) => {
        sql!(@postgres [$($done)* " CAST(listed.value ->> ", $column, " AS BIGINT)",] $($rest)*)
    };
    (@postgres [$($done:tt)*] bytes_at($column:literal) $($rest:tt)*) => {
        sql!(@postgres [$($done)* " decode(listed.value ->> ", $column, ", 'hex')",] $($rest)*)
    };
    (@postgres [$($done:tt)*] for_update $($rest:tt)*) => {
        sql!(@postgres [$($done)* " FOR UPDATE",] $($rest)*)
    };
    (@postgres [$($done:tt)*] for_share $($rest:tt)*) => { sql!(@postgres [$($done)* " FOR SHARE",] $($rest)*) };
    (@postgres [$($done:tt)*] skip_locked $($rest:tt)*) => {
        sql!(@postgres [$($done)* " FOR UPDATE SKIP LOCKED",] $($rest)*)
    };
    (@postgres [$($done:tt)*] no_index($column:literal) $($rest:tt)*) => {
        sql!(@postgres [$($done)* " (", $column, " || ''::bytea) ",] $($rest)*)
    };
    (@postgres [$($done:tt)*] each($other:literal, $own:literal) $($rest:tt)*) => {
        sql!(@postgres [$($done)* $own,] $($rest)*)
    };
    (@postgres [$($done:tt)*] $name:ident!() $($rest:tt)*) => {
        sql!(@postgres [$($done)* $name!(),] $($rest)*)
    };
    (@postgres [$($done:tt)*] $text:literal $($rest:tt)*) => { sql!(@postgres [$($done)* $text,] $($rest)*) };

    ($($part:tt)*) => {
        $crate::sql::Sql { sqlite: sql!(@sqlite [] $($part)*), postgres: sql!(@postgres [] $($part)*) }
    };
}
pub(crate) use sql;

#[cfg(test)]
mod tests {
    #[test]
    fn words_become_each_dialects_own() {
        let sql = sql!("SELECT id FROM t WHERE id" in_ints("$1") " ORDER BY id" for_update);
        assert_eq!(sql.sqlite, "SELECT id FROM t WHERE id IN (SELECT value FROM json_each($1)) ORDER BY id");
        assert_eq!(sql.postgres, "SELECT id FROM t WHERE id = ANY($1) ORDER BY id FOR UPDATE");
    }
}
