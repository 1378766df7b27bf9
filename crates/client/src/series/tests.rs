use super::*;

#[test]
fn a_generation_is_told_by_its_entry() {
    let key: Key = "nix-store-Linux-abc".parse().unwrap();
    assert_eq!(key.generation(3), "nix-store-Linux-abc#3");
    assert_eq!(Key::split("nix-store-Linux-abc#3"), Some((key.clone(), 3)));
    assert_eq!(Key::split("nix-store-Linux-abc"), Some((key, 0)));
    for text in ["a#", "a#x", "a#-1", "a#0", "#1", "a#1#2", ""] {
        assert_eq!(Key::split(text), None, "{text}");
    }
}

#[test]
fn a_key_is_what_the_service_takes_and_leaves_room_for_a_number() {
    assert_eq!("".parse::<Key>(), Err(KeyError::Length(0)));
    assert_eq!("x".repeat(489).parse::<Key>(), Err(KeyError::Length(489)));
    assert_eq!("🦀".repeat(245).parse::<Key>(), Err(KeyError::Length(490)));
    assert!("x".repeat(488).parse::<Key>().is_ok());
    assert_eq!("a,b".parse::<Key>(), Err(KeyError::Character(',')));
    assert_eq!("a#1".parse::<Key>(), Err(KeyError::Character('#')));
    assert_eq!("a\nb".parse::<Key>(), Err(KeyError::Character('\n')));
    assert!("with spaces/and: signs é".parse::<Key>().is_ok());
}

#[test]
fn systems_and_store_directories_do_not_see_each_other() {
    let versions = |system: &str, dir: &str| Versions::new(system, &StoreDir::new(dir).unwrap());
    let linux = versions("x86_64-linux", "/nix/store");
    assert_ne!(linux.index, versions("aarch64-linux", "/nix/store").index);
    assert_ne!(linux.index, versions("x86_64-linux", "/gnu/store").index);
    assert_ne!(linux.index, linux.pack);
    assert_eq!(linux.pack, versions("aarch64-linux", "/nix/store").pack);
}
