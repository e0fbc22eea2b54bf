use std::sync::{
    atomic::{AtomicBool, AtomicUsize, Ordering},
    mpsc,
};

use keyring_core::{CredentialStore, Entry, Error, mock};

use super::*;

/// For keyrings that never answer; generous enough for a machine under load.
const SHORT: KeyringTimeouts = KeyringTimeouts {
    background: Duration::from_millis(500),
    interactive: Duration::from_secs(20),
    hint: Duration::from_millis(20),
};

fn tokens(ring: Ring, probe: bool) -> Tokens {
    let limits = KeyringTimeouts { background: Duration::from_secs(20), ..SHORT };
    Tokens::at(TokenCopy::Ring { ring, probe }, None, None, limits)
}

/// A keyring of one store, and that store to look into and to break.
fn with_mock(probe: bool) -> (Tokens, Arc<CredentialStore>) {
    let store: Arc<CredentialStore> = mock::Store::new().unwrap();
    let same = Arc::clone(&store);
    (tokens(Ring::new("local", Box::new(move || Ok(Arc::clone(&same)))), probe), store)
}

fn entry(store: &Arc<CredentialStore>) -> Entry {
    store.build("ro-co", "local", None).unwrap()
}

fn break_next(entry: &Entry, error: Error) {
    entry.as_any().downcast_ref::<mock::Cred>().unwrap().set_error(error);
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

async fn loaded(tokens: &Tokens) -> Option<String> {
    tokens.load(WaitMode::Background).await.map(|token| token.expose_secret().to_owned())
}

#[tokio::test]
async fn kept_in_the_keyring_under_the_name_others_look_it_up_by() {
    let (tokens, store) = with_mock(true);
    tokens.save(secret("first")).await;
    assert_eq!(entry(&store).get_password().unwrap(), "first");
    assert_eq!(
        tokens.state(),
        TokenState { kept: StoredIn::Keyring, meant: StoredIn::Keyring, reason: None, waiting: false }
    );
    tokens.delete().await;
    tokens.delete().await;
    assert!(matches!(entry(&store).get_password(), Err(Error::NoEntry)));
    assert_eq!(loaded(&tokens).await, None);
}

#[tokio::test]
async fn another_process_may_have_refreshed_it() {
    let (tokens, store) = with_mock(true);
    tokens.save(secret("mine")).await;
    entry(&store).set_password("theirs").unwrap();
    assert_eq!(loaded(&tokens).await.unwrap(), "theirs");
}

#[tokio::test]
async fn each_kind_of_error_keeps_the_token_in_memory_and_says_why() {
    let kinds: Vec<(Error, &str)> = vec![
        (Error::NoStorageAccess("Prompt dismissed".into()), "your keyring is locked"),
        (Error::NoDefaultStore, "no keyring service"),
        (Error::PlatformFailure(ServiceUnknown.into()), "no keyring service"),
        (Error::PlatformFailure("\x1b[2Jodd".into()), "the keyring failed: \u{FFFD}[2Jodd"),
        (Error::Ambiguous(Vec::new()), "the keyring has several sign-ins under this name"),
        (Error::BadEncoding(vec![0xFF]), "the sign-in in the keyring is damaged"),
        (Error::BadDataFormat(Vec::new(), "x".into()), "the sign-in in the keyring is damaged"),
        (Error::TooLong("secret".into(), 2560), "the keyring does not take secrets of this length"),
        (
            Error::Invalid("user".into(), "empty".into()),
            "the keyring refused: Value of 'user' is invalid: empty",
        ),
        (Error::NotSupportedByStore("no".into()), "the keyring refused: Unsupported: no"),
        (Error::BadStoreFormat("odd".into()), "the keyring refused: Store data is malformed: odd"),
    ];
    for (error, words) in kinds {
        let (tokens, store) = with_mock(false);
        break_next(&entry(&store), error);
        tokens.save(secret("token")).await;
        let state = tokens.state();
        assert_eq!((state.kept, state.reason.unwrap().as_str()), (StoredIn::Memory, words));
        assert_eq!(loaded(&tokens).await.unwrap(), "token", "{words}");
        // The error is gone; the next write finds the keyring well again.
        tokens.save(secret("next")).await;
        assert_eq!((tokens.state().kept, tokens.state().reason), (StoredIn::Keyring, None));
        assert_eq!(entry(&store).get_password().unwrap(), "next");
    }
}

#[derive(Debug, thiserror::Error)]
#[error("org.freedesktop.DBus.Error.ServiceUnknown: org.freedesktop.secrets was not provided")]
struct ServiceUnknown;

#[tokio::test]
async fn a_trial_comes_before_the_token() {
    let (tokens, store) = with_mock(true);
    let trial = store.build("ro-co", &format!("trial {}", std::process::id()), None).unwrap();
    break_next(&trial, Error::NoStorageAccess("Prompt dismissed".into()));
    tokens.save(secret("token")).await;
    assert_eq!(tokens.state().kept, StoredIn::Memory);
    assert!(
        matches!(entry(&store).get_password(), Err(Error::NoEntry)),
        "nothing was tried with the token itself"
    );
    tokens.save(secret("token")).await;
    assert!(matches!(trial.get_password(), Err(Error::NoEntry)), "nothing is left of the trial");
}

#[tokio::test]
async fn no_bus_at_all() {
    let tokens =
        tokens(Ring::new("local", Box::new(|| Err(Error::PlatformFailure("NotFound".into())))), true);
    assert_eq!(loaded(&tokens).await, None);
    tokens.save(secret("token")).await;
    assert_eq!(tokens.state().reason.unwrap().as_str(), "no keyring service");
    assert_eq!(loaded(&tokens).await.unwrap(), "token");
}

#[tokio::test]
async fn a_restarted_service_is_found_again_at_once() {
    let stores = [mock::Store::new().unwrap(), mock::Store::new().unwrap()];
    let (opened, next) = (Arc::new(AtomicUsize::new(0)), stores.clone());
    let count = Arc::clone(&opened);
    let open = move || -> Result<Arc<CredentialStore>, Error> {
        Ok(Arc::clone(&next[count.fetch_add(1, Ordering::SeqCst).min(1)]) as _)
    };
    let tokens = tokens(Ring::new("local", Box::new(open)), false);
    tokens.save(secret("first")).await;
    tokens.save(secret("second")).await;
    assert_eq!(opened.load(Ordering::SeqCst), 1, "opened once while it works");
    let old: Arc<CredentialStore> = stores[0].clone();
    break_next(&entry(&old), Error::PlatformFailure("org.freedesktop.Secret.Error.NoSession".into()));
    tokens.save(secret("third")).await;
    assert_eq!(opened.load(Ordering::SeqCst), 2);
    let new: Arc<CredentialStore> = stores[1].clone();
    assert_eq!(entry(&new).get_password().unwrap(), "third");
    assert_eq!(tokens.state().kept, StoredIn::Keyring);
}

/// A keyring that opens only when told to, as one that waits for a person.
fn hanging() -> (Tokens, Arc<CredentialStore>, mpsc::Sender<()>) {
    let store: Arc<CredentialStore> = mock::Store::new().unwrap();
    let same = Arc::clone(&store);
    let (answer, wait) = mpsc::channel::<()>();
    let (wait, opened) = (Mutex::new(wait), AtomicBool::new(false));
    let open = move || -> Result<Arc<CredentialStore>, Error> {
        if !opened.swap(true, Ordering::SeqCst) {
            wait.lock().unwrap().recv().unwrap();
        }
        Ok(Arc::clone(&same))
    };
    let ring = Ring::new("local", Box::new(open));
    (Tokens::at(TokenCopy::Ring { ring, probe: false }, None, None, SHORT), store, answer)
}

#[tokio::test]
async fn a_hanging_keyring_holds_up_nobody_and_gets_the_latest_token_in_the_end() {
    let (tokens, store, answer) = hanging();
    let mut changes = tokens.changes();
    tokens.save(secret("first")).await;
    assert_eq!(tokens.state().reason.unwrap().as_str(), "the keyring does not answer");
    let start = std::time::Instant::now();
    tokens.save(secret("second")).await;
    assert!(start.elapsed() < SHORT.background, "known to hang, so not waited for again");
    assert_eq!(loaded(&tokens).await.unwrap(), "second");
    answer.send(()).unwrap();
    let limit = Duration::from_secs(10);
    tokio::time::timeout(limit, changes.wait_for(|state| state.kept == StoredIn::Keyring))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(entry(&store).get_password().unwrap(), "second");
}

#[tokio::test]
async fn a_person_is_told_that_the_keyring_waits_for_them() {
    let (tokens, store, answer) = hanging();
    entry(&store).set_password("kept").unwrap();
    let mut changes = tokens.changes();
    let loading = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.load(WaitMode::Interactive).await }
    });
    changes.wait_for(|state| state.waiting).await.unwrap();
    answer.send(()).unwrap();
    assert_eq!(loading.await.unwrap().unwrap().expose_secret(), "kept");
    assert_eq!(
        tokens.state(),
        TokenState { kept: StoredIn::Keyring, meant: StoredIn::Keyring, reason: None, waiting: false }
    );
}

#[tokio::test]
async fn signing_in_while_an_old_token_is_being_read() {
    let (tokens, store, answer) = hanging();
    entry(&store).set_password("old").unwrap();
    let loading = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.load(WaitMode::Interactive).await }
    });
    tokens.changes().wait_for(|state| state.waiting).await.unwrap();
    tokens.save(secret("new")).await;
    answer.send(()).unwrap();
    assert_eq!(loading.await.unwrap().unwrap().expose_secret(), "new");
    assert_eq!(loaded(&tokens).await.unwrap(), "new");
    assert_eq!(entry(&store).get_password().unwrap(), "new");
}

#[tokio::test]
async fn a_file_only_on_request_and_nothing_for_none() {
    let dir = tempfile::tempdir().unwrap();
    let state = || Some(dir.path().join("ro-co"));
    let file = Tokens::new(TokenStoreChoice::File, "http://127.0.0.1:1", state());
    file.save(secret("token")).await;
    assert_eq!(file.state().kept, StoredIn::File);
    let again = Tokens::new(TokenStoreChoice::File, "http://127.0.0.1:1", state());
    assert_eq!(loaded(&again).await.unwrap(), "token");
    let none = Tokens::new(TokenStoreChoice::None, "http://127.0.0.1:1", state());
    none.save(secret("token")).await;
    assert_eq!((none.state().kept, none.state().reason), (StoredIn::Memory, None));
    assert_eq!(loaded(&none).await.unwrap(), "token");
    let homeless = Tokens::new(TokenStoreChoice::File, "x", None);
    assert!(homeless.state().reason.is_some());
}

#[tokio::test]
async fn the_key_of_a_refresh_has_an_entry_of_its_own_until_the_next_token_is_saved() {
    let (tokens, store) = with_mock(false);
    tokens.save(secret("first")).await;
    let key = tokens.refresh_key(&secret("first")).await;
    let kept = store.build("ro-co", "refresh-key local", None).unwrap();
    assert!(kept.get_password().unwrap().ends_with(&key));
    assert_eq!(entry(&store).get_password().unwrap(), "first", "as an older release reads it");
    assert_eq!(tokens.refresh_key(&secret("first")).await, key);
    tokens.save(secret("second")).await;
    assert!(matches!(kept.get_password(), Err(Error::NoEntry)));
    assert_ne!(tokens.refresh_key(&secret("second")).await, key);
}

#[tokio::test]
async fn a_refresh_goes_on_without_a_keyring() {
    let tokens =
        tokens(Ring::new("local", Box::new(|| Err(Error::PlatformFailure("NotFound".into())))), true);
    tokens.save(secret("token")).await;
    let key = tokens.refresh_key(&secret("token")).await;
    assert_eq!(tokens.refresh_key(&secret("token")).await, key, "kept in memory");
}
