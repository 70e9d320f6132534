//! The kinds of work that lie in streams: each has a stream of its own.

use piton_shared::{
    message::{dispatch::StepTask, task::RunTask},
    name::{Build, Org, Queue},
    subject::Subjects,
};
use serde::{Serialize, de::DeserializeOwned};

/// A task, and where tasks of its kind lie.
pub trait Work: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The stream's name.
    fn stream(subjects: &Subjects) -> String;
    /// What the stream holds.
    fn stream_subjects(subjects: &Subjects) -> String;
    /// The consumer of a queue, or of a queue and a build.
    fn consumer(org: &Org, queue: &Queue, build: Option<&Build>) -> String;
    /// The one filter of that consumer.
    fn consumer_filter(subjects: &Subjects, org: &Org, queue: &Queue, build: Option<&Build>) -> String;
}

impl Work for RunTask {
    fn stream(subjects: &Subjects) -> String {
        subjects.run_stream()
    }

    fn stream_subjects(subjects: &Subjects) -> String {
        subjects.run_stream_subjects()
    }

    fn consumer(org: &Org, queue: &Queue, build: Option<&Build>) -> String {
        Subjects::run_consumer(org, queue, build)
    }

    fn consumer_filter(subjects: &Subjects, org: &Org, queue: &Queue, build: Option<&Build>) -> String {
        subjects.run_consumer_filter(org, queue, build)
    }
}

impl Work for StepTask {
    fn stream(subjects: &Subjects) -> String {
        subjects.step_stream()
    }

    fn stream_subjects(subjects: &Subjects) -> String {
        subjects.step_stream_subjects()
    }

    fn consumer(org: &Org, queue: &Queue, build: Option<&Build>) -> String {
        Subjects::step_consumer(org, queue, build)
    }

    fn consumer_filter(subjects: &Subjects, org: &Org, queue: &Queue, build: Option<&Build>) -> String {
        subjects.step_consumer_filter(org, queue, build)
    }
}
