//! `.paddock/env`: what a shell sources to talk to the stack.

use anyhow::Result;

use super::options::StackOptions;
use super::secrets::Secrets;
use crate::paths::write_private;

/// Every variable, in the order of the file.
pub fn variables(options: &StackOptions, secrets: &Secrets) -> Vec<(&'static str, String)> {
    vec![
        ("DAYTONA_API_URL", options.api_url()),
        ("DAYTONA_API_KEY", secrets.api_key.clone()),
        ("DAYTONA_TARGET", "local".to_owned()),
        ("PADDOCK_API_URL", options.api_url()),
        ("PADDOCK_API_KEY", secrets.api_key.clone()),
        ("PADDOCK_PROXY_URL", options.proxy_url()),
        ("PADDOCK_SSH_HOST", "localhost".to_owned()),
        ("PADDOCK_SSH_PORT", options.ssh_port.to_string()),
        ("PADDOCK_ORGANIZATION_ID", secrets.organization.to_string()),
        ("PADDOCK_DEPLOYMENT", secrets.deployment.to_string()),
        ("PADDOCK_STATE", options.state().path().display().to_string()),
        ("AWS_ENDPOINT_URL", options.aws_url()),
        ("AWS_ACCESS_KEY_ID", super::layout::AWS_ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", super::layout::AWS_SECRET_KEY.to_owned()),
        ("AWS_REGION", super::layout::AWS_REGION.to_owned()),
    ]
}

/// Writes the file, mode 600.
pub fn write(options: &StackOptions, secrets: &Secrets) -> Result<()> {
    let mut text = "# Written by cargo xtask up. Load it with:  . .paddock/env\n".to_owned();
    for (name, value) in variables(options, secrets) {
        text.push_str(&line(name, &value));
    }
    write_private(&options.state().env_file(), &text)
}

/// Single quotes: the shell changes nothing inside.
fn line(name: &str, value: &str) -> String {
    format!("export {name}='{}'\n", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_written() {
        let nasty = "it's $HOME `id` \"x\" \\ \n end";
        let script = format!("{}printf %s \"$A\"", line("A", nasty));
        let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("sh");
        assert_eq!(String::from_utf8_lossy(&output.stdout), nasty);
    }
}
