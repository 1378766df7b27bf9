//! Watches of a store whose rows a test writes, with pushes that it answers.

use std::cell::RefCell;
use std::collections::VecDeque;

use snowbank_actions::client::Attempt;
use snowbank_testkit::closure::Closure as Made;

use super::*;
use crate::observer::Silence;

fn refused() -> PushError {
    PushError::Answer("no")
}

fn away() -> PushError {
    let attempt = Attempt::new("push", None, "nowhere");
    PushError::Client(ClientError::TimedOut { attempt, waited: Duration::ZERO })
}

fn add(made: &Made, name: &str) -> StorePath {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, name).unwrap();
    let mut command = snowbank_testkit::closure::nix("nix-store", made.root());
    let path = snowbank_testkit::closure::succeed(command.arg("--add").arg(file));
    path.trim().rsplit('/').next().unwrap().parse().unwrap()
}

/// Watches while `during` runs and then for `drain`; pushes are answered by `answers`, and those after them succeed. The
/// roots and others of each push, and what came of it.
async fn watched(
    made: &Made,
    answers: impl IntoIterator<Item = PushError>,
    drain: Duration,
    during: impl AsyncFnOnce(),
) -> (Vec<Vec<String>>, Watched) {
    let place = Place::below(made.root());
    let (stop, now) = (CancellationToken::new(), CancellationToken::new());
    let observer: Arc<dyn Observer> = Arc::new(Silence);
    let since = LocalStore::open(place.clone()).unwrap().newest().unwrap();
    let watch = Watch { place: &place, since, stop: &stop, now: &now, drain, observer: &observer };
    let answers = RefCell::new(answers.into_iter().collect::<VecDeque<_>>());
    let pushes = RefCell::new(Vec::new());
    let push = async |closure: &Closure| {
        let names = closure.iter().map(|info| info.path.name().to_owned()).collect::<Vec<_>>();
        pushes.borrow_mut().push(names);
        match answers.borrow_mut().pop_front() {
            Some(error) => Err(error),
            None => Ok(Pushed { published: Amount { count: 1, bytes: 1 }, ..Pushed::default() }),
        }
    };
    let (watched, ()) = tokio::join!(watch.run(push), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        during().await;
        stop.cancel();
    });
    (pushes.into_inner(), watched.unwrap())
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_was_there_before_is_left_and_what_comes_is_pushed() {
    let made = Made::of(&[]);
    add(&made, "before");
    let (pushes, watched) = watched(&made, [], LONG, async || {
        add(&made, "after");
    })
    .await;
    assert_eq!(pushes, [["after"]]);
    assert!(watched.waiting.is_empty() && watched.pushed.count == 1);
}

#[tokio::test]
async fn a_server_that_is_away_is_waited_for() {
    let made = Made::of(&[]);
    let (pushes, watched) = watched(&made, [away()], LONG, async || {
        add(&made, "one");
    })
    .await;
    assert_eq!(pushes, [["one"], ["one"]]);
    assert!(watched.waiting.is_empty());
}

#[tokio::test]
async fn what_is_left_at_the_end_is_told() {
    let made = Made::of(&[]);
    let away = std::iter::repeat_with(away).take(100);
    let mut path = None;
    let (_, watched) = watched(&made, away, Duration::from_millis(50), async || {
        path = Some(add(&made, "one"));
    })
    .await;
    assert_eq!(watched.waiting, path.into_iter().collect());
}

#[tokio::test]
async fn what_is_refused_holds_nothing_else_up() {
    let made = Made::of(&[]);
    let (pushes, watched) = watched(&made, [refused(), refused()], LONG, async || {
        add(&made, "a");
        add(&made, "b");
    })
    .await;
    assert_eq!(pushes.len(), 3, "{pushes:?}");
    assert_eq!((watched.left.len(), watched.pushed.count, watched.waiting.len()), (1, 1, 0));
}
