//! Checking the NARs of binary caches: one that cannot be read becomes a miss.

use super::check::{CheckReport, Damage, Lost, PAGE};
use crate::service::{Result, Service};

impl Service {
    /// Looks whether every NAR's frames can be read. With `repair`, those that cannot are taken away with their paths, so
    /// that the next push brings them again; paths of upstream caches stay and wait for theirs.
    pub(super) async fn check_nars(&self, repair: bool, lost: &Lost, report: &mut CheckReport) -> Result<()> {
        let mut after = None;
        loop {
            let nars = self.0.catalog.walk_nars(after, PAGE).await?;
            let Some(last) = nars.last() else { return Ok(()) };
            after = Some(last.id);
            for nar in nars {
                report.nars += 1;
                if self.recipe_is_whole(nar.recipe, lost).await? {
                    continue;
                }
                report.damage.push(Damage::Nar { hash: nar.hash });
                if repair {
                    tracing::error!(hash = %nar.hash, "a damaged NAR was removed: its paths become misses");
                    report.repaired += self.0.catalog.lose_nar(nar.id).await?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use snowbank_catalog::rooms::{HashPart, Nars, NewPath, Paths, Publication, Published};
    use snowbank_nix::path_info::PathInfo;

    use super::*;
    use crate::service::upkeep::one_nar::OneNar;
    use crate::settings::Settings;

    #[tokio::test]
    async fn a_nar_whose_pack_is_gone_is_damaged_and_its_path_becomes_a_miss() {
        let world = OneNar::begin(Settings::default()).await;
        let nar = world.keep().await;
        let info = PathInfo {
            path: "xv2iccirbrvklck36f1g7vldn5v58vck-a".parse().unwrap(),
            nar_hash: nar.hash,
            nar_size: nar.size,
            references: BTreeSet::new(),
            deriver: None,
            signatures: BTreeSet::new(),
            ca: None,
        };
        let (views, part) = ([String::new()], HashPart::of(&info.path));
        let to = Publication { cache: world.cache.id, view: "", views: &views, pusher: "", elsewhere: &[] };
        let published = world.catalog.publish(&to, &[NewPath { info, upstream: false }]).await.unwrap();
        assert_eq!(published, Published::Done { added: 1 });

        let found = world.service.check(false).await.unwrap();
        assert_eq!(found.nars, 1);
        assert!(found.damage.contains(&Damage::Nar { hash: nar.hash }), "{:?}", found.damage);
        assert!(world.catalog.path(world.cache.id, &views, part).await.unwrap().is_some());
        assert_eq!(world.service.check(true).await.unwrap().repaired, 1);
        assert_eq!(world.catalog.path(world.cache.id, &views, part).await.unwrap(), None);
        assert_eq!(world.catalog.walk_nars(None, 1).await.unwrap(), []);
    }
}
