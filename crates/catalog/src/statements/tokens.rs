//! Tokens.

use async_trait::async_trait;

use crate::Result;
use crate::rooms::{ListedToken, NewToken, TokenState, Tokens};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, args, millis, sql};

/// How long a token is remembered after its end, in milliseconds: the clocks of those who check it may lag.
const REMEMBERED: i64 = 24 * 3600 * 1000;

const FORGET: Sql = sql!("DELETE FROM tokens WHERE expires < $1");
const INSERT: Sql =
    sql!("INSERT INTO tokens (id, note, rights, created, expires) VALUES ($1, $2, $3, $4, $5)");
const LIST: Sql = sql!(
    "SELECT id, note, rights, created, expires, revoked FROM tokens WHERE expires > $1 ORDER BY created, id"
);
const REVOKE: Sql = sql!("UPDATE tokens SET revoked = 1 WHERE id = $1");
const STATE: Sql = sql!("SELECT revoked FROM tokens WHERE id = $1");

impl Read for TokenState {
    const NOUN: &'static str = "token";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(if columns.read()? { Self::Revoked } else { Self::Valid })
    }
}

impl Read for ListedToken {
    const NOUN: &'static str = "token";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            id: columns.read()?,
            note: columns.read()?,
            rights: columns.read()?,
            created: columns.read()?,
            expires: columns.read()?,
            state: columns.read()?,
        })
    }
}

#[async_trait]
impl<D: Driver> Tokens for Database<D> {
    async fn add_token(&self, token: &NewToken<'_>) -> Result<()> {
        let NewToken { id, note, rights, valid } = *token;
        self.retry(|| async {
            let mut tx = self.write("list a token").await?;
            let now = tx.now().await?;
            tx.run(&FORGET, args![now.saturating_sub(REMEMBERED)]).await?;
            tx.run(&INSERT, args![id, note, rights, now, now.saturating_add(millis(valid))]).await?;
            tx.commit().await
        })
        .await
    }

    async fn tokens(&self) -> Result<Vec<ListedToken>> {
        let mut session = self.read("list tokens").await?;
        let now = session.now().await?;
        session.all(&LIST, args![now]).await
    }

    async fn revoke_token(&self, id: &str) -> Result<bool> {
        self.retry(|| async {
            let mut tx = self.write("revoke a token").await?;
            let changed = tx.run(&REVOKE, args![id]).await?;
            tx.commit().await?;
            Ok(changed > 0)
        })
        .await
    }

    async fn token_state(&self, id: &str) -> Result<Option<TokenState>> {
        self.read("look whether a token is revoked").await?.find(&STATE, args![id]).await
    }
}
