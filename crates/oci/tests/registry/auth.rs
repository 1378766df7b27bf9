use futures::future::join_all;
use snowbank_oci::destination::{Destination as _, Mounted};
use snowbank_oci::digest::Digest;
use snowbank_oci::registry::credentials::CredentialFiles;
use snowbank_oci::registry::{Access, RegistryOptions};
use snowbank_testkit::registry::{Cut, Door, Location, Modes, StandIn};

use crate::pattern::Pattern;
use crate::{as_user, effort, login, registry, repository};

const NAME: &str = "owner/image";

fn token_door() -> Door {
    Door::Token("user".into(), "secret".into())
}

#[tokio::test]
async fn a_password_is_sent_when_it_is_asked_for() {
    let stand_in =
        StandIn::start(Modes { door: Door::Basic("user".into(), "secret".into()), ..Modes::default() });
    let repository = as_user(&stand_in.host(), login("user", "secret"));
    let blob = Pattern::new(1000);
    repository.put(&blob).await.unwrap();
    assert_eq!(stand_in.log().iter().filter(|logged| logged.status == 401).count(), 1);
    assert!(stand_in.blob(NAME, &blob.digest().to_string()).is_some());
}

#[tokio::test]
async fn one_token_does_for_many_questions_and_for_mounts() {
    let stand_in = StandIn::start(Modes { door: token_door(), ..Modes::default() });
    stand_in.add_blob("owner/other", "hello");
    let repository = as_user(&stand_in.host(), login("user", "secret"));
    let digest = Digest::of(b"");
    join_all((0..16).map(|_| repository.has(&digest))).await;
    assert_eq!(repository.mount(&Digest::of(b"hello"), "owner/other").await.unwrap(), Mounted::Yes);
    repository.put(&Pattern::known(10)).await.unwrap();
    let counts = repository.counts();
    // One question finds out, and all of them are answered.
    assert_eq!((counts.token_requests, counts.requests), (1, 1 + 16 + 1 + 2));
}

#[tokio::test]
async fn a_token_that_cannot_be_had_for_mounts_is_asked_for_less() {
    let refused_scopes = vec!["owner/other".to_owned()];
    let stand_in = StandIn::start(Modes { door: token_door(), refused_scopes, ..Modes::default() });
    let repository = as_user(&stand_in.host(), login("user", "secret"));
    assert_eq!(repository.has(&Digest::of(b"")).await.unwrap(), None);
    assert_eq!(repository.mount(&Digest::of(b""), "owner/other").await.unwrap(), Mounted::No);
    repository.put(&Pattern::new(10)).await.unwrap();
}

#[tokio::test]
async fn a_token_that_expires_in_the_middle_is_renewed() {
    let stand_in = StandIn::start(Modes { door: token_door(), ..Modes::default() });
    // With so many questions before it, another request of the upload is the first that the token does not let in.
    for questions in 0..4 {
        let cuts = vec![Cut { after: 1 << 20, keeps: true }];
        stand_in.change(|modes| (modes.token_uses, modes.cuts) = (Some(3), cuts));
        let blob = Pattern::new(3 << 20);
        let repository = as_user(&stand_in.host(), login("user", "secret"));
        for _ in 0..questions {
            assert_eq!(repository.has(&blob.digest()).await.unwrap(), None);
        }
        repository.put(&blob).await.unwrap();
        assert!(stand_in.blob(NAME, &blob.digest().to_string()).unwrap() == blob.bytes());
        stand_in.remove_blob(NAME, &blob.digest().to_string());
        assert!(repository.counts().token_requests > 1);
    }
}

#[tokio::test]
async fn an_identity_token_is_exchanged() {
    let stand_in = StandIn::start(Modes { door: Door::Identity("i".into()), ..Modes::default() });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auth.json");
    let text = format!(r#"{{"auths": {{"{}/owner": {{"identitytoken": "i"}}}}}}"#, stand_in.host());
    std::fs::write(&file, text).unwrap();
    let credentials = CredentialFiles { files: vec![file], ..CredentialFiles::default() };
    let options = RegistryOptions { credentials, effort: effort(), ..RegistryOptions::default() };
    let repository = registry(&stand_in.host(), options).repository(Access::Push, &[]);
    repository.put(&Pattern::new(10)).await.unwrap();
    assert_eq!(repository.counts().token_requests, 1);
}

#[tokio::test]
async fn credentials_do_not_follow_to_another_host() {
    for door in [Door::Basic("user".into(), "secret".into()), token_door()] {
        let modes = Modes {
            door,
            location: Location::Elsewhere,
            cuts: vec![Cut { after: 9, keeps: true }],
            ..Modes::default()
        };
        let stand_in = StandIn::start(modes);
        let repository = as_user(&stand_in.host(), login("user", "secret"));
        let blob = Pattern::new(1000);
        repository.put(&blob).await.unwrap();
        assert!(stand_in.blob(NAME, &blob.digest().to_string()).is_some());
        let log = stand_in.log();
        assert!(log.iter().filter(|logged| logged.elsewhere).count() >= 4);
        assert!(!log.iter().any(|logged| logged.elsewhere && logged.authorized), "{log:?}");
    }
}

#[tokio::test]
async fn nor_do_they_to_where_blobs_lie() {
    let door = Door::Basic("user".into(), "secret".into());
    let stand_in = StandIn::start(Modes { door, blobs_elsewhere: true, ..Modes::default() });
    stand_in.add_blob(NAME, "hello");
    let repository = as_user(&stand_in.host(), login("user", "secret"));
    let digest = Digest::of(b"hello");
    assert_eq!(repository.has(&digest).await.unwrap(), Some(5));
    assert_eq!(repository.blob(&digest, 10).await.unwrap().unwrap(), "hello");
    assert_eq!(repository.has(&Digest::of(b"")).await.unwrap(), None);
    let log = stand_in.log();
    assert!(log.iter().any(|logged| logged.elsewhere && logged.status == 206), "{log:?}");
    assert!(!log.iter().any(|logged| logged.elsewhere && logged.authorized), "{log:?}");
}

#[tokio::test]
async fn who_is_not_let_in_is_told_what_to_do_and_no_secret() {
    for (door, secret) in [
        (Door::Basic("user".into(), "other".into()), "hunter2"),
        (Door::Token("user".into(), "other".into()), "hunter2"),
    ] {
        let stand_in = StandIn::start(Modes { door, ..Modes::default() });
        let repository = as_user(&stand_in.host(), login("user", secret));
        let error = repository.put(&Pattern::new(10)).await.unwrap_err();
        assert!(error.hint.as_deref().unwrap().contains("docker login 127.0.0.1:"), "{error:?}");
        assert!(!format!("{error:?}{repository:?}").contains(secret));
        assert!(stand_in.log().len() <= 4, "{:?}", stand_in.log());
    }
    let stand_in = StandIn::start(Modes { door: Door::Basic("user".into(), "x".into()), ..Modes::default() });
    let error = repository(&stand_in.host()).put(&Pattern::new(10)).await.unwrap_err();
    assert!(error.source.to_string().contains("no credentials"), "{}", error.source);
}

#[tokio::test]
async fn a_registry_without_tls_is_spoken_to_as_it_wants_or_it_is_said_how() {
    let stand_in = StandIn::start(Modes::default());
    assert_eq!(repository(&stand_in.host()).has(&Digest::of(b"")).await.unwrap(), None);
    // The same machine under a name that does not tell that it is this machine.
    let name = stand_in.host().replace("127.0.0.1", "0x7f.1");
    let tls = registry(&name, RegistryOptions { effort: effort(), ..RegistryOptions::default() });
    let error = tls.repository(Access::Pull, &[]).has(&Digest::of(b"")).await.unwrap_err();
    assert!(error.hint.as_deref().unwrap_or_default().contains("--plain-http"), "{error:?}");
    let plain =
        registry(&name, RegistryOptions { plain_http: true, effort: effort(), ..RegistryOptions::default() });
    assert_eq!(plain.repository(Access::Pull, &[]).has(&Digest::of(b"")).await.unwrap(), None);
}
