//! Answers to browsers: every origin is reflected, as the wire's contract has it. There are no ambient credentials.

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};

use super::body::Body;

/// What a browser asked, if a browser asked.
pub struct Cors {
    origin: HeaderValue,
    preflight: Option<Preflight>,
}

struct Preflight {
    method: HeaderValue,
    headers: Option<HeaderValue>,
}

impl Cors {
    /// `None` when the caller is no browser, or wants the application behind to answer.
    pub fn of<B>(request: &Request<B>) -> Option<Self> {
        let headers = request.headers();
        let disabled = headers.get("x-daytona-disable-cors").is_some_and(|value| value == "true");
        let origin = headers.get(header::ORIGIN).filter(|_| !disabled)?.clone();
        let method = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD).filter(|_| request.method() == Method::OPTIONS);
        let preflight = method.map(|method| Preflight {
            method: method.clone(),
            headers: headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned(),
        });
        Some(Self { origin, preflight })
    }

    /// The whole answer to a preflight, which never carries a credential.
    pub fn preflight(&self) -> Option<Response<Body>> {
        let preflight = self.preflight.as_ref()?;
        let mut response = Response::new(Body::full(""));
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, preflight.method.clone());
        if let Some(asked) = &preflight.headers {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        self.apply(headers);
        Some(response)
    }

    /// Puts the edge's word in place of the application's.
    pub fn apply(&self, headers: &mut HeaderMap) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, self.origin.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}
