//! What every catalog must do, one file a room: the same functions run on SQLite and on PostgreSQL.
//!
//! [`contract!`](crate::contract!) makes them tests. Each gets a [`House`] of its own.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a broken contract fails its test")]

mod fixtures;
mod nix_fixtures;

pub mod browse;
pub mod cache_races;
pub mod caches;
pub mod content;
pub mod entries;
pub mod events;
pub mod figures;
pub mod files;
pub mod jobs;
pub mod layers;
pub mod limits;
pub mod lookup;
pub mod lookups;
pub mod nars;
pub mod packs;
pub mod parcels;
pub mod paths;
pub mod pins;
pub mod publish;
pub mod races;
pub mod recipes;
pub mod removals;
pub mod repositories;
pub mod representations;
pub mod saves;
pub mod tallies;
pub mod tokens;
pub mod uploads;

use std::sync::Arc;
use std::time::Duration;

use crate::{Catalog, Database};

/// A clock that a test can move.
pub trait Clock: Send + Sync {
    /// Moves it forward.
    fn advance(&self, span: Duration);
}

impl<D: Send + Sync> Clock for Database<D> {
    fn advance(&self, span: Duration) {
        Database::advance(self, span);
    }
}

/// An empty database, opened twice as by two processes.
#[derive(Clone)]
pub struct House {
    /// The first handle.
    pub catalog: Arc<dyn Catalog>,
    /// The first handle's clock.
    pub clock: Arc<dyn Clock>,
    /// The second handle; the first again where there can be no other.
    pub neighbour: Arc<dyn Catalog>,
}

impl std::fmt::Debug for House {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("House")
    }
}

impl House {
    /// A house over two handles.
    pub fn new<D>(catalog: Arc<Database<D>>, neighbour: Arc<dyn Catalog>) -> Self
    where
        Database<D>: Catalog + Clock,
    {
        Self { clock: Arc::clone(&catalog) as _, catalog, neighbour }
    }

    /// One of the two handles.
    #[must_use]
    pub fn handle(&self, number: usize) -> Arc<dyn Catalog> {
        Arc::clone(if number.is_multiple_of(2) { &self.catalog } else { &self.neighbour })
    }
}

/// Makes the whole suite tests of one kind of database. `$fresh` names an async function without arguments that
/// returns a [`House`](crate::contract::House) and whatever must live as long.
#[macro_export]
macro_rules! contract {
    ($fresh:ident) => {
        $crate::contract! { @rooms $fresh;
            repositories: [
                a_name_is_one_repository_in_any_case, many_ask_for_a_new_repository_at_once,
                a_secret_is_kept_once, usage_adds_up, what_is_held_is_counted_under_deletions,
                the_clock_is_the_databases,
            ]
            uploads: [
                a_slot_is_held_by_one, only_one_of_many_gets_a_slot, a_slot_is_more_than_its_key,
                an_expired_reservation_is_taken_over, what_arrives_keeps_the_lease,
                an_expired_upload_is_gone, any_text_is_kept, uploads_begun_are_counted,
                abandoning_dooms_every_block, sweeping_abandons_what_expired,
                finalize_answers_what_is_wrong, finalize_makes_an_entry, a_finalized_slot_is_taken,
                reserve_and_finalize_never_both_win,
            ]
            content: [
                a_list_orders_the_content, a_list_with_an_unknown_block_changes_nothing,
                a_new_block_dooms_the_one_it_replaces, a_committed_block_outlives_its_successor,
                a_block_may_come_twice, one_block_replaces_all, appending_adds_to_the_end,
                finalize_dooms_what_is_not_content, blocks_come_by_position, many_blocks_at_once,
            ]
            entries: [
                an_entry_is_listed, listings_sort_and_page, little_of_much_is_listed_alike, pages_put_together_are_the_list, touching_moves_an_entry,
                the_idle_and_the_coldest, deleting_retires, numbers_are_never_used_twice,
            ]
            lookup: [
                exact_before_prefix, scopes_come_first, keys_come_in_order, versions_are_equal_or_nothing,
                special_characters_are_plain, the_newest_of_many_is_found, an_old_match_is_found_far_down,
                a_hit_shows_the_current_form,
            ]
            representations: [
                a_hold_never_shortens, a_retired_one_stays_while_held, sweeping_dooms_its_blocks,
                two_sweeps_share_the_work, blocks_without_a_name_are_told, raw_bytes_are_counted,
                a_recipe_goes_with_its_last_name, an_entry_is_found_by_what_it_is_served_from,
            ]
            packs: [
                a_pack_is_found_once_it_is_stored, a_newer_place_replaces_an_older, domains_do_not_share,
                an_abandoned_pack_cannot_be_stored, a_lease_protects_from_collection,
                condemning_hides_a_pack, a_named_pack_is_not_condemned, chunks_can_be_forgotten,
                a_pack_can_be_indexed_anew, a_full_pack_is_one_statement, unknown_packs_have_no_row,
                who_names_a_pack_is_counted, packs_come_in_pages,
            ]
            recipes: [
                a_page_is_found_by_its_bytes, pages_of_many_recipes_come_in_order, a_page_of_a_pack_that_is_not_live_is_refused,
                a_page_of_another_domains_pack_is_refused, an_expired_recipe_is_swept,
                pages_are_found_by_their_packs, moving_frames_is_all_or_nothing,
            ]
            figures: [
                what_is_there_is_counted, the_oldest_job_is_told, a_probe_changes_nothing,
            ]
            jobs: [
                the_job_due_longest_is_claimed, a_job_has_one_holder, an_expired_claim_is_lost,
                given_back_is_due_later, asked_for_while_it_runs, a_periodic_job_is_there_once,
                swapping_serves_the_recipe, swapping_serves_a_pack, a_lost_claim_cannot_swap,
                a_deleted_entry_is_not_swapped, a_swept_recipe_is_not_swapped,
                a_condemned_pack_is_not_swapped, another_domains_recipe_is_not_swapped, the_queue_is_counted,
            ]
            limits: [a_limit_is_set_and_set_no_longer, all_limits_are_set_or_none]
            tokens: [
                a_token_counts_until_it_is_revoked, a_token_that_was_never_listed_is_unknown,
                an_id_is_listed_once, tokens_are_listed_the_oldest_first, what_ended_is_forgotten,
            ]
            browse: [repositories_are_listed_and_searched, a_repository_remembers_its_last_use, the_newest_paths_come_first]
            caches: [
                a_cache_is_made_once, many_ask_for_a_new_cache_at_once, a_caches_usage_counts_each_nar_once,
            ]
            nars: [
                a_kept_nar_waits_where_it_was_staged, many_nars_are_found_by_who_may_read_them, a_domain_keeps_a_nar_once,
                a_nar_whose_recipe_was_swept_is_gone, a_nar_is_had_by_who_sees_its_path, many_nars_are_found_at_once,
                staged_nars_are_extended_together, a_nar_stays_while_it_has_a_name,
                a_staged_nar_is_replaced_by_a_later_one, a_lost_nar_takes_its_paths_with_it,
                what_caches_keep_is_alive,
            ]
            publish: [
                paths_become_visible_together, many_paths_are_published_at_once, what_is_incomplete_is_refused,
                only_the_pushers_own_nars_count, a_nar_that_can_be_read_needs_no_push,
                a_reference_must_be_visible, a_hash_part_has_one_name, a_path_keeps_its_first_content,
                signatures_add_up, an_upstream_path_waits_for_its_nar, an_upstream_path_can_be_pushed,
            ]
            paths: [
                a_path_comes_back_as_it_was_published, the_first_view_that_has_a_path_wins,
                the_newest_of_a_name_is_found, paths_are_walked_in_pages, a_path_remembers_its_last_use,
                a_deleted_path_is_gone,
            ]
            parcels: [
                a_parcel_is_its_senders, a_parcel_is_replaced, a_parcel_lasts_as_long_as_its_lease,
                another_domains_recipe_makes_no_parcel,
            ]
            layers: [
                a_layer_comes_back_as_it_was_noted, a_view_replaces_its_own_layers_only, unused_layers_are_swept,
                too_many_layers_crowd_each_other_out, many_note_the_same_layers_at_once,
            ]
            pins: [a_pin_is_a_name_for_one_path, an_expired_pin_is_gone]
            files: [
                a_file_is_found_in_its_view, a_file_is_replaced, a_file_whose_recipe_was_swept_is_not_kept,
                old_files_are_swept,
            ]
            lookups: [
                a_lookup_comes_back_as_it_was_noted, every_reason_comes_back, lookups_are_listed_by_page_and_filter,
                long_texts_are_cut, what_a_miss_was_near_is_found, what_is_near_is_bounded,
            ]
            removals: [
                what_goes_leaves_its_reason, what_is_deleted_twice_goes_once, an_upload_that_ends_leaves_a_trace,
                what_went_is_listed_by_page_and_key,
            ]
            saves: [
                a_save_is_noted_with_its_entry, recoding_tells_what_was_new, packs_belong_to_their_first_snapshot,
                uses_add_up,
            ]
            tallies: [
                counts_add_up_by_day, samples_replace_each_other, many_add_to_the_same_counts_at_once,
            ]
            events: [
                image_pushes_are_kept_by_owner, what_is_too_old_goes, what_is_too_much_goes,
            ]
            races: [
                many_claim_many_jobs, adding_and_condemning, everything_at_once,
                swapping_and_deleting, two_of_everything_sweep,
            ]
            cache_races: [
                many_keep_one_nar, many_publish_the_same_paths, relying_on_a_path_and_deleting_it,
                caches_in_use_while_they_are_swept,
            ]
        }
    };
    (@rooms $fresh:ident; $($room:ident: [$($name:ident),* $(,)?])*) => { $(
        mod $room {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let (house, _kept) = super::$fresh().await;
                    $crate::contract::$room::$name(&house).await;
                }
            )*
        }
    )* };
}
