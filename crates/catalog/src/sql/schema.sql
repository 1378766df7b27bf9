-- Version 1. Both databases get this text; {id}, {bytes} and {clustered} are each one's own words.
-- Times are milliseconds since 1970 by the database's clock. Text from outside is kept as bytes.

CREATE TABLE domains (
    id {id},
    name {bytes} NOT NULL UNIQUE
);

CREATE TABLE repositories (
    id {id},
    name {bytes} NOT NULL,
    -- The name in lower case, by which it is found.
    folded {bytes} NOT NULL UNIQUE,
    domain BIGINT NOT NULL REFERENCES domains (id),
    -- The next entry's place in the order of saving.
    next_seq BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE secrets (
    name {bytes} NOT NULL PRIMARY KEY,
    value {bytes} NOT NULL
);

-- `place` is a hash of scope and version: they are only ever compared as a whole.
CREATE TABLE uploads (
    id {id},
    repo BIGINT NOT NULL REFERENCES repositories (id),
    scope {bytes} NOT NULL,
    key {bytes} NOT NULL,
    version {bytes} NOT NULL,
    place {bytes} NOT NULL,
    form BIGINT NOT NULL,
    -- Whether anything was committed, be it nothing.
    committed BIGINT NOT NULL DEFAULT 0,
    created BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    UNIQUE (repo, place, key)
);
CREATE INDEX uploads_by_lease ON uploads (lease_until);

-- When uploads began, kept after they ended.
CREATE TABLE begun (
    repo BIGINT NOT NULL,
    moment BIGINT NOT NULL
);
CREATE INDEX begun_by_repo ON begun (repo, moment);
CREATE INDEX begun_by_moment ON begun (moment);

CREATE TABLE blocks (
    id {id},
    upload BIGINT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    -- The client's id for it: several rows while a committed block has a successor.
    name {bytes} NOT NULL,
    start BIGINT,
    object {bytes} NOT NULL,
    size BIGINT NOT NULL,
    hash {bytes} NOT NULL
);
CREATE INDEX blocks_by_name ON blocks (upload, name);

CREATE TABLE content (
    upload BIGINT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    ordinal BIGINT NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (upload, ordinal)
){clustered};
CREATE INDEX content_by_block ON content (block);

-- `seq` counts a repository's saves; `tier` is `seq` by 256, the coarse order in which prefixes are looked up.
CREATE TABLE entries (
    id {id},
    repo BIGINT NOT NULL REFERENCES repositories (id),
    scope {bytes} NOT NULL,
    key {bytes} NOT NULL,
    version {bytes} NOT NULL,
    place {bytes} NOT NULL,
    seq BIGINT NOT NULL,
    tier BIGINT NOT NULL,
    size BIGINT NOT NULL,
    created BIGINT NOT NULL,
    accessed BIGINT NOT NULL,
    UNIQUE (repo, place, key)
);
CREATE INDEX entries_by_tier ON entries (repo, place, tier, key, seq);
CREATE INDEX entries_by_access ON entries (repo, accessed, id, size);
CREATE INDEX entries_by_age ON entries (accessed, id);

CREATE TABLE packs (
    id {id},
    domain BIGINT NOT NULL REFERENCES domains (id),
    -- 0 writing, 1 live, 2 condemned, 3 abandoned before it was stored.
    state BIGINT NOT NULL,
    hash {bytes},
    size BIGINT NOT NULL DEFAULT 0,
    lease_until BIGINT NOT NULL,
    condemned BIGINT
);
CREATE INDEX packs_by_state ON packs (state, id);

-- `place`: the frame's hash, then raw length, stored length and offset as little-endian u32.
CREATE TABLE chunks (
    domain BIGINT NOT NULL,
    hash {bytes} NOT NULL,
    pack BIGINT NOT NULL,
    place {bytes} NOT NULL,
    PRIMARY KEY (domain, hash)
){clustered};
CREATE INDEX chunks_by_pack ON chunks (pack);

CREATE TABLE recipes (
    id {id},
    domain BIGINT NOT NULL REFERENCES domains (id),
    -- Null once something is served from it.
    lease_until BIGINT
);
CREATE INDEX recipes_by_lease ON recipes (lease_until);

CREATE TABLE pages (
    recipe BIGINT NOT NULL REFERENCES recipes (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    raw_start BIGINT NOT NULL,
    stored_start BIGINT NOT NULL,
    body {bytes} NOT NULL,
    PRIMARY KEY (recipe, number)
);
CREATE INDEX pages_by_raw ON pages (recipe, raw_start, number);
CREATE INDEX pages_by_stored ON pages (recipe, stored_start, number);

-- Which packs a page names: what makes a pack reachable.
CREATE TABLE page_packs (
    pack BIGINT NOT NULL REFERENCES packs (id),
    recipe BIGINT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (pack, recipe, number),
    FOREIGN KEY (recipe, number) REFERENCES pages (recipe, number) ON DELETE CASCADE
){clustered};
CREATE INDEX page_packs_by_page ON page_packs (recipe, number);

-- Retired when `entry` is null. Every entry has exactly one that is not.
CREATE TABLE representations (
    id {id},
    entry BIGINT UNIQUE REFERENCES entries (id) ON DELETE SET NULL,
    repo BIGINT NOT NULL REFERENCES repositories (id),
    -- 0 raw, 1 a recipe's frames, 2 a recipe's chunks, 3 a pack.
    source BIGINT NOT NULL,
    recipe BIGINT REFERENCES recipes (id),
    pack BIGINT REFERENCES packs (id),
    form BIGINT NOT NULL,
    size BIGINT NOT NULL,
    etag {bytes} NOT NULL,
    held_until BIGINT NOT NULL
);
CREATE INDEX representations_retired ON representations (held_until) WHERE entry IS NULL;
CREATE INDEX representations_by_recipe ON representations (recipe);
CREATE INDEX representations_by_pack ON representations (pack);

CREATE TABLE segments (
    representation BIGINT NOT NULL REFERENCES representations (id) ON DELETE CASCADE,
    ordinal BIGINT NOT NULL,
    object {bytes} NOT NULL,
    size BIGINT NOT NULL,
    hash {bytes} NOT NULL,
    PRIMARY KEY (representation, ordinal)
);
CREATE INDEX segments_by_object ON segments (object);

CREATE TABLE doomed (
    id {id},
    object {bytes} NOT NULL,
    size BIGINT NOT NULL
);
CREATE INDEX doomed_by_object ON doomed (object);

CREATE TABLE jobs (
    id {id},
    -- 0 recode, 1 evict, 2 collect.
    kind BIGINT NOT NULL,
    subject BIGINT NOT NULL,
    due BIGINT NOT NULL,
    lease_until BIGINT NOT NULL DEFAULT 0,
    fence BIGINT NOT NULL DEFAULT 0,
    -- Whether it was asked for again while it ran.
    again BIGINT NOT NULL DEFAULT 0,
    UNIQUE (kind, subject)
);
CREATE INDEX jobs_by_due ON jobs (kind, due, id);
