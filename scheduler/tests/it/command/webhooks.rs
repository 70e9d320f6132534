use std::fs::{File, read_to_string};

use super::{
    Done, Running,
    dev::{dev, folder},
    done,
};

const SECRET: &str = "PITON_WEBHOOK_SECRET";

/// A command with a secret in its environment.
async fn with<const N: usize>(stack: &Running, secret: &str, arguments: [&str; N]) -> Done {
    let mut command = stack.piton(arguments);
    command.env(SECRET, secret);
    done(command).await
}

#[tokio::test]
async fn a_webhook_from_its_address_to_its_end() {
    let folder = folder();
    let log = folder.path().join("log");
    let mut command = dev(&folder, &[]);
    command.env("PITON_LOG", "trace").stderr(File::create(&log).expect("a file"));
    let stack = Running::start(command).await;

    let made = done(stack.piton(["webhook", "add", "pay", "--provider", "stripe", "--json"])).await.json();
    let secret = made["secret"].as_str().expect("it is shown once").to_owned();
    let shown = done(stack.piton(["webhook", "show", "pay"])).await;
    assert!(shown.out.contains(made["path"].as_str().expect("a path")), "{}", shown.out);

    let event = "payment_intent.succeeded";
    let sent = with(&stack, &secret, ["webhook", "send", "pay", "--event", event, "--id", "evt_1"]).await;
    assert_eq!(sent.code, Some(0), "{}{}", sent.out, sent.err);
    assert!(sent.out.contains("200 accepted") && sent.out.contains("no trigger matches"), "{}", sent.out);
    let again = with(&stack, &secret, ["webhook", "send", "pay", "--event", event, "--id", "evt_1", "--json"]).await;
    assert_eq!(again.json()["answer"]["outcome"], "repeated");
    // By its address alone, as from anywhere.
    let url = format!("{}{}", stack.url(), made["path"].as_str().expect("a path"));
    let sent = with(&stack, &secret, ["webhook", "send", &url, "--provider", "stripe", "--json"]).await;
    assert_eq!(sent.json()["answer"]["outcome"], "accepted");

    for wrong in ["--wrong-signature", "--stale"] {
        let refused = with(&stack, &secret, ["webhook", "send", "pay", wrong]).await;
        assert_eq!(refused.code, Some(4), "{}", refused.out);
        assert!(refused.out.contains("401"), "{}", refused.out);
    }
    let unsigned = done(stack.piton(["webhook", "send", "pay"])).await;
    assert_eq!(unsigned.code, Some(2));
    assert!(unsigned.err.contains(SECRET), "{}", unsigned.err);

    let new = "a-new-secret-of-the-provider";
    let added = with(&stack, new, ["webhook", "secret", "add", "pay", "--json"]).await.json();
    assert_eq!(added["hint"], "…ider");
    assert_eq!(with(&stack, new, ["webhook", "send", "pay"]).await.code, Some(0));
    let old = made["secrets"][0]["id"].as_str().expect("an id");
    assert_eq!(done(stack.piton(["webhook", "secret", "remove", "pay", old])).await.code, Some(0));
    assert_eq!(with(&stack, &secret, ["webhook", "send", "pay"]).await.code, Some(4));

    let page = done(stack.piton(["webhook", "deliveries", "pay", "--verdict", "refused", "--json"])).await.json();
    let refused = page["deliveries"].as_array().expect("a list").clone();
    assert_eq!(refused.len(), 3);
    let id = refused[0]["id"].as_str().expect("an id");
    let one = done(stack.piton(["webhook", "delivery", id])).await;
    assert!(one.out.contains("no signature was made with a secret"), "{}", one.out);

    assert!(done(stack.piton(["webhook", "pause", "pay"])).await.out.contains("paused"));
    assert_eq!(with(&stack, new, ["webhook", "send", "pay"]).await.code, Some(5), "come back");
    assert!(done(stack.piton(["webhook", "resume", "pay"])).await.out.contains("active"));
    let list = done(stack.piton(["webhook", "list", "--json"])).await.json();
    assert_eq!(list["webhooks"].as_array().map(Vec::len), Some(1));
    assert_eq!(done(stack.piton(["webhook", "remove", "pay"])).await.code, Some(0));
    assert_eq!(done(stack.piton(["webhook", "show", "pay"])).await.code, Some(3));

    assert_eq!(stack.stop("-INT").await, Some(0));
    let log = read_to_string(&log).expect("it was written");
    assert!(log.contains("made a webhook"), "it logs what it does");
    for secret in [&*secret, new] {
        assert!(!log.contains(secret), "nothing of a secret is logged, whatever is logged");
    }
}
