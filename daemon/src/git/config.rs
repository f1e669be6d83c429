//! Git's settings.

use paddock_wire::toolbox::git::{ConfigQuery, ConfigValue, ConfigureUser, SetConfig};

use super::error::{Failure, GitResult};
use super::place::Place;
use super::{Git, words};

/// `git config --get` of what is not set.
const NOT_SET: i32 = 1;

impl Git {
    /// The last value, if there is one.
    pub async fn config(&self, query: ConfigQuery) -> GitResult<ConfigValue> {
        let ConfigQuery { key, scope, path } = query;
        let key = words::key(&key)?;
        let (scope, place) = self.scope(scope.as_deref(), path.as_deref()).await?;
        let value = place.ask(["config", scope, "-z", "--get", key]).await?;
        match value.code {
            0 => Ok(ConfigValue { value: Some(value.stdout.trim_end_matches('\0').to_owned()) }),
            NOT_SET if value.stderr.is_empty() => Ok(ConfigValue { value: None }),
            _ => Err(place.failure(&value).await),
        }
    }

    /// In place of all values it has there.
    pub async fn set_config(&self, request: SetConfig) -> GitResult<()> {
        let SetConfig { key, value, scope, path } = request;
        let (key, value) = (words::key(&key)?, words::whole("value", &value)?);
        let (scope, place) = self.scope(scope.as_deref(), path.as_deref()).await?;
        place.set_config(scope, key, value).await
    }

    /// Who makes the commits of this scope.
    pub async fn configure_user(&self, request: ConfigureUser) -> GitResult<()> {
        let ConfigureUser { name, email, scope, path } = request;
        let (name, email) = (words::text("name", &name)?, words::text("email", &email)?);
        let (scope, place) = self.scope(scope.as_deref(), path.as_deref()).await?;
        place.set_config(scope, "user.name", name).await?;
        place.set_config(scope, "user.email", email).await
    }

    /// The option for a scope, and where it counts.
    async fn scope(&self, scope: Option<&str>, path: Option<&str>) -> GitResult<(&'static str, Place)> {
        match scope.filter(|scope| !scope.is_empty()).unwrap_or("global") {
            "global" => Ok(("--global", self.anywhere().await?)),
            "system" => Ok(("--system", self.anywhere().await?)),
            "local" => match path.filter(|path| !path.is_empty()) {
                Some(path) => Ok(("--local", self.at(path).await?)),
                None => Err(Failure::Argument.because("path is required for scope local")),
            },
            _ => Err(Failure::Argument.because("invalid scope: one of global, local, system")),
        }
    }
}

impl Place {
    async fn set_config(&self, scope: &str, key: &str, value: &str) -> GitResult<()> {
        self.git(["config", scope, "--replace-all", key, value]).succeed().await?;
        Ok(())
    }
}
