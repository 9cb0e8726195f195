//! Source pictures that providers have already.

use imagemill_domain::hash::ContentHash;
use imagemill_store::GivenPicture;

use crate::lab::{Lab, T0};

fn given(account: &str, address: &str, given_us: i64, ends_us: i64) -> GivenPicture {
    let content = ContentHash::of(b"reference");
    GivenPicture { account: account.into(), content, address: address.into(), given_us, ends_us }
}

#[tokio::test]
async fn an_address_is_found_by_its_account_and_content_until_it_ends() {
    let lab = Lab::new().await;
    let (uploads, content) = (lab.store.uploads(), ContentHash::of(b"reference"));
    uploads.keep(given("a https://a", "first", T0, T0 + 10)).await.unwrap();
    let find = async |account: &str, now_us| uploads.find(account, content, now_us).await.unwrap();
    assert_eq!(find("a https://a", T0 + 9).await.as_deref(), Some("first"));
    assert_eq!(find("a https://a", T0 + 10).await, None, "it ended");
    assert_eq!(find("a https://b", T0).await, None, "another server");
    assert_eq!(uploads.find("a https://a", ContentHash::of(b"other"), T0).await.unwrap(), None);
    uploads.keep(given("a https://a", "second", T0 + 2, T0 + 20)).await.unwrap();
    assert_eq!(find("a https://a", T0 + 11).await.as_deref(), Some("second"));
}

#[tokio::test]
async fn what_was_given_since_is_not_forgotten() {
    let lab = Lab::new().await;
    let (uploads, content) = (lab.store.uploads(), ContentHash::of(b"reference"));
    uploads.keep(given("a", "new", T0 + 5, T0 + 99)).await.unwrap();
    uploads.forget("a", content, T0 + 5).await.unwrap();
    assert!(uploads.find("a", content, T0 + 6).await.unwrap().is_some(), "another task gave it anew");
    uploads.forget("a", content, T0 + 6).await.unwrap();
    assert_eq!(uploads.find("a", content, T0 + 6).await.unwrap(), None);
}
