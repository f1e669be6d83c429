//! What servers answer, as the wire has it.

use paddock_wire::toolbox::lsp::{CompletionItem, CompletionList, Location, Range, Symbol};
use serde_json::{Value, json};

/// Hierarchies deeper than this end here.
const DEEPEST: usize = 64;

/// A list, or just its items, or nothing.
pub fn completions(mut answer: Value) -> CompletionList {
    let is_incomplete = answer["isIncomplete"].as_bool().unwrap_or_default();
    let items = if answer.is_array() { answer } else { answer["items"].take() };
    CompletionList { is_incomplete, items: list(items).into_iter().filter_map(item).collect() }
}

fn item(mut item: Value) -> Option<CompletionItem> {
    let mut text = |key: &str| match item[key].take() {
        Value::String(text) => Some(text),
        _ => None,
    };
    let (label, detail) = (text("label")?, text("detail"));
    let (sort_text, filter_text, insert_text) = (text("sortText"), text("filterText"), text("insertText"));
    let kind = item["kind"].as_i64();
    let documentation = match item["documentation"].take() {
        Value::String(value) => Some(json!({ "kind": "plaintext", "value": value })),
        Value::Object(content) => Some(Value::Object(content)),
        _ => None,
    };
    Some(CompletionItem { label, kind, detail, documentation, sort_text, filter_text, insert_text })
}

/// Flat, parents before their children. `document` is the place of those whose location is only a range.
pub fn symbols(answer: Value, document: &str) -> Vec<Symbol> {
    let mut found = Vec::new();
    gather(answer, document, 0, &mut found);
    found
}

fn gather(symbols: Value, document: &str, depth: usize, found: &mut Vec<Symbol>) {
    for mut symbol in list(symbols) {
        let children = symbol["children"].take();
        found.extend(one(symbol, document));
        if depth < DEEPEST {
            gather(children, document, depth + 1, found);
        }
    }
}

fn one(mut symbol: Value, document: &str) -> Option<Symbol> {
    let Value::String(name) = symbol["name"].take() else { return None };
    let kind = symbol["kind"].as_i64()?;
    let location = match symbol["location"].take() {
        Value::Null => {
            let range: Range = serde_json::from_value(symbol["range"].take()).ok()?;
            Location { uri: document.to_owned(), range }
        }
        location => serde_json::from_value(location).ok()?,
    };
    Some(Symbol { kind, name, location })
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completions_of_all_shapes() {
        assert_eq!(completions(Value::Null), CompletionList::default());
        let list = completions(json!({ "isIncomplete": true, "items": [
            { "label": "a", "kind": 3, "documentation": "text", "sortText": "1", "data": {} },
            { "label": "b", "documentation": { "kind": "markdown", "value": "x" }, "detail": null },
            { "kind": 1 },
        ] }));
        assert!(list.is_incomplete && list.items.len() == 2);
        assert_eq!(list.items[0].documentation, Some(json!({ "kind": "plaintext", "value": "text" })));
        assert_eq!(list.items[1].documentation, Some(json!({ "kind": "markdown", "value": "x" })));
        assert_eq!(completions(json!([{ "label": "c" }])).items[0].label, "c");
    }

    #[test]
    fn symbols_become_flat() {
        let range = json!({ "start": { "line": 1, "character": 2 }, "end": { "line": 3, "character": 4 } });
        let child = json!({ "name": "child", "kind": 6, "range": range, "selectionRange": range });
        let answer = json!([
            { "name": "parent", "kind": 5, "range": range, "children": [child] },
            { "name": "other", "kind": 12, "location": { "uri": "file:///b", "range": range } },
            { "name": "nowhere", "kind": 12, "location": { "uri": "file:///c" } },
            { "name": 1 },
        ]);
        let symbols = symbols(answer, "file:///a");
        let names: Vec<_> = symbols.iter().map(|one| (one.name.as_str(), one.location.uri.as_str())).collect();
        let expected =
            [("parent", "file:///a"), ("child", "file:///a"), ("other", "file:///b"), ("nowhere", "file:///c")];
        assert_eq!(names, expected);
        assert_eq!((symbols[1].location.range.start.line, symbols[1].location.range.end.character), (1, 4));
        assert!(super::symbols(Value::Null, "").is_empty());
    }
}
