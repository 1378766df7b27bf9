-- An index for lists of a scope's entries.

CREATE INDEX entries_by_scope ON entries (repo, scope, key);
