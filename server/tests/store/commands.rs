//! What MongoDB is asked, as the driver's monitoring reports it: how many commands a request takes, and that the plan of
//! each (`explain`) finds its documents by an index and in the order of that index.

use std::sync::{Arc, Mutex};

use mongodb::{
    Client, Database,
    bson::{Bson, DateTime, Document, doc},
    event::{EventHandler, command::CommandEvent},
    options::ClientOptions,
};
use poem::{Endpoint, Request, http::Method};
use ro_co_server::{
    App, Service, Settings,
    avatar::{Avatars, Source},
    clock::Clock,
    keys::Keys,
    secret::Secret,
    store::mongo::Mongo,
};
use ro_co_shared::{Content, QuestionId, Role, SessionId, UserId};
use serde_json::{Value, json};

use crate::{
    backends::new_name,
    contract::make::{
        DAY, account, after, answer, answer_text, answered, answers_to, asked, at, edit, first, from, owner,
        question, session, signed_in, text, token, user,
    },
    store::{
        Answers, AvatarImage, Order, PasswordUpdate, Position, QuestionFilter, Questions, RefreshAttempt,
        SortKey, Store,
    },
};

/// A store and what it has asked.
pub(crate) struct Watched {
    pub(crate) store: Arc<Mongo>,
    pub(crate) db: Database,
    asked: Arc<Mutex<Vec<Document>>>,
}

impl Watched {
    pub(crate) async fn open(uri: &str) -> Self {
        let (name, asked) = (new_name(), Arc::<Mutex<Vec<Document>>>::default());
        let mut options = ClientOptions::parse(uri).await.unwrap();
        let seen = Arc::clone(&asked);
        options.command_event_handler = Some(EventHandler::callback(move |event| {
            if let CommandEvent::Started(started) = event {
                seen.lock().unwrap().push(started.command);
            }
        }));
        let store = Arc::new(Mongo::open_with(options, &name).await.unwrap());
        let db = Client::with_uri_str(uri).await.unwrap().database(&name);
        asked.lock().unwrap().clear();
        Self { store, db, asked }
    }

    /// The commands since the last call.
    pub(crate) fn take(&self) -> Vec<Document> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// Their names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.take().iter().map(|command| command.keys().next().unwrap().clone()).collect()
    }

    pub(crate) async fn close(self) {
        self.store.close().await;
        self.db.drop().await.unwrap();
    }
}

/// How many commands each request takes, once its caller is known.
pub(crate) async fn requests_take_few(uri: String) {
    let watched = Watched::open(&uri).await;
    let store: Arc<dyn Store> = watched.store.clone();
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new(&Secret::read_or_make(dir.path()).unwrap()).unwrap();
    let avatars = Avatars::new(store.clone(), Source::Builtin);
    let app = App::new(store, keys, avatars, Clock::default(), Settings::default());
    let ada = account("ada");
    app.store.add_account(&ada).await.unwrap();
    let session = app.open_session(&ada, &ada.password, String::new()).await.unwrap();
    let token = session.unwrap().token;
    let service = app.service();
    let send = |method, path: String, body: Value| request(&service, &token, method, path, body);

    let me = send(Method::GET, "/user/me".into(), Value::Null).await;
    assert_eq!(me["username"], "ada");
    watched.take();

    let mut id = String::new();
    for n in 0..12 {
        let asked = send(Method::POST, "/question".into(), json!({"title": format!("Question {n}")})).await;
        assert_eq!(watched.names(), ["insert"], "asking");
        asked["id"].as_str().unwrap().clone_into(&mut id);
    }
    let list = send(Method::GET, "/question/all?size=10".into(), Value::Null).await;
    assert_eq!(list.as_array().unwrap().len(), 10);
    assert_eq!(watched.names(), ["find", "find"], "a list of 10");
    let one = send(Method::GET, format!("/question/{id}"), Value::Null).await;
    assert_eq!(one["author"]["username"], "ada");
    assert_eq!(watched.names(), ["find", "find"], "a question");
    for _ in 0..3 {
        let body = json!({"description": "Because.", "questionID": id});
        send(Method::POST, "/answer".into(), body).await;
        assert_eq!(watched.names(), ["update", "insert"], "answering");
    }
    let answers = send(Method::GET, format!("/answer/all/{id}"), Value::Null).await;
    assert_eq!(answers.as_array().unwrap().len(), 3);
    assert_eq!(watched.names(), ["find", "aggregate"], "a list of answers");
    send(Method::GET, format!("/answer/{}", answers[0]["id"].as_str().unwrap()), Value::Null).await;
    assert_eq!(watched.names(), ["find", "aggregate"], "an answer");
    send(Method::PUT, format!("/question/{id}"), json!({"title": "Edited"})).await;
    assert_eq!(watched.names(), ["findAndModify", "find"], "an edit");
    drop((service, app));
    watched.close().await;
}

async fn request(service: &Service, token: &str, method: Method, path: String, body: Value) -> Value {
    let request = Request::builder().method(method).uri(format!("/api/v1{path}").parse().unwrap());
    let request = request.header("Authorization", format!("Bearer {token}"));
    let request = match body {
        Value::Null => request.finish(),
        body => request.content_type("application/json").body(body.to_string()),
    };
    let response = service.get_response(request).await;
    let status = response.status();
    let body = response.into_body().into_vec().await.unwrap();
    assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

/// Every command that the calls of the store lead to is explained.
pub(crate) async fn every_query_uses_an_index(uri: String) {
    let watched = Watched::open(&uri).await;
    everything(&*watched.store).await;
    age(&watched.db).await;
    assert!(watched.store.sweep().await.unwrap() > 2);
    assert!(watched.store.recount().await.unwrap() > 0);
    let mut explained = 0;
    for command in watched.take() {
        let Some(plan) = explain(&watched.db, &command).await else { continue };
        let stages = stages(&plan);
        let by_index =
            |stage: &&String| ["IXSCAN", "IDHACK", "COUNT_SCAN", "DISTINCT_SCAN"].contains(&stage.as_str());
        assert!(stages.iter().any(|stage| by_index(&stage)), "no index: {stages:?}\n{command}");
        for bad in ["COLLSCAN", "SORT", "$sort", "AND_HASH", "AND_SORTED"] {
            assert!(!stages.iter().any(|stage| stage == bad), "{bad}: {stages:?}\n{command}");
        }
        explained += 1;
    }
    assert!(explained > 80, "only {explained} commands were explained");
    watched.close().await;
}

/// No command waits for ever: the server ends those that the driver can send `maxTimeMS` with, and a write waits for a
/// majority for `wtimeout` at most.
pub(crate) async fn every_command_has_a_limit(uri: String) {
    let watched = Watched::open(&uri).await;
    everything(&*watched.store).await;
    age(&watched.db).await;
    watched.store.sweep().await.unwrap();
    watched.store.recount().await.unwrap();
    for command in watched.take() {
        let limit =
            command.get("maxTimeMS").and_then(|limit| limit.as_i64().or(limit.as_i32().map(i64::from)));
        match command.keys().next().unwrap().as_str() {
            "find" | "aggregate" | "findAndModify" => {
                assert!(limit.is_some_and(|limit| limit <= 5_000), "{command}");
            }
            "insert" | "update" | "delete" => {
                let concern = command.get_document("writeConcern").unwrap();
                let wait =
                    concern.get("wtimeout").and_then(|wait| wait.as_i64().or(wait.as_i32().map(i64::from)));
                assert!(wait.is_some_and(|wait| wait <= 5_000), "{command}");
            }
            other => assert_eq!(other, "endSessions"),
        }
    }
    watched.close().await;
}

/// Makes everything so old that a sweep finds something of each kind to do.
async fn age(db: &Database) {
    let long_ago = DateTime::from_millis(0);
    let mark = doc! { "$set": { "deleting": true, "deletedAt": long_ago } };
    db.collection::<Document>("answers").update_one(doc! {}, mark).await.unwrap();
    for (collection, field) in
        [("accounts", "deletedAt"), ("questions", "deletedAt"), ("questions", "recountAt")]
    {
        let there = doc! { field: { "$exists": true } };
        let older = doc! { "$set": { field: long_ago } };
        db.collection::<Document>(collection).update_many(there, older).await.unwrap();
    }
}

/// A page in the middle of a list reads its own rows, however many are before it.
pub(crate) async fn a_page_by_cursor_reads_its_rows_only(uri: String) {
    let watched = Watched::open(&uri).await;
    let store = &*watched.store;
    let ada = user(store, "ada").await;
    let mut rows = Vec::new();
    for i in 0..300 {
        // Three to a moment.
        rows.push(asked(store, ada, "?", i / 3).await);
    }
    let one = rows[0].id;
    for i in 0..100 {
        answered(store, one, ada, i / 3).await;
    }
    rows.sort_by_key(|row| (row.created_at, row.id));
    let author = Some(ada);
    let filters = [
        QuestionFilter::default(),
        QuestionFilter { author, answered: None },
        QuestionFilter { author: None, answered: Some(false) },
        QuestionFilter { author, answered: Some(false) },
    ];
    for depth in [20, 150, 270] {
        for (filter, order) in filters.iter().flat_map(|f| [(*f, Order::Newest), (*f, Order::Oldest)]) {
            watched.take();
            let page = after(first(filter, order, 10), &rows[depth]);
            assert_eq!(store.questions(page).await.unwrap().len(), 10);
            reads_little(&watched).await;
        }
    }
    let answers = store.answers(answers_to(one, 60)).await.unwrap();
    watched.take();
    assert_eq!(store.answers(after(answers_to(one, 10), &answers[59])).await.unwrap().len(), 10);
    reads_little(&watched).await;
    watched.close().await;
}

async fn reads_little(watched: &Watched) {
    let command = watched.take().remove(0);
    let plan = explain(&watched.db, &command).await.unwrap();
    let stats = plan.get_document("executionStats").unwrap();
    let number = |name: &str| stats.get_i32(name).unwrap();
    // Those of the cursor's own moment are looked at and left out.
    assert!(number("totalKeysExamined") <= 14, "{stats}");
    assert!(number("totalDocsExamined") <= 14, "{stats}");
}

/// What the server would do, and does for reading.
async fn explain(db: &Database, command: &Document) -> Option<Document> {
    let name = command.keys().next()?.as_str();
    if !["find", "aggregate", "update", "delete", "findAndModify"].contains(&name) {
        assert!(["insert", "endSessions"].contains(&name), "what is {name}?");
        return None;
    }
    let mut command = command.clone();
    for envelope in
        ["lsid", "$db", "$clusterTime", "txnNumber", "writeConcern", "readConcern", "$readPreference"]
    {
        command.remove(envelope);
    }
    // Of several statements of one kind, the first.
    if let Ok(statements) = command.get_array_mut("updates") {
        statements.truncate(1);
    }
    command.remove("maxTimeMS");
    Some(db.run_command(doc! { "explain": command, "verbosity": "executionStats" }).await.unwrap())
}

/// The stages of the chosen plan, wherever in the answer they stand; those that were rejected do not count.
fn stages(plan: &Document) -> Vec<String> {
    let mut stages = Vec::new();
    collect(&Bson::Document(plan.clone()), &mut stages);
    stages
}

fn collect(value: &Bson, stages: &mut Vec<String>) {
    match value {
        Bson::Document(doc) => {
            for (name, value) in doc {
                match value {
                    Bson::String(stage) if name == "stage" => stages.push(stage.clone()),
                    _ if name == "rejectedPlans" || name == "command" => {}
                    _ => {
                        if name.starts_with('$') {
                            stages.push(name.clone());
                        }
                        collect(value, stages);
                    }
                }
            }
        }
        Bson::Array(values) => values.iter().for_each(|value| collect(value, stages)),
        _ => {}
    }
}

/// Every call of the store, and every way through it that asks something of its own.
async fn everything(store: &dyn Store) {
    let (ada, bob, eve) = (user(store, "ada").await, user(store, "bob").await, user(store, "eve").await);
    accounts(store, ada, bob).await;
    sessions(store, ada).await;
    texts(store, ada, bob, eve).await;
    store.delete_account(eve, Content::Erase).await.unwrap();
    store.delete_account(bob, Content::Keep).await.unwrap();
    store.ping().await.unwrap();
    store.sweep().await.unwrap();
}

async fn accounts(store: &dyn Store, ada: UserId, bob: UserId) {
    store.account(ada).await.unwrap();
    store.account_by_email(&account("ada").email).await.unwrap();
    assert!(!store.username_free(&account("ada").username).await.unwrap());
    assert!(!store.email_free(&account("ada").email).await.unwrap());
    store.add_account(&account("ada")).await.unwrap_err();
    let key = Position::After(SortKey { created_at: at(0), id: ada.0 });
    for position in [Position::Skip(1), key] {
        store.accounts(from(first((), Order::Oldest, 1), position)).await.unwrap();
    }
    store.rename(bob, &account("robert").username).await.unwrap();
    store.set_password(bob, replaced(&account("bob").password, "new")).await.unwrap();
    store.has_bcrypt_hashes().await.unwrap();
    store.set_password(bob, replaced("wrong", "new")).await.unwrap_err();
    store.set_role(bob, Role::Admin).await.unwrap();
    store.set_role(bob, Role::User).await.unwrap_err();
    store.set_role(ada, Role::Admin).await.unwrap();
    store.set_suspended(bob, true).await.unwrap();
    store.set_suspended(bob, false).await.unwrap();
    assert!(store.lease("job", "a", std::time::Duration::from_mins(1)).await.unwrap());
    assert!(!store.lease("job", "b", std::time::Duration::from_mins(1)).await.unwrap());
    store.release("job", "a").await.unwrap();
    let image = AvatarImage { svg: "<svg/>".to_owned(), created_at: at(0) };
    assert!(store.keep_avatar(ada, 0, &image).await.unwrap());
    assert!(!store.keep_avatar(ada, 1, &image).await.unwrap());
    store.avatar(ada, 0).await.unwrap();
    store.set_avatar_seed(ada, "seed").await.unwrap();
}

fn replaced<'a>(old: &'a str, new: &'a str) -> PasswordUpdate<'a> {
    PasswordUpdate { old, new, expires_at: None }
}

async fn texts(store: &dyn Store, ada: UserId, bob: UserId, eve: UserId) {
    let mine = asked(store, ada, "Why?", 1).await.id;
    let theirs = asked(store, eve, "How?", 2).await.id;
    let again = question(ada, "Again", at(3));
    store.add_question(&again).await.unwrap();
    store.add_question(&again).await.unwrap();
    store.question(mine).await.unwrap();
    lists(store, ada, mine).await;
    store.edit_question(mine, &edit(owner(ada), text("Why not?", None), Some(1), at(5))).await.unwrap();
    store.edit_question(mine, &edit(owner(bob), text("Mine", None), None, at(5))).await.unwrap_err();
    store.set_answered(mine, owner(ada), true).await.unwrap();

    let reply = answer(mine, bob, "So.", at(6));
    store.add_answer(&reply).await.unwrap();
    store.add_answer(&reply).await.unwrap();
    store.answer(reply.id).await.unwrap();
    store.count_answers(mine).await.unwrap();
    store.edit_answer(reply.id, &edit(owner(bob), answer_text("Thus."), None, at(7))).await.unwrap();
    store.edit_answer(reply.id, &edit(owner(ada), answer_text("Mine"), None, at(7))).await.unwrap_err();
    answered(store, mine, eve, 8).await;
    answered(store, theirs, bob, 9).await;
    store.delete_answer(reply.id, owner(bob)).await.unwrap();
    store.delete_question(again.id, owner(ada)).await.unwrap();
}

async fn sessions(store: &dyn Store, ada: UserId) {
    let one = signed_in(store, ada, 0).await;
    for i in 1..4 {
        store.add_session(&session(ada, at(i)), 2).await.unwrap();
    }
    store.session(one.id).await.unwrap();
    let one = signed_in(store, ada, 9).await;
    // Rotate, replay, and an old one that comes back.
    for generation in [0, 0, 1, 0] {
        store.refresh(&RefreshAttempt { ..token(&one, generation) }, at(10)).await.unwrap();
    }
    let keyed = RefreshAttempt { key: Some([7; 32]), ..token(&signed_in(store, ada, 10).await, 0) };
    for _ in 0..2 {
        store.refresh(&keyed, at(10)).await.unwrap();
    }
    store.end_session(one.id, "logout", at(11)).await.unwrap();
    store.end_sessions(ada, Some(SessionId::new()), "password", at(12)).await.unwrap();
    store.purge_sessions(at(40 * DAY)).await.unwrap();
}

async fn lists(store: &dyn Store, ada: UserId, mine: QuestionId) {
    let key = Position::After(SortKey { created_at: at(2), id: mine.0 });
    for position in [Position::Skip(0), Position::Skip(1), key] {
        for author in [None, Some(ada)] {
            for answered in [None, Some(false)] {
                let filter = QuestionFilter { answered, author };
                for order in [Order::Newest, Order::Oldest] {
                    store.questions(from(first(filter, order, 2), position)).await.unwrap();
                }
                store.count_questions(filter).await.unwrap();
            }
        }
        store.answers(from(answers_to(mine, 2), position)).await.unwrap();
    }
}
