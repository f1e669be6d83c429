//! API keys: an item under the hash of the value, and one under its owner and name that makes the name unique.

use paddock_model::{
    access::{ApiKey, Permission},
    id::{OpId, OrganizationId, UserId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Error, Store,
    attempt::patiently,
    item::{Item, corrupt, key_of, number, read, write},
    keys::{self, Key},
    names, revocations,
    transaction::{Committed, Expression, Transaction},
};

#[derive(Serialize, Deserialize)]
struct ApiKeyItem {
    op: Uuid,
    org: Uuid,
    user: String,
    name: String,
    prefix: String,
    suffix: String,
    permissions: Vec<String>,
    created: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct NameItem {
    op: Uuid,
    sha256: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Key,
    Name,
    Revocation,
}

fn api_key(item: Item) -> Result<ApiKey, Error> {
    let key = key_of(&item);
    let sha256 = key.pk.strip_prefix("K#").unwrap_or_default().to_owned();
    let ApiKeyItem { op: _, org, user, name, prefix, suffix, permissions, created, used, expires } = read(item)?;
    let permissions: Result<Vec<Permission>, _> = permissions.iter().map(|text| text.parse()).collect();
    Ok(ApiKey {
        sha256,
        organization: OrganizationId(org),
        user: UserId(user),
        name,
        prefix,
        suffix,
        permissions: permissions.map_err(|problem| corrupt(key.to_string(), problem))?,
        created_at: Timestamp(created),
        last_used_at: used.map(Timestamp),
        expires_at: expires.map(Timestamp),
    })
}

impl Store {
    /// The key whose value hashes so.
    pub async fn api_key(&self, sha256: &str) -> Result<Option<ApiKey>, Error> {
        self.get(&keys::api_key(sha256)).await?.map(api_key).transpose()
    }

    /// A user's key of that name.
    pub async fn api_key_named(
        &self,
        organization: OrganizationId,
        user: &UserId,
        name: &str,
    ) -> Result<Option<ApiKey>, Error> {
        let Some(item) = self.get(&keys::api_key_name(organization, user, name)).await? else { return Ok(None) };
        let NameItem { op: _, sha256 } = read(item)?;
        self.api_key(&sha256).await
    }

    /// A user's keys in an organization, by name.
    pub async fn api_keys_of(&self, organization: OrganizationId, user: &UserId) -> Result<Vec<ApiKey>, Error> {
        let items = self.partition(&keys::organization(organization).pk, &keys::api_key_names(user)).await?;
        let names: Result<Vec<NameItem>, Error> = items.into_iter().map(read).collect();
        let keys: Vec<Key> = names?.iter().map(|name| keys::api_key(&name.sha256)).collect();
        let keys: Result<Vec<ApiKey>, Error> = self.get_all(&keys).await?.into_iter().map(api_key).collect();
        let mut keys = keys?;
        keys.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(keys)
    }

    /// Writes a new key; false when the user has one of that name.
    pub async fn create_api_key(&self, key: &ApiKey) -> Result<bool, Error> {
        let op = OpId::random();
        let ApiKey {
            sha256,
            organization,
            user,
            name,
            prefix,
            suffix,
            permissions,
            created_at,
            last_used_at,
            expires_at,
        } = key.clone();
        let by_name = keys::api_key_name(organization, &user, &name);
        let item = ApiKeyItem {
            op: op.0,
            org: organization.0,
            user: user.0,
            name,
            prefix,
            suffix,
            permissions: permissions.iter().map(|permission| permission.as_str().to_owned()).collect(),
            created: created_at.0,
            used: last_used_at.map(|at| at.0),
            expires: expires_at.map(|at| at.0),
        };
        let mut transaction = Transaction::new(self, op);
        transaction.put(Part::Key, write(&keys::api_key(&sha256), &item)?, names::absent())?;
        transaction.put(Part::Name, write(&by_name, &NameItem { op: op.0, sha256 })?, names::absent())?;
        Ok(matches!(transaction.commit().await?, Committed::Done))
    }

    /// Ends a key and, in the same transaction, every grant made on it.
    pub async fn delete_api_key(&self, key: &ApiKey, now: Timestamp) -> Result<(), Error> {
        let mut transaction = Transaction::new(self, OpId::random());
        let by_name = keys::api_key_name(key.organization, &key.user, &key.name);
        transaction.delete(Part::Key, &keys::api_key(&key.sha256), Expression::default())?;
        transaction.delete(Part::Name, &by_name, Expression::default())?;
        let (item, when) = revocations::of_credential(&key.sha256, now)?;
        transaction.put(Part::Revocation, item, when)?;
        transaction.commit().await?;
        Ok(())
    }

    /// Notes that a key was used. A key deleted meanwhile stays deleted.
    pub async fn note_api_key_use(&self, sha256: &str, now: Timestamp) -> Result<(), Error> {
        let request = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::api_key(sha256).item()))
            .update_expression("SET used = :now")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", number(now.0));
        match patiently(|| request.clone().send()).await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}
