//! Bytes of the release before, read by today's code: what schedulers and workers of neighbouring releases say to each other
//! while one is replaced by the other.
//!
//! `version_1.txt` holds one message a line: its name and its bytes in hexadecimal. It is written anew, on purpose, when a
//! release is made, so that it always is of the release before:
//!
//! ```sh
//! PITON_GOLDEN=write cargo nextest run -p piton-transport golden
//! ```

mod samples;
mod values;

use std::{
    collections::BTreeMap,
    env,
    fmt::{self, Write as _},
    fs,
    path::PathBuf,
};

use piton_shared::message::envelope;
use serde::{Serialize, de::DeserializeOwned};

/// Says whether bytes are read as a message.
type Read = Box<dyn Fn(&[u8]) -> Result<(), String>>;

/// A message, what it is sealed as, and whether bytes are read as the same.
pub(super) struct Sample {
    name: &'static str,
    sealed: Vec<u8>,
    read: Read,
}

fn sample<T>(name: &'static str, message: T) -> Sample
where
    T: Serialize + DeserializeOwned + PartialEq + fmt::Debug + 'static,
{
    let sealed = envelope::seal(&message).expect("it is small");
    let read = Box::new(move |bytes: &[u8]| match envelope::open::<T>(bytes) {
        Ok(read) if read == message => Ok(()),
        Ok(read) => Err(format!("is read as {read:?}, and was {message:?}")),
        Err(error) => Err(error.to_string()),
    });
    Sample { name, sealed, read }
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/transport/golden/version_1.txt")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text takes all that is written to it");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |place: usize| text.get(place..place + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..text.len()).step_by(2).map(|place| digit(place).expect("two digits a byte")).collect()
}

#[test]
fn golden_messages_of_the_release_before_are_read() {
    let samples = samples::all();
    if env::var("PITON_GOLDEN").is_ok_and(|value| value == "write") {
        let lines: Vec<_> = samples.iter().map(|sample| format!("{} {}\n", sample.name, hex(&sample.sealed))).collect();
        fs::write(file(), lines.concat()).expect("it can be written");
    }
    let text = fs::read_to_string(file()).expect("it is kept beside this test");
    let golden: BTreeMap<&str, Vec<u8>> =
        text.lines().filter_map(|line| line.split_once(' ')).map(|(name, bytes)| (name, unhex(bytes))).collect();
    let mut wrong = Vec::new();
    for sample in &samples {
        // A message that is new since then has no bytes of the release before.
        if let Some(Err(why)) = golden.get(sample.name).map(|bytes| (sample.read)(bytes)) {
            wrong.push(format!("{} {why}", sample.name));
        }
    }
    let gone: Vec<_> = golden.keys().filter(|name| samples.iter().all(|sample| sample.name != **name)).collect();
    assert!(wrong.is_empty(), "the release before would not be understood:\n{}", wrong.join("\n"));
    assert!(gone.is_empty(), "these messages of the release before are read by nothing: {gone:?}");
    assert!(golden.len() >= 50, "only {} messages are kept", golden.len());
}

/// What a newer release of the same version may add is passed over.
#[test]
fn golden_fields_of_the_release_after_are_passed_over() {
    #[derive(Serialize)]
    struct Newer {
        run: piton_shared::ids::RunId,
        epoch: u32,
        added: Vec<String>,
    }
    let run = values::run();
    let newer = envelope::seal(&Newer { run, epoch: 3, added: vec!["x".to_owned()] }).expect("it is small");
    let read: piton_shared::message::task::RunTask = envelope::open(&newer).expect("it reads");
    assert_eq!((read.run, read.epoch.0), (run, 3));
}
