//! Users and groups from `/etc/passwd` and `/etc/group`. The C library's lookups would load NSS
//! plugins at run time, which a static binary cannot.

use std::fs;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// Home directory of a user id.
pub fn home_of(uid: u32) -> Option<String> {
    let text = fs::read_to_string(PASSWD).ok()?;
    text.lines()
        .map(fields)
        .find(|entry| field(entry, 2) == Some(&uid.to_string()))
        .and_then(|entry| field(&entry, 5).filter(|home| !home.is_empty()).map(str::to_owned))
}

/// Id of a user given by name or number.
pub fn user_id(name_or_id: &str) -> Option<u32> {
    lookup(PASSWD, name_or_id)
}

/// Id of a group given by name or number.
pub fn group_id(name_or_id: &str) -> Option<u32> {
    lookup(GROUP, name_or_id)
}

fn lookup(file: &str, name_or_id: &str) -> Option<u32> {
    if let Ok(id) = name_or_id.parse() {
        return Some(id);
    }
    id_in(&fs::read_to_string(file).ok()?, name_or_id)
}

/// Both files keep name and id in the first and third field.
fn id_in(text: &str, name: &str) -> Option<u32> {
    let entry = text.lines().map(fields).find(|entry| field(entry, 0) == Some(name))?;
    field(&entry, 2)?.parse().ok()
}

fn fields(line: &str) -> Vec<&str> {
    line.split(':').collect()
}

fn field<'a>(entry: &[&'a str], index: usize) -> Option<&'a str> {
    entry.get(index).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_by_name_and_number() {
        let text = "root:x:0:0:root:/root:/bin/bash\ndaytona:x:1000:1000::/home/daytona:/bin/zsh\nbroken\n";
        assert_eq!(id_in(text, "daytona"), Some(1000));
        assert_eq!(id_in(text, "broken"), None);
        assert_eq!(id_in(text, ""), None);
        assert_eq!(user_id("4711"), Some(4711));
        assert_eq!(user_id("root"), Some(0));
        assert_eq!(group_id("no such group"), None);
    }

    #[test]
    fn home_of_root() {
        assert_eq!(home_of(0).as_deref(), Some("/root"));
    }
}
