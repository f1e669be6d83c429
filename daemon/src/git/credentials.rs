//! Passwords. One that is for a single run reaches git through a credential helper, by a variable of that run: it stands in
//! no argument and no file. Only the remote's own host gets it, wherever the remote may redirect to.

use paddock_wire::toolbox::git::Credentials;

use super::error::{Failure, GitResult};
use super::place::Place;
use super::{Git, words};

const USERNAME: &str = "PADDOCK_GIT_USERNAME";
const PASSWORD: &str = "PADDOCK_GIT_PASSWORD";
/// `printf` is part of the shell, so that here too no program gets the password as an argument.
const HELPER: &str = r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$PADDOCK_GIT_USERNAME" "$PADDOCK_GIT_PASSWORD"; }; f"#;

const HOST: &str = "github.com";
const PROTOCOL: &str = "https";

impl Place {
    /// All runs may log in to the URL's host. Nothing happens unless there are both, and a URL that has use for them.
    pub fn log_in(&mut self, url: &str, username: Option<&str>, password: Option<&str>) -> GitResult<()> {
        if let Some(embedded) = embedded_password(url) {
            self.hide(embedded);
        }
        let (Some(username), Some(password)) = (username, password) else { return Ok(()) };
        if username.is_empty() || password.is_empty() {
            return Ok(());
        }
        let (username, password) = (words::line("username", username)?, words::line("password", password)?);
        self.hide(password);
        let Some((scheme, host)) = http_host(url) else { return Ok(()) };
        if !host.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-._:[]".contains(&letter)) {
            return Err(Failure::Argument.because("the host of the URL has letters that no host has"));
        }
        self.set_variable(USERNAME, username);
        self.set_variable(PASSWORD, password);
        // The caller's word counts, not what other helpers know; they are not told it either.
        self.set("credential.helper=".to_owned());
        self.set(format!("credential.{scheme}://{host}.helper={HELPER}"));
        if scheme == "http" && !host.contains(':') {
            // Hosts send their callers on to the safe door.
            self.set(format!("credential.https://{host}.helper={HELPER}"));
        }
        Ok(())
    }
}

impl Git {
    /// Keeps a password in the user's store, which git then asks by itself.
    pub async fn store_credentials(&self, request: Credentials) -> GitResult<()> {
        let Credentials { username, password, host, protocol } = request;
        let host = words::optional("host", host.as_deref())?.unwrap_or(HOST);
        let protocol = words::optional("protocol", protocol.as_deref())?.unwrap_or(PROTOCOL);
        let username = words::line("username", words::text("username", &username)?)?;
        let password = words::line("password", words::text("password", &password)?)?;
        let mut place = self.anywhere().await?;
        place.hide(password);
        let helpers = place.ask(["config", "--global", "-z", "--get-all", "credential.helper"]).await?;
        if !helpers.stdout.split('\0').any(|helper| helper == "store") {
            place.git(["config", "--global", "--add", "credential.helper", "store"]).succeed().await?;
        }
        let entry = format!("protocol={protocol}\nhost={host}\nusername={username}\npassword={password}\n\n");
        place.git(["credential-store", "store"]).stdin(entry).succeed().await?;
        Ok(())
    }
}

/// Scheme and host, with its port, of an HTTP URL.
fn http_host(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next().filter(|host| !host.is_empty())?;
    ["http", "https"].contains(&scheme.as_str()).then_some((scheme, host))
}

fn embedded_password(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (login, _) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    login.split_once(':').map(|(_, password)| password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_http_only() {
        let host = |url| http_host(url).map(|(scheme, host)| format!("{scheme}|{host}"));
        assert_eq!(host("HTTPS://me:pa@ss@h.example:8443/a@b").as_deref(), Some("https|h.example:8443"));
        assert_eq!(host("http://h"), Some("http|h".to_owned()));
        for none in ["ssh://h/a", "git@h:a", "/a", "https:///a", "file:///a"] {
            assert_eq!(host(none), None, "{none}");
        }
        assert_eq!(embedded_password("https://me:pa@ss@h/a:b@c"), Some("pa@ss"));
        assert_eq!(embedded_password("https://h/a:b@c"), None);
    }
}
