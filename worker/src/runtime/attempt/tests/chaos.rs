//! Random workflows under random mishaps: whatever happens, the run ends as its journal says, and no result that is
//! pinned is computed again.

use piton_shared::message::append::Next;
use proptest::prelude::*;

use super::{
    plan::{encode, plans},
    play::Play,
    world::State,
};

/// What happens next. The number chooses among what is possible.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    Claim,
    EndTry(usize),
    /// The append reaches the scheduler.
    Commit,
    /// The scheduler's answer reaches the worker.
    Answer,
    /// It does not: the append is sent again.
    LoseAnswer,
    Wake,
    LoseWake,
    RepeatWakes,
    ReadOutside,
    ReadJournal,
    Pass(u64),
    Crash,
    LeaseEnds,
    Lapse,
    Renew,
    Drain,
    Cancel,
    /// Another's result for a step that is executed here.
    Steal(usize),
    /// A try of a step that was given away.
    Execute(usize),
    EndBatch(usize),
    ReadState(usize),
    Fetch,
    /// Another run of the session counts up.
    Meddle,
    Pause,
    Unpause,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => Just(Event::Claim),
        10 => (0_usize..8).prop_map(Event::EndTry),
        10 => Just(Event::Commit),
        10 => Just(Event::Answer),
        2 => Just(Event::LoseAnswer),
        5 => Just(Event::Wake),
        2 => Just(Event::LoseWake),
        1 => Just(Event::RepeatWakes),
        3 => Just(Event::ReadOutside),
        4 => Just(Event::ReadJournal),
        4 => (0_u64..90_000).prop_map(Event::Pass),
        1 => Just(Event::Crash),
        1 => Just(Event::LeaseEnds),
        1 => Just(Event::Lapse),
        2 => Just(Event::Renew),
        1 => Just(Event::Drain),
        1 => Just(Event::Cancel),
        1 => (0_usize..8).prop_map(Event::Steal),
        6 => (0_usize..8).prop_map(Event::Execute),
        4 => (0_usize..8).prop_map(Event::EndBatch),
        6 => (0_usize..8).prop_map(Event::ReadState),
        4 => Just(Event::Fetch),
        3 => Just(Event::Meddle),
        1 => Just(Event::Pause),
        2 => Just(Event::Unpause),
    ];
    prop::collection::vec(event, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_run_ends_as_its_journal_says_whatever_happens(plan in plans(), events in events()) {
        let mut play = Play::new(plan.clone());
        let disturbed = events.iter().any(|event| matches!(event, Event::Cancel | Event::Steal(_)));
        for event in events {
            play.happen(event);
        }
        play.finish();
        play.world.check_ended();
        play.check_counter();
        if !disturbed && plan.is_settled() {
            let expected = Next::Complete(encode(plan.expected(0)));
            prop_assert_eq!(&play.world.state, &State::Ended(expected));
        }
    }

    #[test]
    fn without_mishaps_each_function_succeeds_once(plan in plans()) {
        let mut play = Play::new(plan);
        play.finish();
        play.world.check_ended();
        let mut begun: Vec<_> = play.begun.iter().map(|(key, _, number)| (key.clone(), *number)).collect();
        begun.sort();
        let tries = begun.len();
        begun.dedup();
        prop_assert_eq!(tries, begun.len());
    }
}
