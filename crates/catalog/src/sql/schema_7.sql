-- What happened: lookups and what decided them, what went and why, saves, image pushes, and counts by day. Rows go by
-- age and by number, so nothing refers to them, and they outlive what they tell of.

CREATE TABLE lookups (
    id {id},
    repo BIGINT NOT NULL,
    moment BIGINT NOT NULL,
    -- How often the same was asked with the same outcome, within a second or so.
    times BIGINT NOT NULL,
    -- 0 v1, 1 v2.
    protocol BIGINT NOT NULL,
    key {bytes} NOT NULL,
    -- Lists are texts with a zero byte between them.
    restore_keys {bytes},
    version {bytes} NOT NULL,
    read_scopes {bytes} NOT NULL,
    write_scope {bytes},
    -- 0 hit, 1 partial, 2 miss.
    outcome BIGINT NOT NULL,
    entry BIGINT,
    matched_key {bytes},
    matched_scope {bytes},
    -- Why it missed, null where nobody looked; what the other columns hold depends on it.
    reason BIGINT,
    near_keys {bytes},
    near_scope {bytes},
    near_version {bytes},
    began BIGINT,
    ended BIGINT,
    why BIGINT,
    who {bytes}
);
CREATE INDEX lookups_by_repo ON lookups (repo, id);
CREATE INDEX lookups_by_repo_and_outcome ON lookups (repo, outcome, id);
CREATE INDEX lookups_by_outcome ON lookups (outcome, id);

CREATE TABLE removals (
    id {id},
    repo BIGINT NOT NULL,
    entry BIGINT NOT NULL,
    scope {bytes} NOT NULL,
    key {bytes} NOT NULL,
    version {bytes} NOT NULL,
    size BIGINT NOT NULL,
    created BIGINT NOT NULL,
    accessed BIGINT NOT NULL,
    removed BIGINT NOT NULL,
    -- 0 the repository's limit, 1 retention, 2 the disk's bound, 3 deleted, 4 damaged.
    reason BIGINT NOT NULL,
    who {bytes}
);
CREATE INDEX removals_by_repo ON removals (repo, id);
CREATE INDEX removals_by_key ON removals (repo, key, id);

CREATE TABLE unfinished (
    id {id},
    repo BIGINT NOT NULL,
    scope {bytes} NOT NULL,
    key {bytes} NOT NULL,
    version {bytes} NOT NULL,
    begun BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    -- 0 its lease ran out, 1 it was given up.
    how BIGINT NOT NULL
);
CREATE INDEX unfinished_by_repo ON unfinished (repo, id);

CREATE TABLE saves (
    id {id},
    entry BIGINT NOT NULL UNIQUE,
    repo BIGINT NOT NULL,
    scope {bytes} NOT NULL,
    key {bytes} NOT NULL,
    version {bytes} NOT NULL,
    size BIGINT NOT NULL,
    -- Bytes that were not stored before; null until it is recoded.
    added BIGINT,
    begun BIGINT NOT NULL,
    finished BIGINT NOT NULL,
    -- The entry of the snapshot that was the first to name it.
    part_of BIGINT,
    restores BIGINT NOT NULL DEFAULT 0,
    -- Those whose time is known, and the sum of their times.
    timed BIGINT NOT NULL DEFAULT 0,
    restore_millis BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX saves_by_repo ON saves (repo, id);
CREATE INDEX saves_by_part ON saves (part_of) WHERE part_of IS NOT NULL;

CREATE TABLE image_pushes (
    id {id},
    -- Of a repository's job, else 0; or by a token for this binary cache, else empty.
    repo BIGINT NOT NULL,
    cache {bytes} NOT NULL,
    moment BIGINT NOT NULL,
    destination {bytes} NOT NULL,
    tag {bytes} NOT NULL,
    digest {bytes} NOT NULL,
    layers_reused BIGINT NOT NULL,
    layers_sent BIGINT NOT NULL,
    bytes_sent BIGINT NOT NULL,
    bytes_total BIGINT NOT NULL,
    millis BIGINT NOT NULL
);
CREATE INDEX image_pushes_by_owner ON image_pushes (repo, cache, id);

-- `day` counts from 1970; `protocol` as in lookups, and 2 for the signed URLs that both share.
CREATE TABLE days (
    day BIGINT NOT NULL,
    repo BIGINT NOT NULL,
    protocol BIGINT NOT NULL,
    hits BIGINT NOT NULL,
    partial_hits BIGINT NOT NULL,
    misses BIGINT NOT NULL,
    saves BIGINT NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    bytes_deduplicated BIGINT NOT NULL,
    PRIMARY KEY (day, repo, protocol)
){clustered};
CREATE INDEX days_by_repo ON days (repo, day);

-- Of the whole server (`repo` is 0) each hour, of a repository each day; `moment` is the beginning of either.
CREATE TABLE samples (
    repo BIGINT NOT NULL,
    moment BIGINT NOT NULL,
    -- Bytes of all stored objects; null for a repository.
    disk BIGINT,
    -- What may be used, where there is a bound.
    bound BIGINT,
    bytes BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    PRIMARY KEY (repo, moment)
){clustered};
CREATE INDEX samples_by_moment ON samples (moment);
