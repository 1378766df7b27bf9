-- What each repository's entries come to, indexes for lists of them, and limits that are set while the server runs.

ALTER TABLE repositories ADD COLUMN held BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN held_bytes BIGINT NOT NULL DEFAULT 0;
UPDATE repositories SET
    held = (SELECT count(*) FROM entries WHERE entries.repo = repositories.id),
    held_bytes = (SELECT CAST(coalesce(sum(entries.size), 0) AS BIGINT) FROM entries
                  WHERE entries.repo = repositories.id);

CREATE INDEX entries_by_creation ON entries (repo, created, id);
CREATE INDEX entries_by_size ON entries (repo, size, id);
CREATE INDEX entries_by_key ON entries (repo, key, scope);

-- `name`: empty for the whole server, an owner, or owner/name, in lower case.
CREATE TABLE limits (
    name {bytes} NOT NULL,
    -- 0 bytes, 1 bytes that may be set below it, 2 milliseconds of retention.
    kind BIGINT NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (name, kind)
){clustered};
