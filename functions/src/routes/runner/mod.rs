//! `/runners`, one file per operation. Only members of the organization that owns the deployment get in. What the wire has
//! beside these hands out keys, or is for runners themselves, which here register with a join token; it is not served.

pub mod delete;
pub mod get;
pub mod list;
pub mod set_draining;
pub mod set_scheduling;

use paddock_wire::api::runner::Runner;

use crate::actions::find_runner::Found;

fn shown(found: Found) -> Runner {
    let Found { runner, load, condition } = found;
    Runner::new(runner, load, condition)
}
