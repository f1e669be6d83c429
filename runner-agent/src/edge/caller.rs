//! Who asks: the credential of a request, and whether a browser may have sent it unasked.

use aws_lc_rs::digest::{SHA256, digest};
use http::{HeaderMap, HeaderName, header};
use paddock_wire::agents::{Authorize, Credential};

use super::error::EdgeError;

static ORGANIZATION: HeaderName = HeaderName::from_static("x-daytona-organization-id");

/// Longest credential: JWTs with many claims stay below.
const MAX_TOKEN: usize = 16 * 1024;

/// A caller who showed something; nothing is known of it yet.
#[derive(Clone)]
pub struct Caller {
    token: String,
    organization: Option<String>,
}

/// Key of a cached grant. It holds no credential, only its hash.
pub type GrantKey = [u8; 32];

impl Caller {
    /// Reads the bearer credential.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, EdgeError> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let value = values.next().ok_or_else(|| unauthorized("The request carries no credentials."))?;
        if values.next().is_some() {
            return Err(unauthorized("The request carries more than one Authorization header."));
        }
        let token = value
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .filter(|token| !token.is_empty() && token.len() <= MAX_TOKEN)
            .ok_or_else(|| unauthorized("Invalid credentials"))?;
        let organization = headers.get(&ORGANIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Self { token: token.to_owned(), organization })
    }

    /// Same credential, same organization header, same path segment.
    pub fn grant_key(&self, sandbox: &str) -> GrantKey {
        // Lengths in front keep (ab, c) apart from (a, bc).
        let mut text = Vec::with_capacity(self.token.len() + sandbox.len() + 64);
        for part in [self.token.as_str(), self.organization.as_deref().unwrap_or_default(), sandbox] {
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part.as_bytes());
        }
        let mut key = GrantKey::default();
        key.copy_from_slice(digest(&SHA256, &text).as_ref());
        key
    }

    /// The question for the control plane.
    pub fn ask(&self, sandbox: &str) -> Authorize {
        Authorize {
            sandbox: sandbox.to_owned(),
            credential: Credential::Bearer { token: self.token.clone() },
            organization: self.organization.clone(),
        }
    }
}

fn unauthorized(message: &str) -> EdgeError {
    EdgeError::Unauthorized(message.to_owned())
}

/// Origins that may open WebSockets, besides callers that send none (SDKs).
#[derive(Debug, Clone, Default)]
pub struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    /// From `PADDOCK_ALLOWED_ORIGINS`: comma separated, `*` for all.
    pub fn parse(list: &str) -> Self {
        Self(
            list.split(',')
                .map(|origin| origin.trim().to_ascii_lowercase())
                .filter(|origin| !origin.is_empty())
                .collect(),
        )
    }

    /// Browsers attach cookies to WebSockets of any site but never an `Authorization` header. All credentials that the
    /// edge knows today are headers, so an empty list refuses nobody; a list, once set, is obeyed.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), EdgeError> {
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
        let own = headers.get(header::HOST).and_then(|host| host.to_str().ok()).is_some_and(|host| {
            origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
        });
        let header_credential = headers.contains_key(header::AUTHORIZATION);
        let listed = self.0.iter().any(|allowed| allowed == "*" || *allowed == origin);
        if listed || own || (self.0.is_empty() && header_credential) {
            return Ok(());
        }
        Err(EdgeError::Forbidden(format!("WebSockets from the origin {origin:?} are not allowed here.")))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn one_bearer_credential_is_read() {
        let caller = Caller::from_headers(&headers(&[("authorization", "bearer  dtn_1 ")])).ok();
        assert_eq!(caller.map(|caller| caller.token).as_deref(), Some("dtn_1"));
        for bad in [
            headers(&[]),
            headers(&[("authorization", "Basic eDp5")]),
            headers(&[("authorization", "Bearer ")]),
            headers(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]),
        ] {
            assert!(matches!(Caller::from_headers(&bad), Err(EdgeError::Unauthorized(_))));
        }
    }

    #[test]
    fn keys_differ_by_every_part() {
        let caller = |token: &str, organization: Option<&str>| Caller {
            token: token.to_owned(),
            organization: organization.map(str::to_owned),
        };
        let keys = [
            caller("ab", None).grant_key("c"),
            caller("a", None).grant_key("bc"),
            caller("a", Some("b")).grant_key("c"),
            caller("ab", None).grant_key("d"),
        ];
        for (i, key) in keys.iter().enumerate() {
            assert!(!keys[..i].contains(key));
        }
    }

    #[test]
    fn origins_are_judged_by_list_host_and_kind_of_credential() {
        let bearer = ("authorization", "Bearer x");
        let origin = ("origin", "https://evil.example");
        let open = AllowedOrigins::default();
        assert!(open.check(&headers(&[])).is_ok());
        assert!(open.check(&headers(&[origin, bearer])).is_ok());
        assert!(open.check(&headers(&[origin])).is_err());
        assert!(open.check(&headers(&[("origin", "http://edge:4000"), ("host", "edge:4000")])).is_ok());
        let listed = AllowedOrigins::parse("https://app.example, https://two.example");
        assert!(listed.check(&headers(&[origin, bearer])).is_err());
        assert!(listed.check(&headers(&[("origin", "https://two.example")])).is_ok());
    }
}
