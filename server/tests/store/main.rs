//! The laws of the store on every back end, and what is true of MongoDB alone. Cases that need a server of MongoDB's
//! are shown as ignored where there is none.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

mod backends;
mod calls;
mod commands;
mod contract;
mod deletion;
mod schema;
mod sweep;

#[path = "../../src/store/make.rs"]
mod make;

/// The module of that name in the crate, for the code that is used here and there.
mod store {
    pub(crate) use ro_co_server::store::*;
}

use std::process::ExitCode;

use futures_util::future::{BoxFuture, LocalBoxFuture};
use ro_co_tests::needs::{self, Need, case};

use self::{
    backends::{block_on, lone, replicated, sqlite},
    contract::LAWS,
};

fn main() -> ExitCode {
    let mut cases = Vec::new();
    for &(name, law) in LAWS {
        cases.push(case(&format!("sqlite::{name}"), &[], move || {
            block_on(async {
                let fresh = sqlite();
                law(fresh.store.clone()).await;
                fresh.close().await;
            });
        }));
        for (place, open) in [("lone", lone as fn() -> _), ("replicated", replicated)] {
            cases.push(case(&format!("mongodb::{place}::{name}"), &[Need::MongoDb], move || {
                let uri = open();
                block_on(async {
                    let fresh = backends::mongo(uri).await;
                    law(fresh.store.clone()).await;
                    fresh.close().await;
                });
            }));
        }
    }
    cases.extend(mongodb_alone());
    needs::main(cases)
}

/// What is true of MongoDB alone, on a lone server and on a replica set.
fn mongodb_alone() -> Vec<libtest_mimic::Trial> {
    type Case = fn(String) -> BoxFuture<'static, ()>;
    type Own = fn() -> LocalBoxFuture<'static, ()>;
    let alone: [(&str, Case); 20] = [
        ("commands::requests_take_few", |uri| Box::pin(commands::requests_take_few(uri))),
        ("commands::every_query_uses_an_index", |uri| Box::pin(commands::every_query_uses_an_index(uri))),
        ("commands::a_page_by_cursor_reads_its_rows_only", |uri| {
            Box::pin(commands::a_page_by_cursor_reads_its_rows_only(uri))
        }),
        ("deletion::a_marked_question_is_hidden_and_swept", |uri| {
            Box::pin(deletion::a_marked_question_is_hidden_and_swept(uri))
        }),
        ("deletion::an_answer_that_races_a_deletion_is_hidden_and_swept", |uri| {
            Box::pin(deletion::an_answer_that_races_a_deletion_is_hidden_and_swept(uri))
        }),
        ("deletion::counts_are_mended", |uri| Box::pin(deletion::counts_are_mended(uri))),
        ("deletion::a_marked_account_is_hidden_and_swept", |uri| {
            Box::pin(deletion::a_marked_account_is_hidden_and_swept(uri))
        }),
        ("schema::validators_refuse_malformed_documents", |uri| {
            Box::pin(schema::validators_refuse_malformed_documents(uri))
        }),
        ("schema::validators_accept_what_the_next_release_adds", |uri| {
            Box::pin(schema::validators_accept_what_the_next_release_adds(uri))
        }),
        ("schema::a_newer_version_is_left_alone_or_refused", |uri| {
            Box::pin(schema::a_newer_version_is_left_alone_or_refused(uri))
        }),
        ("schema::accounts_of_the_previous_release_get_their_keys", |uri| {
            Box::pin(schema::accounts_of_the_previous_release_get_their_keys(uri))
        }),
        ("schema::other_tables_of_unicode_key_all_accounts_anew", |uri| {
            Box::pin(schema::other_tables_of_unicode_key_all_accounts_anew(uri))
        }),
        ("commands::every_command_has_a_limit", |uri| Box::pin(commands::every_command_has_a_limit(uri))),
        ("sweep::much_is_swept_in_batches", |uri| Box::pin(sweep::much_is_swept_in_batches(uri))),
        ("sweep::an_account_is_erased_in_batches", |uri| {
            Box::pin(sweep::an_account_is_erased_in_batches(uri))
        }),
        ("sweep::sessions_are_purged_in_batches", |uri| Box::pin(sweep::sessions_are_purged_in_batches(uri))),
        ("sweep::many_are_recounted_by_few_commands", |uri| {
            Box::pin(sweep::many_are_recounted_by_few_commands(uri))
        }),
        ("sweep::malformed_documents_are_passed_over", |uri| {
            Box::pin(sweep::malformed_documents_are_passed_over(uri))
        }),
        ("sweep::a_document_that_fails_does_not_stop_its_batch", |uri| {
            Box::pin(sweep::a_document_that_fails_does_not_stop_its_batch(uri))
        }),
        ("schema::many_start_at_once", |uri| Box::pin(schema::many_start_at_once(uri))),
    ];
    let mut cases = Vec::new();
    for (name, body) in alone {
        for (place, open) in [("lone", lone as fn() -> String), ("replicated", replicated)] {
            cases.push(case(&format!("mongodb::{place}::{name}"), &[Need::MongoDb], move || {
                let uri = open();
                block_on(body(uri));
            }));
        }
    }
    let own: [(&str, Own); 3] = [
        ("a_caller_that_leaves_keeps_its_connection", || {
            Box::pin(calls::a_caller_that_leaves_keeps_its_connection())
        }),
        ("the_server_ends_what_takes_too_long", || Box::pin(calls::the_server_ends_what_takes_too_long())),
        ("acts_of_several_writes_run_to_their_end", || {
            Box::pin(calls::acts_of_several_writes_run_to_their_end())
        }),
    ];
    cases.extend(own.map(|(name, body)| {
        case(&format!("mongodb::calls::{name}"), &[Need::MongoDb], move || block_on(body()))
    }));
    cases
}
