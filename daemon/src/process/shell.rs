//! The shell a sandbox prefers.

use std::ffi::OsString;
use std::fs;

use crate::environment::Variables;

const PREFERRED: [&str; 4] = ["/usr/bin/zsh", "/bin/zsh", "/usr/bin/bash", "/bin/bash"];

/// zsh, else bash, if the image lists them; else `$SHELL`; else `sh`. Looked up each time, because
/// a shell may have been installed since.
pub fn choose(environment: &Variables) -> OsString {
    let listed = fs::read_to_string("/etc/shells").unwrap_or_default();
    from_list(&listed).map_or_else(|| fallback(environment), OsString::from)
}

/// One word to a shell, whatever is in it.
pub fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn from_list(shells: &str) -> Option<&'static str> {
    PREFERRED.into_iter().find(|shell| shells.lines().any(|line| line.trim() == *shell))
}

fn fallback(environment: &Variables) -> OsString {
    environment
        .get(&OsString::from("SHELL"))
        .filter(|shell| !shell.is_empty())
        .cloned()
        .unwrap_or_else(|| OsString::from("sh"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_stay_quotes() {
        assert_eq!(quote("/tmp/it's $HOME"), r"'/tmp/it'\''s $HOME'");
    }

    #[test]
    fn zsh_before_bash_before_the_variable() {
        assert_eq!(from_list("# comment\n/bin/sh\n/bin/bash\n/bin/zsh\n"), Some("/bin/zsh"));
        assert_eq!(from_list("/bin/bash\n/usr/bin/bash\n"), Some("/usr/bin/bash"));
        assert_eq!(from_list("/bin/sh\n/usr/local/bin/bash\n"), None);
        assert_eq!(fallback(&Variables::new()), "sh");
        let fish: Variables = [(OsString::from("SHELL"), OsString::from("/usr/bin/fish"))].into();
        assert_eq!(fallback(&fish), "/usr/bin/fish");
    }
}
