use super::*;

impl Passwords {
    async fn hash(&self, password: &str) -> String {
        self.reserve(Requester::LOCAL).unwrap().hash(password).await.unwrap()
    }

    async fn verify(&self, password: &str, stored: Option<&str>) -> Verdict {
        self.reserve(Requester::LOCAL).unwrap().verify(password, stored).await.unwrap()
    }
}

#[tokio::test]
async fn right_is_right_and_wrong_is_wrong() {
    let passwords = Passwords::new();
    let hash = passwords.hash("correct horse battery").await;
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert_eq!(passwords.verify("correct horse battery", Some(&hash)).await, Verdict::Right);
    assert_eq!(passwords.verify("correct horse batterz", Some(&hash)).await, Verdict::Wrong);
    assert_ne!(passwords.hash("correct horse battery").await, hash, "each hash has its own salt");
}

#[tokio::test]
async fn no_hash_is_no_password() {
    let passwords = Passwords::new();
    assert_eq!(passwords.verify("anything", None).await, Verdict::Wrong);
    assert_eq!(passwords.verify("", Some("")).await, Verdict::Wrong);
    assert_eq!(passwords.verify("x", Some("$2b$12$abcdefghijklmnopqrstuv")).await, Verdict::Wrong);
}

#[tokio::test]
async fn a_bcrypt_hash_is_good_for_one_sign_in_and_the_whole_password_counts_from_then_on() {
    let passwords = Passwords::new();
    let typed = "correct horse battery staple, ".repeat(4);
    let old = ::bcrypt::hash_with_salt(&typed, 4, [7; 16]).unwrap().to_string();
    assert_eq!(passwords.verify("another", Some(&old)).await, Verdict::Wrong);
    let Verdict::Rehashed(new) = passwords.verify(&typed, Some(&old)).await else {
        panic!("not rehashed");
    };
    assert!(new.starts_with("$argon2id$"), "{new}");
    assert_eq!(passwords.verify(&typed, Some(&new)).await, Verdict::Right);
    assert_eq!(passwords.verify(&typed[..72], Some(&new)).await, Verdict::Wrong);
}

#[tokio::test]
async fn a_bcrypt_hash_holds_no_place_in_the_queue_of_the_others() {
    let passwords = Passwords::new();
    let slots: Vec<_> =
        std::iter::from_fn(|| passwords.reserve(Requester::LOCAL).ok()).take(queue::MAX_WAITING).collect();
    assert!(passwords.reserve(Requester::LOCAL).is_err());
    let old = ::bcrypt::hash_with_salt("old", 4, [7; 16]).unwrap().to_string();
    let mut slots = slots.into_iter();
    let first = slots.next().unwrap();
    assert_eq!(first.verify("another", Some(&old)).await, Ok(Verdict::Wrong));
    assert!(passwords.reserve(Requester::LOCAL).is_ok(), "its place is free");
}
