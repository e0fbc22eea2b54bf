//! The laws of the store as tests. [`laws!`] lists them once, and every back end is held to the whole list, so that none
//! can miss one: a test that is written and not listed is dead code, which the compiler reports.

mod accounts;
mod admins;
mod answers;
mod erasure;
mod jobs;
pub(crate) mod make;
mod order;
mod paging;
mod pictures;
mod questions;
mod refresh;
mod refresh_keys;
mod roundtrip;
mod sessions;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::store::Store;

/// A test, to be run on an empty store.
pub(crate) type Law = fn(Arc<dyn Store>) -> BoxFuture<'static, ()>;

macro_rules! laws {
    ($($file:ident: [$($test:ident),* $(,)?];)*) => {
        /// Every test under its name.
        pub(crate) const LAWS: &[(&str, Law)] = &[$($(
            (concat!(stringify!($file), "::", stringify!($test)), |store| Box::pin($file::$test(store))),
        )*)*];
    };
}

laws! {
    accounts: [
        what_goes_in_comes_out,
        names_and_email_addresses_that_no_rule_allows_come_out,
        names_and_addresses_are_unique_in_any_case,
        names_that_look_alike_are_one,
        a_domain_is_one_in_both_forms_of_idna,
        when_both_are_taken_the_name_is_told,
        two_at_once_for_one_name,
        two_at_once_for_one_address,
        renaming,
        password_is_replaced_only_if_it_still_is_the_old_one,
        a_password_expires_until_it_is_replaced,
        bcrypt_hashes_are_found_as_long_as_there_are_any,
        roles,
        lists_are_oldest_first,
        missing_accounts_are_not_found,
        the_deleted_account_is_nobodys,
    ];
    admins: [
        the_last_one_stays,
        a_suspended_or_deleted_admin_does_not_count,
        setting_what_is_set_is_no_change,
        of_two_who_take_each_other_away_one_is_left,
        eight_at_once_leave_one,
    ];
    jobs: [
        one_holder_has_a_lease,
        one_of_many_gets_it,
        a_lease_that_is_over_is_anybodys,
        a_lease_from_a_clock_that_was_ahead_is_anybodys,
    ];
    sessions: [
        what_goes_in_comes_out,
        needs_a_user,
        the_oldest_live_ones_end_beyond_the_limit,
        ended_and_expired_ones_do_not_count,
        ending_is_repeatable,
        ending_all_but_one,
        purging,
        go_with_their_account,
    ];
    refresh_keys: [
        the_same_key_repeats_its_rotation_as_long_as_the_session_lives,
        a_key_counts_for_the_rotation_it_made,
        another_key_or_none_is_accepted_once_within_a_minute,
        the_minute_is_granted_once_in_the_life_of_a_session,
        the_first_key_makes_a_session_keyed,
        a_thief_ahead_is_noticed_at_the_second_use,
        a_thief_behind_is_noticed_at_the_second_use,
        of_many_at_once_with_other_keys_one_is_forgiven,
    ];
    refresh: [
        rotates_the_current_token,
        never_outlives_the_absolute_end,
        eight_at_once_agree,
        an_unused_successor_is_given_out_however_often,
        an_older_generation_ends_the_session,
        another_secret_changes_nothing,
        a_token_from_the_future_changes_nothing,
        ended_expired_and_unknown_are_ended,
        a_reused_session_stays_ended,
    ];
    questions: [
        what_goes_in_comes_out,
        needs_an_author,
        the_same_request_again_is_the_same_row,
        another_request_with_the_same_key_conflicts,
        eight_at_once_make_one_row,
        editing,
        a_stale_version_changes_nothing,
        editing_the_version_one_has_read,
        marking_leaves_the_text_alone,
        foreign_ones_are_denied_and_unchanged,
        an_admin_may,
        missing_ones_are_not_found,
        deleting_takes_the_answers,
        counting,
    ];
    answers: [
        what_goes_in_comes_out,
        needs_a_question_and_an_author,
        the_same_request_again_is_the_same_row,
        another_request_with_the_same_key_conflicts,
        eight_at_once_make_one_row,
        editing,
        foreign_ones_are_denied_and_unchanged,
        an_admin_may,
        missing_ones_are_not_found,
        the_question_knows_how_many_it_has,
    ];
    paging: [
        questions_are_newest_first,
        answers_are_oldest_first,
        ties_in_time_are_broken_by_id,
        a_cursor_neither_repeats_nor_misses_while_others_write,
        answers_by_cursor_neither_repeat_nor_miss,
        filters_and_cursors_together,
        skipping,
        past_the_end_is_empty,
        the_answers_of_an_unknown_question_are_not_found,
    ];
    order: [
        a_reader_who_continues_misses_no_question,
        a_reader_who_continues_misses_no_answer,
        recorded_times_are_kept,
    ];
    erasure: [
        kept_content_is_the_deleted_users,
        what_is_imported_without_an_author_is_the_deleted_users,
        erased_content_is_gone_with_all_answers_to_it,
        a_deleted_name_and_address_are_free_again,
        deleting_twice_is_not_found,
    ];
    pictures: [
        what_goes_in_comes_out,
        a_new_seed_drops_the_picture,
        a_picture_that_comes_late_is_not_kept,
        go_with_their_account,
    ];
    roundtrip: [
        any_text_comes_out_as_it_went_in,
        the_longest_texts_fit,
    ];
}

/// Asserts which failure a call ended with.
macro_rules! assert_fails {
    ($call:expr, $pattern:pat) => {
        match $call {
            Err($pattern) => {}
            Err(other) => panic!("expected {}, got {other:?}", stringify!($pattern)),
            Ok(_) => panic!("expected {}, got a success", stringify!($pattern)),
        }
    };
}
pub(crate) use assert_fails;
