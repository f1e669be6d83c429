//! Paths to routes. The part after the sandbox is passed on byte for byte, so nothing is decoded but to judge it.

use percent_encoding::percent_decode_str;

use super::error::EdgeError;

/// A door of the edge.
#[derive(Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /health`.
    Health,
    /// The toolbox of a sandbox.
    Toolbox(Target),
}

/// A path below one sandbox.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// Id or name, decoded.
    pub sandbox: String,
    /// What was taken off the front; put back on redirects.
    pub prefix: String,
    /// What the daemon sees, raw; begins with `/`.
    pub rest: String,
}

/// Longest sandbox segment: names are far shorter.
const MAX_SEGMENT: usize = 256;

/// The route of the client door.
pub fn client(path: &str) -> Result<Route, EdgeError> {
    if path == "/health" {
        return Ok(Route::Health);
    }
    if let Some(target) = path.strip_prefix("/toolbox/").map(|tail| target("/toolbox/", "", tail)) {
        return target.map(Route::Toolbox);
    }
    // The API host's old route: `/api/toolbox/{id}/toolbox/{path}`.
    if let Some(tail) = path.strip_prefix("/api/toolbox/") {
        return target("/api/toolbox/", "/toolbox", tail).map(Route::Toolbox);
    }
    Err(no_route())
}

/// The route of the relay door: `/relay/{sandboxId}/{path}`.
pub fn relay(path: &str) -> Result<Target, EdgeError> {
    path.strip_prefix("/relay/").map_or_else(|| Err(no_route()), |tail| target("/relay/", "", tail))
}

fn no_route() -> EdgeError {
    EdgeError::NotFound("There is no such route on this host.".to_owned())
}

fn target(before: &str, between: &str, tail: &str) -> Result<Target, EdgeError> {
    let cut = tail.find('/').unwrap_or(tail.len());
    let (segment, rest) = tail.split_at(cut);
    let rest = rest.strip_prefix(between).ok_or_else(no_route)?;
    if !(rest.is_empty() || rest.starts_with('/')) {
        return Err(no_route());
    }
    check(rest)?;
    let sandbox = percent_decode_str(segment)
        .decode_utf8()
        .ok()
        .filter(|name| is_segment(name))
        .ok_or_else(|| EdgeError::BadRequest("The sandbox in the path is neither an id nor a name.".to_owned()))?;
    Ok(Target {
        sandbox: sandbox.into_owned(),
        prefix: format!("{before}{segment}{between}"),
        rest: if rest.is_empty() { "/".to_owned() } else { rest.to_owned() },
    })
}

fn is_segment(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_SEGMENT
        && name != "."
        && name != ".."
        && !name.contains(|c: char| c == '/' || c.is_control())
}

/// Refuses what a server behind us might resolve to a path other than the one that was judged here.
fn check(rest: &str) -> Result<(), EdgeError> {
    for segment in rest.split('/') {
        let decoded: Vec<u8> = percent_decode_str(segment).collect();
        if decoded.contains(&0) {
            return Err(EdgeError::BadRequest("The path contains a NUL byte.".to_owned()));
        }
        if decoded.split(|byte| *byte == b'/').any(|part| part == b"." || part == b"..") {
            return Err(EdgeError::BadRequest("The path contains a '.' or '..' segment.".to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0b9c2c2e-97a5-4ee5-8d30-6d1d0a7f7a11";

    fn toolbox(path: &str) -> Target {
        match client(path) {
            Ok(Route::Toolbox(target)) => target,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn the_rest_is_kept_raw() {
        let target = toolbox(&format!("/toolbox/{ID}/files/a%2Fb%20c//d;x/"));
        assert_eq!(target.sandbox, ID);
        assert_eq!(target.rest, "/files/a%2Fb%20c//d;x/");
        assert_eq!(target.prefix, format!("/toolbox/{ID}"));
    }

    #[test]
    fn names_are_decoded_and_an_empty_rest_is_the_root() {
        let target = toolbox("/toolbox/my%20box");
        assert_eq!((target.sandbox.as_str(), target.rest.as_str()), ("my box", "/"));
    }

    #[test]
    fn the_old_route_needs_its_second_toolbox() {
        let target = toolbox(&format!("/api/toolbox/{ID}/toolbox/files"));
        assert_eq!((target.rest.as_str(), target.prefix), ("/files", format!("/api/toolbox/{ID}/toolbox")));
        for path in
            ["/api/toolbox/x/files", "/api/toolbox/x", "/api/toolbox/x/toolboxes/y", "/", "/toolbox", "/health/"]
        {
            assert!(matches!(client(path), Err(EdgeError::NotFound(_))), "{path}");
        }
    }

    #[test]
    fn dots_and_nul_are_refused_however_written() {
        for rest in ["/../x", "/a/..", "/a/.", "/%2e%2E/x", "/a%2f..%2fb", "/.%2e", "/a%00b"] {
            let path = format!("/toolbox/{ID}{rest}");
            assert!(matches!(client(&path), Err(EdgeError::BadRequest(_))), "{path}");
        }
        for segment in ["..", "%2e%2e", "a%2fb", "a%00", "", "%ff"] {
            let path = format!("/toolbox/{segment}/x");
            assert!(matches!(client(&path), Err(EdgeError::BadRequest(_))), "{path}");
        }
        assert_eq!(toolbox(&format!("/toolbox/{ID}/a/..b/c..")).rest, "/a/..b/c..");
    }
}
