//! The laws of the store on every back end, and what is true of MongoDB alone. Cases that need a server of MongoDB's
//! are shown as ignored where there is none.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

mod backends;
mod contract;

#[path = "../../src/store/make.rs"]
mod make;

/// The module of that name in the crate, for the code that is used here and there.
mod store {
    pub(crate) use ro_co_server::store::*;
}

use std::process::ExitCode;

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
    needs::main(cases)
}
