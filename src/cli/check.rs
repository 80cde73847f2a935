//! `plenary check`: every fault of the configuration at once, or the whole of it.

use plenary_dialplan::Plan;

use super::arguments::ConfigArguments;
use super::{Failure, settings};

pub(super) fn check(config: &ConfigArguments) -> Result<(), Failure> {
    let settings = settings(config)?;
    if let Some(file) = &settings.dialplan.file {
        Plan::load(file).map_err(|faults| Failure::Unusable(faults.iter().map(ToString::to_string).collect()))?;
    }
    print!("{}", settings.masked_toml());
    Ok(())
}
