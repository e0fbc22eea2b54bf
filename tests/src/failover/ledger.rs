//! Who was told what: every marker sent, what was acknowledged of it, and what is there in the end.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::Value;

use super::Report;
use crate::Person;

/// What is known of one question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It was sent; whether it arrived is not known.
    Sent,
    /// It is there: that was acknowledged.
    Asked,
    /// Its deletion was sent; whether that arrived is not known.
    Doomed,
    /// It is gone: that was acknowledged.
    Gone,
}

/// How many of the questions that went last are looked for in what is read.
const LATELY: usize = 100;

/// All questions by their markers, which are their titles.
#[derive(Default)]
pub(super) struct Ledger {
    fates: RwLock<HashMap<String, Fate>>,
    gone: Mutex<VecDeque<String>>,
    stale: AtomicUsize,
}

impl Ledger {
    pub(super) fn note(&self, marker: &str, fate: Fate) {
        self.fates.write().unwrap().insert(marker.to_owned(), fate);
        if fate == Fate::Gone {
            let mut gone = self.gone.lock().unwrap();
            gone.push_back(marker.to_owned());
            if gone.len() > LATELY {
                gone.pop_front();
            }
        }
    }

    /// The questions that went last.
    pub(super) fn gone_lately(&self) -> VecDeque<String> {
        self.gone.lock().unwrap().clone()
    }

    /// A list was read that shows what was gone before.
    pub(super) fn note_stale(&self) {
        self.stale.fetch_add(1, Ordering::Relaxed);
    }

    /// Reads everything that is there and holds it against what was acknowledged.
    pub(super) fn check(&self, reader: &Person) -> Report {
        let mut there: HashMap<String, usize> = HashMap::new();
        for marker in markers(reader) {
            *there.entry(marker).or_default() += 1;
        }
        let fates = self.fates.read().unwrap();
        let with = |wanted: fn(Fate, usize) -> bool| -> Vec<String> {
            let found = |marker: &String| there.get(marker).copied().unwrap_or_default();
            fates.iter().filter(|(m, fate)| wanted(**fate, found(m))).map(|(m, _)| m.clone()).collect()
        };
        let acknowledged = fates.values().map(|fate| match fate {
            Fate::Sent => 0,
            Fate::Asked | Fate::Doomed => 1,
            Fate::Gone => 2,
        });
        Report {
            acknowledged: acknowledged.sum(),
            lost: with(|fate, found| fate == Fate::Asked && found == 0),
            duplicated: with(|_, found| found > 1),
            returned: with(|fate, found| fate == Fate::Gone && found > 0),
            stale: self.stale.load(Ordering::Relaxed),
            ..Report::default()
        }
    }
}

/// The titles of all questions, by cursor.
fn markers(reader: &Person) -> Vec<String> {
    let mut all = Vec::new();
    let mut path = Some("/question/all?size=100".to_owned());
    while let Some(at) = path {
        let reply = reader.get(&at).expect(200);
        all.extend(titles(&reply.json()));
        path = reply.header("link").map(|link| {
            let target = link.trim_start_matches('<').split('>').next().unwrap();
            target.strip_prefix("/api/v1").unwrap().to_owned()
        });
    }
    all
}

/// The titles in a list of questions.
pub(super) fn titles(list: &Value) -> impl Iterator<Item = String> {
    let list = list.as_array().cloned().unwrap_or_default();
    list.into_iter().map(|question| question["title"].as_str().unwrap_or_default().to_owned())
}
