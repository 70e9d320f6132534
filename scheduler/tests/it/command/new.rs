use super::{done, piton};

#[tokio::test]
async fn a_project_is_made_once_and_never_over_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("my-worker");
    let name = path.to_str().expect("the tests' folders are UTF-8");
    let made = done(piton(["new", name, "--json"])).await;
    assert_eq!(made.code, Some(0), "{}", made.err);
    assert_eq!(made.json()["name"], "my-worker");
    let manifest = std::fs::read_to_string(path.join("Cargo.toml")).expect("it was made");
    assert!(manifest.contains("name = \"my-worker\""), "{manifest}");
    // The program under test lies in a checkout.
    assert!(manifest.contains("piton = { path = \"/"), "{manifest}");
    assert!(!manifest.contains("{{"), "{manifest}");
    let main = std::fs::read_to_string(path.join("src/main.rs")).expect("it was made");
    assert!(main.contains("#[workflow(triggers(event(\"user.signed_up\")))]"));
    // `cargo test` in it tests something.
    assert!(main.contains("TestEngine"));

    std::fs::write(path.join("src/main.rs"), "mine").expect("it is written");
    let again = done(piton(["new", name])).await;
    assert_eq!(again.code, Some(4));
    assert!(again.err.contains("is there already"), "{}", again.err);
    assert_eq!(std::fs::read_to_string(path.join("src/main.rs")).expect("it is there"), "mine");

    let wrong = done(piton(["new", "2fast"])).await;
    assert_eq!(wrong.code, Some(2));
    let elsewhere = folder.path().to_str().expect("the tests' folders are UTF-8");
    let no_sdk = done(piton(["new", "other", "--piton", elsewhere])).await;
    assert_eq!(no_sdk.code, Some(2), "{}", no_sdk.err);
}
