//! Lists: one total order, and pages by cursor that neither repeat nor miss.

use std::{collections::HashSet, sync::Arc};

use ro_co_shared::{QuestionId, UserId};
use uuid::Uuid;

use super::{
    assert_fails,
    make::{after, answered, answers_to, asked, at, first, from, newest, owner, question, user},
};
use crate::store::{Error, ListQuery, Order, Position, Question, QuestionFilter, Sorted, Store};

/// All questions that match, page after page.
async fn walk(store: &dyn Store, list: ListQuery<QuestionFilter>) -> Vec<QuestionId> {
    let mut ids = Vec::new();
    let mut page = store.questions(list).await.unwrap();
    while let Some(last) = page.last() {
        assert!(page.len() <= list.slice.size as usize);
        let next = after(list, last);
        ids.extend(page.iter().map(|question| question.id));
        page = store.questions(next).await.unwrap();
    }
    ids
}

pub(super) async fn questions_are_newest_first(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let mut ids = Vec::new();
    for millis in [30, 10, 50, 20, 40, -10] {
        ids.push((at(millis), asked(&*store, ada, "?", millis).await.id));
    }
    ids.sort();
    let expected: Vec<_> = ids.into_iter().rev().map(|(_, id)| id).collect();
    let listed = store.questions(newest(100)).await.unwrap();
    assert_eq!(listed.iter().map(|question| question.id).collect::<Vec<_>>(), expected);
    for size in [1, 2, 4, 100] {
        assert_eq!(walk(&*store, newest(size)).await, expected);
    }
}

pub(super) async fn answers_are_oldest_first(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let (mine, other) = (asked(&*store, ada, "?", 0).await.id, asked(&*store, ada, "?", 1).await.id);
    let mut ids = Vec::new();
    for millis in [30, 10, 20, 20] {
        ids.push((at(millis), answered(&*store, mine, ada, millis).await));
        answered(&*store, other, ada, millis).await;
    }
    ids.sort();
    let listed = store.answers(answers_to(mine, 100)).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|answer| (answer.created_at, answer.id)).collect();
    assert_eq!(listed, ids);
}

pub(super) async fn ties_in_time_are_broken_by_id(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    // The ids are scattered over the whole range, as derived ones are; both ends of it are ids.
    let mut ids: Vec<_> = (0..=15_u128).map(|i| QuestionId(Uuid::from_u128(u128::MAX / 15 * i))).collect();
    for i in [7, 0, 15, 3, 12, 1, 9, 14, 5, 2, 11, 8, 4, 13, 6, 10] {
        store.add_question(&Question { id: ids[i], ..question(ada, "?", at(0)) }).await.unwrap();
    }
    ids.reverse();
    for size in [1, 3, 16, 17] {
        assert_eq!(walk(&*store, newest(size)).await, ids);
    }
}

pub(super) async fn a_cursor_neither_repeats_nor_misses_while_others_write(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let mut there = Vec::new();
    for i in 0..60 {
        // Three to a moment.
        there.push(asked(&*store, ada, "?", i / 3).await.id);
    }
    let mut deleted = HashSet::new();
    let mut seen = Vec::new();
    let mut page = store.questions(newest(7)).await.unwrap();
    for turn in 0.. {
        let Some(last) = page.last().cloned() else { break };
        seen.extend(page.iter().map(|question| question.id));
        // Newer ones come, older ones go: those seen, those to come, and the one the cursor names.
        asked(&*store, ada, "new", 1000 + turn).await;
        let next = there.iter().find(|id| !seen.contains(id) && !deleted.contains(*id)).copied();
        for doomed in [Some(last.id), seen.first().copied().filter(|id| !deleted.contains(id)), next] {
            if let Some(id) = doomed.filter(|id| deleted.insert(*id)) {
                store.delete_question(id, owner(ada)).await.unwrap();
            }
        }
        page = store.questions(after(newest(7), &last)).await.unwrap();
    }
    let distinct: HashSet<_> = seen.iter().copied().collect();
    assert_eq!(distinct.len(), seen.len(), "none twice");
    for id in there {
        assert!(distinct.contains(&id) || deleted.contains(&id), "{id} was missed");
    }
    assert!(seen.len() > 40, "the list went on after its rows were deleted");
}

pub(super) async fn answers_by_cursor_neither_repeat_nor_miss(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let question = asked(&*store, ada, "?", 0).await.id;
    let mut there = Vec::new();
    for i in 0..20 {
        there.push(answered(&*store, question, ada, i / 4).await);
    }
    let mut seen = Vec::new();
    let mut page = store.answers(answers_to(question, 3)).await.unwrap();
    while let Some(last) = page.last() {
        let next = after(answers_to(question, 3), last);
        seen.extend(page.iter().map(|answer| answer.id));
        if seen.len() < 10 {
            // The row the cursor names goes, and an older one comes late: neither moves the rest.
            store.delete_answer(*seen.last().unwrap(), owner(ada)).await.unwrap();
            answered(&*store, question, ada, -1).await;
        }
        page = store.answers(next).await.unwrap();
    }
    let mut expected = there;
    expected.sort();
    let mut distinct = seen.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), seen.len(), "none twice");
    assert_eq!(distinct, expected, "every one that was there at the start, and no other");
}

pub(super) async fn filters_and_cursors_together(store: Arc<dyn Store>) {
    let (ada, bob) = (user(&*store, "ada").await, user(&*store, "bob").await);
    let mut all = Vec::new();
    for i in 0..30_i64 {
        let author = if i % 3 == 0 { bob } else { ada };
        let row = asked(&*store, author, "?", i / 2).await;
        let mark = i % 4 == 0;
        if mark {
            store.set_answered(row.id, owner(author), true).await.unwrap();
        }
        all.push((row.created_at, row.id, author, mark));
    }
    all.sort();
    all.reverse();
    for author in [None, Some(ada), Some(bob), Some(UserId::new())] {
        for answered in [None, Some(true), Some(false)] {
            let expected: Vec<_> = all
                .iter()
                .filter(|row| {
                    author.is_none_or(|by| by == row.2) && answered.is_none_or(|mark| mark == row.3)
                })
                .map(|row| row.1)
                .collect();
            let filter = QuestionFilter { answered, author };
            assert_eq!(walk(&*store, first(filter, Order::Newest, 4)).await, expected);
            let oldest: Vec<_> = expected.into_iter().rev().collect();
            assert_eq!(walk(&*store, first(filter, Order::Oldest, 4)).await, oldest);
        }
    }
}

pub(super) async fn skipping(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let question = asked(&*store, ada, "?", -1).await;
    for i in 0..9 {
        asked(&*store, ada, "?", i / 2).await;
        answered(&*store, question.id, ada, i / 2).await;
    }
    let questions = store.questions(newest(100)).await.unwrap();
    let answers = store.answers(answers_to(question.id, 100)).await.unwrap();
    for rows in 0..9 {
        let (skip, start) = (Position::Skip(rows), usize::try_from(rows).unwrap());
        let page = store.questions(from(newest(4), skip)).await.unwrap();
        assert_eq!(page, questions[start..(start + 4).min(10)]);
        let page = store.answers(from(answers_to(question.id, 4), skip)).await.unwrap();
        assert_eq!(page, answers[start..(start + 4).min(9)]);
    }
}

pub(super) async fn past_the_end_is_empty(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    assert!(store.questions(newest(10)).await.unwrap().is_empty());
    let only = asked(&*store, ada, "?", 0).await;
    assert!(store.answers(answers_to(only.id, 10)).await.unwrap().is_empty());
    for end in [Position::Skip(1), Position::Skip(u64::MAX), Position::After(only.sort_key())] {
        assert!(store.questions(from(newest(10), end)).await.unwrap().is_empty());
        assert!(store.answers(from(answers_to(only.id, 10), end)).await.unwrap().is_empty());
    }
    assert!(store.questions(newest(0)).await.unwrap().is_empty());
}

pub(super) async fn the_answers_of_an_unknown_question_are_not_found(store: Arc<dyn Store>) {
    assert_fails!(store.answers(answers_to(QuestionId::new(), 10)).await, Error::NotFound);
}
