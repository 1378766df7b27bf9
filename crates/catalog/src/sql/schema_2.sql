-- Version 2: Nix binary caches.

CREATE TABLE caches (
    id {id},
    name {bytes} NOT NULL UNIQUE,
    domain BIGINT NOT NULL REFERENCES domains (id)
);

-- A NAR is kept once for a domain.
CREATE TABLE nars (
    id {id},
    domain BIGINT NOT NULL REFERENCES domains (id),
    hash {bytes} NOT NULL,
    recipe BIGINT NOT NULL UNIQUE REFERENCES recipes (id),
    size BIGINT NOT NULL,
    stored BIGINT NOT NULL,
    mentions {bytes},
    -- Whether it has lost a name since it was last looked at, so that it may have none left.
    loose BIGINT NOT NULL DEFAULT 0,
    UNIQUE (domain, hash)
);
CREATE INDEX nars_loose ON nars (id) WHERE loose = 1;

-- NARs that wait for their paths.
CREATE TABLE staged (
    id {id},
    cache BIGINT NOT NULL REFERENCES caches (id),
    view {bytes} NOT NULL,
    pusher {bytes} NOT NULL,
    name {bytes} NOT NULL,
    nar BIGINT NOT NULL REFERENCES nars (id),
    -- The file as it was sent: its hash as Nix writes it in base 16.
    file_hash {bytes},
    file_size BIGINT,
    lease_until BIGINT NOT NULL,
    UNIQUE (cache, view, pusher, name)
);
CREATE INDEX staged_by_nar ON staged (nar);
CREATE INDEX staged_by_lease ON staged (lease_until);

-- A path in each view that it was published in; `refs` are base names with a space between them.
CREATE TABLE paths (
    id {id},
    cache BIGINT NOT NULL REFERENCES caches (id),
    view {bytes} NOT NULL,
    hash_part {bytes} NOT NULL,
    name {bytes} NOT NULL,
    nar_hash {bytes} NOT NULL,
    nar_size BIGINT NOT NULL,
    refs {bytes} NOT NULL,
    deriver {bytes},
    signatures {bytes} NOT NULL,
    ca {bytes},
    -- Whether it is known from an upstream cache only.
    upstream BIGINT NOT NULL,
    -- Null while a path from an upstream cache waits for it.
    nar BIGINT REFERENCES nars (id),
    created BIGINT NOT NULL,
    used BIGINT NOT NULL,
    UNIQUE (cache, view, hash_part)
);
CREATE INDEX paths_by_cache ON paths (cache, id);
CREATE INDEX paths_by_nar ON paths (nar, cache, view);
CREATE INDEX paths_by_name ON paths (cache, name, view, id) WHERE nar IS NOT NULL;
CREATE INDEX paths_waiting ON paths (cache, nar_hash) WHERE nar IS NULL;

CREATE TABLE pins (
    cache BIGINT NOT NULL REFERENCES caches (id),
    name {bytes} NOT NULL,
    path {bytes} NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT,
    PRIMARY KEY (cache, name)
){clustered};

CREATE TABLE files (
    id {id},
    cache BIGINT NOT NULL REFERENCES caches (id),
    view {bytes} NOT NULL,
    name {bytes} NOT NULL,
    recipe BIGINT NOT NULL UNIQUE REFERENCES recipes (id),
    size BIGINT NOT NULL,
    created BIGINT NOT NULL,
    UNIQUE (cache, view, name)
);
CREATE INDEX files_by_age ON files (cache, created);
