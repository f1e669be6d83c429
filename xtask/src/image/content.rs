//! Proof that an image holds what the lists say; `cargo xtask test` runs it against the image it made.

use anyhow::{Context, Result, bail};

use super::{file, list};
use crate::engine::docker;
use crate::process::output;
use crate::progress::step;

/// Capabilities that sandboxes do not have; sudo must work without them.
const DROPPED: [&str; 6] = ["--cap-drop", "MKNOD", "--cap-drop", "NET_RAW", "--cap-drop", "AUDIT_WRITE"];

/// Compares the lists with what the image's own package managers report, and tries what a user relies on.
pub fn check_content(tag: &str) -> Result<()> {
    step("Comparing the sandbox image with its lists", || {
        let mut missing = compare("apt", &list("apt.txt")?, &inside(tag, "dpkg-query -Wf '${Package}\\n'")?);
        missing.extend(compare("pip", &list("pip.txt")?, &inside(tag, "pip list --format freeze")?.to_lowercase()));
        missing.extend(missing_npm(tag)?);
        missing.extend(failing_habits(tag));
        if missing.is_empty() { Ok(()) } else { bail!("the image {tag} differs:\n{}", missing.join("\n")) }
    })
}

fn compare(kind: &str, wanted: &[String], present: &str) -> Vec<String> {
    let present: Vec<&str> = present.lines().map(str::trim).collect();
    let missing = wanted.iter().filter(|name| !present.contains(&name.as_str()));
    missing.map(|name| format!("{kind}: {name} is not installed")).collect()
}

/// npm answers with folders, and a wanted version may be a major number only.
fn missing_npm(tag: &str) -> Result<Vec<String>> {
    let listing = inside(tag, "npm ls --global --prefix /usr/local --depth 0 --json")?;
    let listing: serde_json::Value = serde_json::from_str(&listing)?;
    let wanted = file("npm.txt")?;
    let is_missing = |word: &&str| {
        let Some((name, version)) = word.rsplit_once('@') else { return true };
        let present = listing["dependencies"][name]["version"].as_str().unwrap_or_default();
        present != version && !present.starts_with(&format!("{version}."))
    };
    Ok(wanted.split_whitespace().filter(is_missing).map(|word| format!("npm: {word} is not installed")).collect())
}

/// Each line is a shell command and what it must print, nothing on standard error.
fn failing_habits(tag: &str) -> Vec<String> {
    let habits = [
        ("id -un; id -u; pwd", "daytona\n1000\n/home/daytona"),
        ("sudo id -u", "0"),
        ("echo $LANG", "C.UTF-8"),
        ("python -c 'import matplotlib.pyplot, numpy, PIL; print(matplotlib.get_backend())'", "agg"),
        ("cd /tmp && echo 'const n: number = 40; console.log(n + 2)' > a.ts && ts-node a.ts", "42"),
        (
            "cd /tmp && echo 'console.log(typeof process)' > b.ts && npx --offline ts-node -T -O '{\"module\":\"CommonJS\"}' b.ts",
            "object",
        ),
        ("npm config get prefix && test -w /usr/local/bin && test -w /usr/local/lib/node_modules", "/usr/local"),
        ("cd /tmp && echo 'console.log(42 as number)' > b.ts && npx --no ts-node b.ts", "42"),
        (
            "typescript-language-server --version; command -v pyright-langserver",
            "4.4.1\n/usr/local/bin/pyright-langserver",
        ),
        ("git init -q /tmp/g && git -C /tmp/g status --short", ""),
        ("ls -d /tmp/paddock-image 2>&1 | tail -c 26", "No such file or directory"),
    ];
    let mut failing = Vec::new();
    for (line, wanted) in habits {
        match inside(tag, &format!("exec 2>&1; {line}")) {
            Ok(told) if told == wanted => {}
            Ok(told) => failing.push(format!("`{line}` printed {told:?} instead of {wanted:?}")),
            Err(error) => failing.push(format!("{error:#}")),
        }
    }
    failing
}

fn inside(tag: &str, line: &str) -> Result<String> {
    // With a network, for Docker names the host in /etc/hosts only then, and sudo looks its host up.
    let mut run = docker(["run", "--rm"]);
    run.args(DROPPED).args([tag, "sh", "-c", line]);
    output(&mut run).with_context(|| format!("`{line}` in {tag}"))
}
