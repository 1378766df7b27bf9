-- Tokens that somebody holds: what they are good for, and whether they still are.

CREATE TABLE tokens (
    -- What the token's `jti` claim says. The token itself is kept nowhere.
    id {bytes} NOT NULL PRIMARY KEY,
    note {bytes} NOT NULL,
    -- For people; what counts stands in the token, signed.
    rights {bytes} NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    revoked BIGINT NOT NULL DEFAULT 0
){clustered};
CREATE INDEX tokens_by_expiry ON tokens (expires);
