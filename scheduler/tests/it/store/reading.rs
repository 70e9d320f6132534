//! What callers and workers read, page by page.

use piton_scheduler::{
    api::Scopes,
    store::{NewKey, NewRun, Placement, RunFilter},
};
use piton_shared::{
    ids::{AttemptId, KeyId},
    limits::DEDUPE_WINDOW,
    message::{append::Next, read::More},
    name::Org,
    state::RunState,
};

use crate::{
    database::Database,
    making::{ORG, With, fresh, new_run, payload},
};

#[tokio::test]
async fn runs_are_listed_newest_first_page_by_page() {
    let db = Database::new("reading_list").await;
    let mut ids = Vec::new();
    for number in 0..7 {
        let mut run = new_run(Placement::Queued);
        run.workflow = if number % 2 == 0 { "even".into() } else { "odd".into() };
        run.session = (number == 3).then(|| "s".into());
        ids.push(run.id);
        let runs: [NewRun; 1] = [run];
        db.store.intake(&runs, DEDUPE_WINDOW).await.expect("accepted");
    }
    ids.sort();
    ids.reverse();
    let list = async |filter: RunFilter, rows| {
        let rows = db.store.runs(&ORG, &filter, rows).await.expect("listed");
        rows.iter().map(|row| row.run).collect::<Vec<_>>()
    };
    let first = list(RunFilter::default(), 3).await;
    assert_eq!(first, ids[..3]);
    let before = RunFilter { before: first.last().copied(), ..RunFilter::default() };
    assert_eq!(list(before, 10).await, ids[3..]);
    let even = RunFilter { workflow: Some("even".into()), ..RunFilter::default() };
    assert_eq!(list(even, 10).await.len(), 4);
    let session = RunFilter { session: Some("s".into()), ..RunFilter::default() };
    assert_eq!(list(session, 10).await.len(), 1);
    let tag = RunFilter { tag: Some("t".into()), ..RunFilter::default() };
    assert_eq!(list(tag, 10).await, Vec::new());
    for (state, count) in [(RunState::Queued, 7), (RunState::Killed, 0)] {
        let filter = RunFilter { state: Some(state), ..RunFilter::default() };
        assert_eq!(list(filter, 10).await.len(), count);
    }
    db.finish().await;
}

#[tokio::test]
async fn a_journal_is_read_in_pages_and_only_by_its_holder() {
    let db = Database::new("reading_journal").await;
    let hold = db.held(db.worker().await).await;
    let keys: Vec<String> = (0..25).map(|number| format!("k{number:02}#1")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    db.append(hold.rows(1, &keys)).await;
    let mut read = Vec::new();
    let mut after = None;
    loop {
        let (page, more) = db.store.journal_page(hold.run, after.as_ref(), 10).await.expect("read");
        after = page.last().map(|entry| entry.key.clone());
        read.extend(page);
        if more == More::End {
            break;
        }
    }
    let found: Vec<_> = read.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(found, keys);
    assert_eq!(read[0].outcome, Ok(payload(keys[0])));
    assert_eq!(read[0].worker, Some(hold.worker));
    let holds = async |attempt| db.store.holds(hold.run, attempt, hold.worker).await.expect("looked");
    assert!(holds(hold.attempt).await);
    assert!(!holds(AttemptId::new(fresh())).await);
    let input = db.store.held_input(hold.run, hold.attempt, hold.worker).await;
    assert_eq!(input.expect("read"), Some(payload("input")));
    db.append(hold.append(1, Next::Complete(payload("x")))).await;
    assert!(!holds(hold.attempt).await);
    assert_eq!(db.store.ended_of(&[hold.run]).await.expect("looked"), [hold.run]);
    db.finish().await;
}

#[tokio::test]
async fn failed_tries_are_counted_per_attempt_and_shown_in_order() {
    let db = Database::new("reading_tries").await;
    let hold = db.held(db.worker().await).await;
    let append = hold.append(0, Next::GoOn).with_failed_try("a#1", 1).with_failed_try("a#1", 2);
    db.append(append).await;
    let tries = db.store.tries_of(hold.run, 10).await.expect("read");
    assert_eq!(tries.len(), 2);
    assert_eq!((tries[0].name.as_str(), tries[0].worker), ("charge", hold.worker));
    db.finish().await;
}

#[tokio::test]
async fn the_database_clock_is_read_in_milliseconds() {
    let db = Database::new("reading_clock").await;
    let read = db.store.database_time().await.expect("read");
    assert!(read > 1_700_000_000_000, "{read}");
    db.finish().await;
}

#[tokio::test]
async fn a_key_is_found_by_its_prefix_until_it_is_revoked() {
    let db = Database::new("reading_keys").await;
    let nobody = Org::new("nobody").expect("a name");
    let (key, hash) = (KeyId::new(fresh()), [7; 32]);
    let create = async |org: &Org| {
        let (name, prefix, scopes) = ("ci", "pk_1", Scopes::DEFAULT);
        let new = NewKey { key, org, name, prefix, hash, scopes, lifetime: None, created_by: None };
        db.store.key_create(&new).await
    };
    assert!(create(&nobody).await.expect("answered").is_none(), "no such org");
    assert!(create(&ORG).await.expect("answered").is_some());
    assert!(create(&ORG).await.is_err(), "the prefix is taken");
    let found = db.store.key_find("pk_1").await.expect("looked").expect("it is there");
    assert_eq!((found.key, found.org, found.hash), (key, ORG, hash.to_vec()));
    assert!(db.store.key_find("pk_2").await.expect("looked").is_none());
    assert!(db.store.key_list(&nobody, 10).await.expect("listed").is_empty());
    assert!(db.store.key_revoke(key, &nobody).await.expect("answered").is_none());
    for expected in [Some(key), None] {
        assert_eq!(db.store.key_revoke(key, &ORG).await.expect("answered"), expected);
    }
    assert!(db.store.key_find("pk_1").await.expect("looked").is_none());
    assert!(db.store.key_list(&ORG, 10).await.expect("listed")[0].revoked_at.is_some());
    let newer = ["pk_3", "pk_4"].map(|prefix| (KeyId::new(fresh()), prefix));
    for (key, prefix) in newer {
        let (org, name, scopes) = (&ORG, "ci", Scopes::DEFAULT);
        let new = NewKey { key, org, name, prefix, hash, scopes, lifetime: None, created_by: None };
        assert!(db.store.key_create(&new).await.expect("answered").is_some());
    }
    let shown = db.store.key_list(&ORG, 2).await.expect("listed");
    let shown: Vec<_> = shown.into_iter().map(|row| row.prefix).collect();
    assert_eq!(shown, newer.map(|(_, prefix)| prefix), "the newest, in their order");
    db.finish().await;
}
