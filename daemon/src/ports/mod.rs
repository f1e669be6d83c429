//! Engine: TCP ports on which somebody in the sandbox listens, looked up when asked: an idle sandbox does no work for it.

use std::collections::BTreeSet;
use std::fs;
use std::io;

/// The kernel's tables, of this network namespace.
const TABLES: [&str; 2] = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
const LISTENING: &str = "0A";

/// In order.
pub fn listening() -> io::Result<BTreeSet<u16>> {
    let [v4, v6] = TABLES;
    let mut ports = ports_of(&fs::read_to_string(v4)?);
    // There may be no IPv6.
    ports.extend(ports_of(&fs::read_to_string(v6).unwrap_or_default()));
    Ok(ports)
}

fn ports_of(table: &str) -> BTreeSet<u16> {
    let port = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (_, port) = fields.next()?.rsplit_once(':')?;
        let state = fields.nth(1)?;
        (state == LISTENING).then(|| u16::from_str_radix(port, 16).ok())?
    };
    table.lines().filter_map(port).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listeners() {
        let table = "  sl  local_address rem_address   st tx_queue\n\
            \x20  0: 00000000:08E8 00000000:0000 0A 00000000:00000000\n\
            \x20  1: 0100007F:1F90 0100007F:C000 01 00000000:00000000\n\
            \x20  2: 00000000000000000000000001000000:0BB8 00000000000000000000000000000000:0000 0A 0\n broken\n";
        assert_eq!(ports_of(table), BTreeSet::from([2280, 3000]));
    }
}
