//! Lookups.

use async_trait::async_trait;

use super::{Bounds, joined, near, split};
use crate::Result;
use crate::ids::{EntryId, RepoId, Timestamp};
use crate::rooms::{
    EventFilter, Lookup, Lookups, MAX_NOTED_KEY, MAX_NOTED_TEXT, Matched, MissReason, Nearby, NewLookup,
    Outcome, Protocol, Question, cut,
};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, Table, Value, args, millis, signed, sql};
use crate::statements::codes;

const NOTE: Sql = sql!(
    "INSERT INTO lookups (moment, repo, times, protocol, key, restore_keys, version, read_scopes, write_scope,
       outcome, entry, matched_key, matched_scope, reason, near_keys, near_scope, near_version, began, ended, why, who)
     SELECT $2 -" int_at("0") "," int_at("1") "," int_at("2") "," int_at("3") "," bytes_at("4") "," bytes_at("5") ","
    bytes_at("6") "," bytes_at("7") "," bytes_at("8") "," int_at("9") "," int_at("10") "," bytes_at("11") ","
    bytes_at("12") "," int_at("13") "," bytes_at("14") "," bytes_at("15") "," bytes_at("16") "," int_at("17") ","
    int_at("18") "," int_at("19") "," bytes_at("20") " FROM" rows("$1")
);

macro_rules! columns {
    () => {
        "SELECT lookups.id, repositories.name, lookups.moment, lookups.times, lookups.repo, lookups.protocol, \
         lookups.key, lookups.restore_keys, lookups.version, lookups.read_scopes, lookups.write_scope, \
         lookups.outcome, lookups.entry, lookups.matched_key, lookups.matched_scope, lookups.reason, \
         lookups.near_keys, lookups.near_scope, lookups.near_version, lookups.began, lookups.ended, lookups.why, \
         lookups.who \
         FROM lookups JOIN repositories ON repositories.id = lookups.repo WHERE lookups.id < $1 "
    };
}

const ALL: Sql = sql!(columns!() "ORDER BY lookups.id DESC LIMIT $2");
const ALL_OF_ONE_OUTCOME: Sql = sql!(columns!() "AND lookups.outcome = $3 ORDER BY lookups.id DESC LIMIT $2");
const OF_REPOSITORY: Sql = sql!(
    columns!() "AND lookups.repo = $3 AND ($4 IS NULL OR lookups.key >= $4 AND lookups.key < $5)
     ORDER BY lookups.id DESC LIMIT $2"
);
const OF_REPOSITORY_AND_OUTCOME: Sql = sql!(
    columns!() "AND lookups.repo = $3 AND ($4 IS NULL OR lookups.key >= $4 AND lookups.key < $5)
     AND lookups.outcome = $6 ORDER BY lookups.id DESC LIMIT $2"
);

/// What the columns of a reason hold.
#[derive(Default)]
struct Reason<'a> {
    code: Option<i64>,
    keys: Option<String>,
    scope: Option<&'a str>,
    version: Option<&'a str>,
    began: Option<i64>,
    ended: Option<i64>,
    why: Option<i64>,
    who: Option<&'a str>,
}

impl<'a> Reason<'a> {
    fn of(reason: &'a MissReason) -> Self {
        let with = |code, key: &String| Self { code: Some(code), keys: Some(key.clone()), ..Self::default() };
        match reason {
            MissReason::BeingSaved { key, since } => Self { began: Some(since.0), ..with(0, key) },
            MissReason::Unfinished { key, begun, ended } => {
                Self { began: Some(begun.0), ended: Some(ended.0), ..with(1, key) }
            }
            MissReason::Expired { key, at } => Self { ended: Some(at.0), ..with(2, key) },
            MissReason::Damaged { key, at } => Self { ended: Some(at.0), ..with(3, key) },
            MissReason::Evicted { key, at, why, by } => Self {
                ended: Some(at.0),
                why: Some(codes::removal(*why)),
                who: by.as_deref(),
                ..with(4, key)
            },
            MissReason::OtherVersion { key, scope, version } => {
                Self { scope: Some(scope), version: Some(version), ..with(5, key) }
            }
            MissReason::OtherScope { key, scope, version } => {
                Self { scope: Some(scope), version: Some(version), ..with(6, key) }
            }
            MissReason::NoSuchKey { nearest } => with(7, &joined(nearest)),
        }
    }
}

/// `None` where the columns hold what this program never writes.
fn reason<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Option<MissReason>> {
    let code = columns.read::<Option<i64>>()?;
    let keys = columns.read::<Option<String>>()?.unwrap_or_default();
    let scope = columns.read::<Option<String>>()?.unwrap_or_default();
    let version = columns.read::<Option<String>>()?.unwrap_or_default();
    let began = columns.read::<Option<i64>>()?.map(Timestamp);
    let ended = columns.read::<Option<i64>>()?.map(Timestamp);
    let why = columns.read::<Option<i64>>()?;
    let by = columns.read::<Option<String>>()?;
    let Some(code) = code else { return Some(None) };
    let key = keys;
    Some(Some(match code {
        0 => MissReason::BeingSaved { key, since: began? },
        1 => MissReason::Unfinished { key, begun: began?, ended: ended? },
        2 => MissReason::Expired { key, at: ended? },
        3 => MissReason::Damaged { key, at: ended? },
        4 => MissReason::Evicted { key, at: ended?, why: codes::removal_of(why?)?, by },
        5 => MissReason::OtherVersion { key, scope, version },
        6 => MissReason::OtherScope { key, scope, version },
        7 => MissReason::NoSuchKey { nearest: split(&key) },
        _ => return None,
    }))
}

impl Read for Lookup {
    const NOUN: &'static str = "lookup";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        let (id, repository) = (columns.read()?, columns.read()?);
        let (moment, times) = (columns.read()?, columns.read()?);
        let (repo, protocol) = (columns.read::<RepoId>()?, columns.read::<Protocol>()?);
        let mut keys = vec![columns.read::<String>()?];
        keys.extend(split(&columns.read::<Option<String>>()?.unwrap_or_default()));
        let question = Question {
            repo,
            protocol,
            keys,
            version: columns.read()?,
            read: split(&columns.read::<String>()?),
            write: columns.read()?,
        };
        let outcome = columns.read()?;
        let entry = columns.read::<Option<EntryId>>()?;
        let (key, scope) = (columns.read::<Option<String>>()?, columns.read::<Option<String>>()?);
        let matched = match (entry, key, scope) {
            (Some(entry), Some(key), Some(scope)) => Some(Matched { entry, key, scope }),
            _ => None,
        };
        Some(Self { id, repository, moment, times, question, outcome, matched, reason: reason(columns)? })
    }
}

/// Texts as one value, each cut, and all of them together bounded: the last ones are left out.
fn list(texts: &[String], most: usize) -> String {
    let mut room = 4 * most;
    let fit = texts.iter().map(|text| cut(text, most).to_owned()).take_while(|text| {
        let fits = text.len() < room;
        room = room.saturating_sub(text.len() + 1);
        fits
    });
    joined(&fit.collect::<Vec<_>>())
}

#[async_trait]
impl<D: Driver> Lookups for Database<D> {
    async fn note_lookups(&self, lookups: &[NewLookup]) -> Result<()> {
        if lookups.is_empty() {
            return Ok(());
        }
        let lists: Vec<_> = lookups
            .iter()
            .map(|NewLookup { question, reason, .. }| {
                let restore_keys = question.keys.get(1..).unwrap_or_default();
                let (restore_keys, read) =
                    (list(restore_keys, MAX_NOTED_KEY), list(&question.read, MAX_NOTED_TEXT));
                (restore_keys, read, reason.as_ref().map(Reason::of).unwrap_or_default())
            })
            .collect();
        let rows = Table::of(
            lookups
                .iter()
                .zip(&lists)
                .map(|(lookup, (restore_keys, read, reason))| row(lookup, restore_keys, read, reason)),
        );
        self.retry(|| async {
            let mut tx = self.write("note lookups").await?;
            let now = tx.now().await?;
            tx.run(&NOTE, args![&rows, now]).await?;
            tx.commit().await
        })
        .await
    }

    async fn lookups(&self, filter: &EventFilter, outcome: Option<Outcome>) -> Result<Vec<Lookup>> {
        let mut session = self.read("list lookups").await?;
        let Bounds { before, low, high, limit } = Bounds::of(filter);
        let outcome = outcome.map(codes::outcome);
        match (filter.repo, outcome) {
            (Some(repo), None) => {
                session.all(&OF_REPOSITORY, args![before, limit, repo, low, high.as_deref()]).await
            }
            (Some(repo), Some(outcome)) => {
                let values = args![before, limit, repo, low, high.as_deref(), outcome];
                session.all(&OF_REPOSITORY_AND_OUTCOME, values).await
            }
            (None, Some(outcome)) => session.all(&ALL_OF_ONE_OUTCOME, args![before, limit, outcome]).await,
            (None, None) => session.all(&ALL, args![before, limit]).await,
        }
    }

    async fn near(&self, repo: RepoId, keys: &[String]) -> Result<Nearby> {
        near::near(self, repo, keys).await
    }
}

/// A text, cut.
fn text(text: Option<&str>) -> Value<'_> {
    Value::Bytes(text.map(|text| cut(text, MAX_NOTED_TEXT).as_bytes()))
}

/// A key, cut.
fn key(key: &str) -> Value<'_> {
    Value::from(cut(key, MAX_NOTED_KEY))
}

fn row<'a>(
    lookup: &'a NewLookup,
    restore_keys: &'a str,
    read: &'a str,
    reason: &'a Reason<'a>,
) -> [Value<'a>; 21] {
    let NewLookup { question, outcome, matched, times, ago, .. } = lookup;
    [
        Value::from(millis(*ago)),
        Value::from(question.repo),
        Value::from(signed(*times)),
        Value::from(codes::protocol(question.protocol)),
        key(question.keys.first().map_or("", String::as_str)),
        if restore_keys.is_empty() { Value::Bytes(None) } else { Value::from(restore_keys) },
        text(Some(&question.version)),
        Value::from(read),
        text(question.write.as_deref()),
        Value::from(codes::outcome(*outcome)),
        Value::from(matched.as_ref().map(|matched| matched.entry.0)),
        matched.as_ref().map_or(Value::Bytes(None), |matched| key(&matched.key)),
        text(matched.as_ref().map(|matched| matched.scope.as_str())),
        Value::from(reason.code),
        Value::Bytes(reason.keys.as_deref().map(|keys| cut(keys, 4 * MAX_NOTED_KEY).as_bytes())),
        text(reason.scope),
        text(reason.version),
        Value::from(reason.began),
        Value::from(reason.ended),
        Value::from(reason.why),
        text(reason.who),
    ]
}
