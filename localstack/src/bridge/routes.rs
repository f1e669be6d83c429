//! API Gateway's route selection: full match first, then the longest greedy one, then `$default`;
//! a named method before `ANY`.

use std::collections::BTreeMap;

use crate::template::{Function, Route};

/// The route table of the HTTP API.
pub(super) struct Routes {
    entries: Vec<Entry>,
}

struct Entry {
    route: Route,
    function: String,
}

/// A request's route.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) function: String,
    /// `ANY /api/{proxy+}`
    pub(super) route_key: String,
    pub(super) parameters: BTreeMap<String, String>,
}

impl Routes {
    pub(super) fn new<'a>(functions: impl Iterator<Item = &'a Function>) -> Self {
        let mut entries: Vec<Entry> = functions
            .flat_map(|function| {
                function.routes.iter().map(|route| Entry { route: route.clone(), function: function.name.clone() })
            })
            .collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(specificity(&entry.route)));
        Self { entries }
    }

    pub(super) fn find(&self, method: &str, path: &str) -> Option<Match> {
        self.entries.iter().find_map(|entry| {
            let Route { method: wanted, path: pattern } = &entry.route;
            if wanted != "ANY" && wanted != method {
                return None;
            }
            let parameters = match_path(pattern, path)?;
            let route_key = if pattern == "$default" { pattern.clone() } else { format!("{wanted} {pattern}") };
            Some(Match { function: entry.function.clone(), route_key, parameters })
        })
    }
}

/// Sorts literal parts before parameters before greedy parameters before `$default`.
fn specificity(route: &Route) -> (u8, usize, bool) {
    let kind = match route.path.as_str() {
        "$default" => 0,
        path if path.contains("+}") => 1,
        path if path.contains('{') => 2,
        _ => 3,
    };
    (kind, route.path.matches('/').count(), route.method != "ANY")
}

fn match_path(pattern: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    if pattern == "$default" {
        return Some(parameters);
    }
    let mut rest = path.trim_start_matches('/').split('/').peekable();
    for part in pattern.trim_start_matches('/').split('/') {
        if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix("+}")) {
            // Greedy, but not empty: `/api/{proxy+}` does not match `/api`.
            rest.peek()?;
            parameters.insert(name.to_owned(), rest.collect::<Vec<_>>().join("/"));
            return Some(parameters);
        }
        let actual = rest.next()?;
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => {
                parameters.insert(name.to_owned(), actual.to_owned());
            }
            None if part == actual => {}
            None => return None,
        }
    }
    rest.next().is_none().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(patterns: &[(&str, &str)]) -> Routes {
        let entries = patterns.iter().map(|(method, path)| Entry {
            route: Route { method: (*method).into(), path: (*path).into() },
            function: format!("{method} {path}"),
        });
        let mut entries: Vec<Entry> = entries.collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(specificity(&entry.route)));
        Routes { entries }
    }

    #[test]
    fn the_most_specific_route_wins_whatever_the_order() {
        let routes = routes(&[
            ("ANY", "$default"),
            ("ANY", "/api/{proxy+}"),
            ("GET", "/api/sandbox/{id}"),
            ("ANY", "/api/sandbox/{id}"),
            ("ANY", "/api/sandbox/paginated"),
        ]);
        let found = |method, path| routes.find(method, path).map(|found| found.route_key).unwrap();
        assert_eq!(found("GET", "/api/sandbox/paginated"), "ANY /api/sandbox/paginated");
        assert_eq!(found("GET", "/api/sandbox/x"), "GET /api/sandbox/{id}");
        assert_eq!(found("PUT", "/api/sandbox/x"), "ANY /api/sandbox/{id}");
        assert_eq!(found("GET", "/api/sandbox/x/start"), "ANY /api/{proxy+}");
        assert_eq!(found("GET", "/elsewhere"), "$default");
    }

    #[test]
    fn a_greedy_parameter_takes_the_rest_but_not_nothing() {
        let routes = routes(&[("ANY", "/api/{proxy+}")]);
        let found = routes.find("GET", "/api/a/b").unwrap();
        assert_eq!(found.parameters["proxy"], "a/b");
        assert_eq!(routes.find("GET", "/api"), None);
        assert_eq!(routes.find("GET", "/apis/x"), None);
    }
}
