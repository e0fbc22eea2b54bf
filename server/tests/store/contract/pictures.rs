//! Pictures.

use std::sync::Arc;

use ro_co_shared::{Content, UserId};

use super::make::{T0, at, user};
use crate::store::{AvatarImage, Store};

fn image(text: &str) -> AvatarImage {
    AvatarImage { svg: format!("<svg><title>{text}</title></svg>"), created_at: T0 }
}

pub(super) async fn what_goes_in_comes_out(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    assert_eq!(store.avatar(ada, 0).await.unwrap(), None);
    // As big as they come.
    let large = AvatarImage { svg: "🤖".repeat(64 * 1024), created_at: at(-1) };
    for one in [image("first"), large] {
        assert!(store.keep_avatar(ada, 0, &one).await.unwrap());
        assert_eq!(store.avatar(ada, 0).await.unwrap(), Some(one));
        assert_eq!(store.avatar(ada, 1).await.unwrap(), None);
    }
    assert!(store.keep_avatar(UserId::DELETED, 0, &image("nobody")).await.unwrap());
    assert_eq!(store.avatar(UserId::DELETED, 0).await.unwrap(), Some(image("nobody")));
}

pub(super) async fn a_new_seed_drops_the_picture(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    store.keep_avatar(ada, 0, &image("old")).await.unwrap();
    let changed = store.set_avatar_seed(ada, "new seed").await.unwrap();
    assert_eq!((changed.avatar_version, changed.avatar_seed.as_str()), (1, "new seed"));
    assert!(store.account(ada).await.unwrap() == changed);
    assert_eq!(store.avatar(ada, 0).await.unwrap(), None);
    assert_eq!(store.avatar(ada, 1).await.unwrap(), None);
    // A new name keeps the picture.
    store.keep_avatar(ada, 1, &image("new")).await.unwrap();
    store.rename(ada, &"Countess".parse().unwrap()).await.unwrap();
    assert_eq!(store.avatar(ada, 1).await.unwrap(), Some(image("new")));
}

pub(super) async fn a_picture_that_comes_late_is_not_kept(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    store.set_avatar_seed(ada, "second").await.unwrap();
    assert!(!store.keep_avatar(ada, 0, &image("late")).await.unwrap());
    assert!(!store.keep_avatar(ada, 2, &image("early")).await.unwrap());
    assert_eq!(store.avatar(ada, 0).await.unwrap(), None);
    assert!(store.keep_avatar(ada, 1, &image("right")).await.unwrap());
    assert!(!store.keep_avatar(ada, 0, &image("late")).await.unwrap());
    assert_eq!(store.avatar(ada, 1).await.unwrap(), Some(image("right")));
    assert!(!store.keep_avatar(UserId::new(), 0, &image("nobody")).await.unwrap());
}

pub(super) async fn go_with_their_account(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    store.keep_avatar(ada, 0, &image("hers")).await.unwrap();
    store.delete_account(ada, Content::Erase).await.unwrap();
    assert_eq!(store.avatar(ada, 0).await.unwrap(), None);
    assert!(!store.keep_avatar(ada, 0, &image("late")).await.unwrap());
}
