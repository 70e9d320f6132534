//! Places where tests freeze or kill a worker, with the feature `failpoints`; without it there are none.

/// Stops here as a test has configured under `worker::<name>`.
macro_rules! failpoint {
    ($name:literal) => {
        fail::fail_point!(concat!("worker::", $name));
    };
    // Leaves the function with this value where a test has configured `return`.
    ($name:literal, $value:expr) => {
        fail::fail_point!(concat!("worker::", $name), |_| $value);
    };
}

pub(super) use failpoint;
