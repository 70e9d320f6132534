//! What the API advises, in the words of the command line.

/// What problems of the API name, and the commands that do the same.
const COMMANDS: &[(&str, &str)] = &[
    ("`GET /v1/runs`", "`piton run list`"),
    ("`GET /v1/events`", "`piton event list`"),
    ("`GET /v1/triggers`", "`piton trigger list`"),
    ("`GET /v1/schedules`", "`piton schedule list`"),
    ("`GET /v1/webhooks`", "`piton webhook list`"),
    ("`GET /v1/definitions`", "`piton definition list`"),
    ("pause it by {\"state\": \"paused\"}", "pause it"),
    ("`force=true`", "`--force`"),
    ("; `errors` says which and why", ""),
];

/// The detail of a problem with commands in place of requests.
pub(super) fn instead_of_requests(detail: &str) -> String {
    COMMANDS.iter().fold(detail.to_owned(), |detail, (request, command)| detail.replace(request, command))
}
