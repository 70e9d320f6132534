//! Places where tests stop a scheduler, or have it lose what it was about to say, with the feature `failpoints`; without
//! it there are none.

/// Stops here as a test has configured under `scheduler::<name>`. Needs an async function: what stops holds no thread of
/// the runtime.
macro_rules! failpoint {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        $crate::failpoint::pass(concat!("scheduler::", $name)).await;
    };
    // Leaves the function, with this value if any, where a test has configured `return`: as if the process had ended.
    ($name:literal, return) => {
        #[cfg(feature = "failpoints")]
        if let $crate::failpoint::Passage::Left = $crate::failpoint::pass(concat!("scheduler::", $name)).await {
            return;
        }
    };
    ($name:literal, $value:expr) => {
        #[cfg(feature = "failpoints")]
        if let $crate::failpoint::Passage::Left = $crate::failpoint::pass(concat!("scheduler::", $name)).await {
            return $value;
        }
    };
}

pub(crate) use failpoint;

/// Whether a scheduler gets past a failpoint.
#[cfg(feature = "failpoints")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    /// It goes on.
    On,
    /// It leaves.
    Left,
}

#[cfg(feature = "failpoints")]
pub(crate) async fn pass(name: &'static str) -> Passage {
    if fail::list().is_empty() {
        return Passage::On;
    }
    let passing = move || {
        fail::fail_point!(name, |_| Passage::Left);
        Passage::On
    };
    tokio::task::spawn_blocking(passing).await.unwrap_or(Passage::On)
}
