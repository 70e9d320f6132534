use super::{done, piton};

#[tokio::test]
async fn a_server_that_is_away_is_said_to_be() {
    let away = done(piton(["run", "list", "--url", "http://127.0.0.1:1"])).await;
    assert_eq!((away.code, &*away.out), (Some(5), ""));
    insta::assert_snapshot!(away.err);
}

#[tokio::test]
async fn a_command_that_is_not_understood_is_2() {
    let commands: [&[&str]; 5] = [
        &["run", "strat"],
        &["run", "list", "--state", "done"],
        &["run", "start", "order", "--input", "{"],
        &["run", "start", "order", "--wait=soon"],
        &["serve"],
    ];
    for command in commands {
        let refused = done(piton(command)).await;
        assert_eq!((refused.code, &*refused.out), (Some(2), ""), "{command:?}");
        assert!(!refused.err.is_empty());
    }
    assert_eq!(done(piton(["--help"])).await.code, Some(0));
    assert_eq!(done(piton(["--version"])).await.code, Some(0));
}

#[tokio::test]
async fn a_database_that_is_away_is_said_to_be() {
    let url = "postgres://nobody@127.0.0.1:1/none";
    let away = done(piton(["migrate", "--database-url", url])).await;
    assert_eq!(away.code, Some(5), "{}", away.err);
    let report = done(piton([
        "doctor",
        "--database-url",
        url,
        "--nats-url",
        "nats://127.0.0.1:1",
        "--url",
        "http://127.0.0.1:1",
    ]))
    .await;
    assert_eq!(report.code, Some(1), "{}", report.out);
    for problem in ["problem  database", "problem  NATS"] {
        assert!(report.out.contains(problem), "{}", report.out);
    }
}

#[tokio::test]
async fn a_key_that_no_header_can_carry_is_said_to_be_one() {
    for key in ["pk_1\n", "pk 1", "pk_ü"] {
        let mut command = piton(["run", "list", "--url", "http://127.0.0.1:1"]);
        command.env("PITON_API_KEY", key);
        let refused = done(command).await;
        assert_eq!((refused.code, &*refused.out), (Some(2), ""), "{}", refused.err);
        assert!(
            refused.err.contains("PITON_API_KEY is no API key") && !refused.err.contains("reached"),
            "{}",
            refused.err
        );
    }
}
