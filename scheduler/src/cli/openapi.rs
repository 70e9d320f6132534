//! `piton openapi`

use super::{CliError, Exit, screen::print};
use crate::api;

/// Prints what a scheduler of this version serves at `/v1/openapi.json`; none has to run.
pub(super) fn run() -> Result<Exit, CliError> {
    print(&api::openapi())?;
    Ok(Exit::Done)
}
