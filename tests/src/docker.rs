//! What really runs: the `docker` command, which works also while the agent does not.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

/// Runs `docker` and returns its output.
pub async fn docker(arguments: &[&str]) -> Result<String> {
    let output = Command::new("docker").args(arguments).output().await.context("docker cannot be run")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "docker {}: {errors}", arguments.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Containers with a label, running or not.
pub async fn labelled(label: &str) -> Result<Vec<String>> {
    let listed = docker(&["ps", "-aq", "--no-trunc", "--filter", &format!("label={label}")]).await?;
    Ok(listed.lines().map(str::to_owned).collect())
}

/// Containers of a sandbox, running or not. Networks are made in advance and belong to none.
pub async fn containers(id: &str) -> Result<Vec<String>> {
    labelled(&format!("dev.paddock.sandbox={id}")).await
}

/// The one container of a sandbox.
pub async fn container(id: &str) -> Result<Container> {
    let found = containers(id).await?;
    ensure!(found.len() == 1, "sandbox {id} has {} containers", found.len());
    inspect(&found[0]).await
}

/// The pause container whose network a sandbox's container uses.
pub async fn pause_of(container: &Container) -> Result<Container> {
    inspect(container.label("dev.paddock.pause")).await
}

/// What `docker inspect` says.
#[derive(Debug, Clone, PartialEq)]
pub struct Container {
    /// Full id.
    pub id: String,
    /// Process id of its first process on the host; 0 when it does not run.
    pub pid: u32,
    /// When it was last started.
    pub started_at: String,
    /// It runs.
    pub running: bool,
    /// The rest.
    pub all: Value,
}

impl Container {
    /// Value of a label.
    pub fn label(&self, name: &str) -> &str {
        self.all["Config"]["Labels"][name].as_str().unwrap_or_default()
    }

    /// Address on its network (a pause container has one).
    pub fn address(&self) -> Option<String> {
        let networks = self.all["NetworkSettings"]["Networks"].as_object()?;
        networks
            .values()
            .filter_map(|network| network["IPAddress"].as_str())
            .find(|ip| !ip.is_empty())
            .map(str::to_owned)
    }
}

/// Inspects a container.
pub async fn inspect(container: &str) -> Result<Container> {
    let text = docker(&["inspect", container]).await?;
    let all: Value = serde_json::from_str(&text)?;
    let all = all[0].clone();
    let state = &all["State"];
    Ok(Container {
        id: all["Id"].as_str().unwrap_or_default().to_owned(),
        pid: u32::try_from(state["Pid"].as_u64().unwrap_or_default())?,
        started_at: state["StartedAt"].as_str().unwrap_or_default().to_owned(),
        running: state["Running"].as_bool().unwrap_or_default(),
        all,
    })
}

/// `2026-01-02T03:04:05.678901234Z` as a point in time.
pub fn docker_time(text: &str) -> Option<SystemTime> {
    let (date, clock) = text.trim_end_matches('Z').split_once('T')?;
    let mut date = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut clock = clock.split(':');
    let (hour, minute) = (clock.next()?.parse::<i64>().ok()?, clock.next()?.parse::<i64>().ok()?);
    let second: f64 = clock.next()?.parse().ok()?;
    // Days since 1970 in the proleptic Gregorian calendar, with years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    let whole = u64::try_from(days * 86_400 + hour * 3600 + minute * 60).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(whole) + Duration::from_secs_f64(second))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    #[test]
    fn dockers_times_are_read() {
        let time = super::docker_time("2026-11-23T18:30:00.5Z").unwrap();
        assert_eq!(time, SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_458_600_500));
        assert_eq!(
            super::docker_time("2000-02-29T00:00:00Z").unwrap(),
            SystemTime::UNIX_EPOCH + Duration::from_secs(951_782_400)
        );
    }
}
