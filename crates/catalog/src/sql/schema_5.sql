-- What is known of layers of images.

CREATE TABLE layers (
    cache BIGINT NOT NULL REFERENCES caches (id),
    view {bytes} NOT NULL,
    -- What the layer is made of.
    key {bytes} NOT NULL,
    diff_id {bytes} NOT NULL,
    diff_size BIGINT,
    digest {bytes} NOT NULL,
    size BIGINT NOT NULL,
    compression BIGINT NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (cache, view, key)
){clustered};
CREATE INDEX layers_by_use ON layers (cache, used);
