-- Packs that were pushed, while NARs may be made of their frames.

CREATE TABLE parcels (
    cache BIGINT NOT NULL REFERENCES caches (id),
    view {bytes} NOT NULL,
    pusher {bytes} NOT NULL,
    hash {bytes} NOT NULL,
    -- Under construction for as long as it waits: its lease is the parcel's, and its sweep takes the parcel along.
    recipe BIGINT NOT NULL UNIQUE REFERENCES recipes (id) ON DELETE CASCADE,
    PRIMARY KEY (cache, view, pusher, hash)
){clustered};
