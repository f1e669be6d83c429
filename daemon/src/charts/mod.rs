//! Engine: figures out of a Python run. The program is wrapped so that matplotlib's `show` prints
//! each figure as one marked line; those lines are taken out of the output and read.
//!
//! * `wrapper.py` what runs in the sandbox's Python
//! * [`mentions_matplotlib`] whether a program needs it: importing it costs time and needs numpy and Pillow

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use memchr::{memchr, memmem};
use paddock_wire::toolbox::chart::Chart;
use serde::Deserialize;
use tracing::warn;

/// Starts a line of output that is a chart.
pub const MARKER: &str = "dtn_artifact_k39fd2:";

const WRAPPER: &str = include_str!("wrapper.py");
const CODE_PLACE: &str = "@PADDOCK_USER_CODE@";

/// Ways to get at a module by name.
const LOADERS: [&str; 4] = ["__import__", "import_module", "sys.modules", "find_spec"];

#[derive(Deserialize)]
struct Artifact {
    #[serde(rename = "type")]
    kind: String,
    value: Chart,
}

/// Whether the program uses matplotlib, as far as its text tells; comments do not count.
pub fn mentions_matplotlib(code: &str) -> bool {
    code.lines().map(without_comment).any(|line| {
        let imports = line.split(';').map(str::trim_start).any(|statement| {
            let statement = statement.rsplit(':').next().unwrap_or_default().trim_start();
            ["import ", "import\t", "from ", "from\t"].iter().any(|word| statement.starts_with(word))
        });
        line.contains("matplotlib") && (imports || LOADERS.iter().any(|loader| line.contains(loader)))
    })
}

/// As the SDKs have always read it: a `#` within a string counts too, and hides an import after it on its line.
fn without_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or_default()
}

/// The program, within the wrapper.
pub fn wrap(code: &str) -> String {
    WRAPPER.replace(CODE_PLACE, &BASE64_STANDARD.encode(code))
}

/// Splits output into text and charts. A marked line that is no chart is dropped: no reader could use it.
/// The text stays where it is: both can be large, and there must not be a second copy beside them.
pub fn take_out(output: String) -> (String, Vec<Chart>) {
    if !output.contains(MARKER) {
        return (output, Vec::new());
    }
    let mut bytes = output.into_bytes();
    let mut charts = Vec::new();
    let (mut kept, mut start) = (0, 0);
    while start < bytes.len() {
        let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |at| start + at + 1);
        let length = read_line(&bytes[start..end], &mut charts);
        bytes.copy_within(start..start + length, kept);
        (kept, start) = (kept + length, end);
    }
    bytes.truncate(kept);
    bytes.shrink_to_fit();
    (String::from_utf8(bytes).expect("cut at ASCII characters only"), charts)
}

/// Adds the line's chart; returns how many bytes at its start are text.
fn read_line(line: &[u8], charts: &mut Vec<Chart>) -> usize {
    let Some(before) = memmem::find(line, MARKER.as_bytes()) else { return line.len() };
    match serde_json::from_slice::<Artifact>(&line[before + MARKER.len()..]) {
        // The program may have printed something without ending the line.
        Ok(artifact) if artifact.kind == "chart" => {
            charts.push(artifact.value);
            before
        }
        _ if before > 0 => line.len(),
        Ok(artifact) => {
            warn!(kind = artifact.kind, "unknown artifact dropped");
            0
        }
        Err(error) => {
            warn!(%error, "unreadable artifact dropped");
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_need_the_wrapper() {
        for code in [
            "import matplotlib.pyplot as plt",
            "  from matplotlib import pyplot",
            "import numpy, matplotlib",
            "x = 1; import matplotlib",
            "if True: import matplotlib",
            "plt = __import__('matplotlib.pyplot')",
            "importlib.import_module(\"matplotlib\")",
            "sys.modules['matplotlib']",
        ] {
            assert!(mentions_matplotlib(code), "{code}");
        }
        for code in ["print('matplotlib')", "# import matplotlib", "x = 1  # import matplotlib", "import numpy", ""] {
            assert!(!mentions_matplotlib(code), "{code}");
        }
    }

    #[test]
    fn charts_leave_the_text() {
        let chart = r#"{"type":"chart","value":{"type":"bar","title":"t","elements":[{"label":"a","value":"1.5"}]}}"#;
        let output =
            format!("before\n{MARKER}{chart}\nafter\n{MARKER}not JSON\n x {MARKER}\npart {MARKER}{chart}\nend");
        let (text, charts) = take_out(output);
        assert_eq!(text, format!("before\nafter\n x {MARKER}\npart end"));
        assert_eq!(charts.len(), 2);
        assert_eq!(charts[0].elements[0].value.as_deref(), Some("1.5"));
    }

    #[test]
    fn a_number_where_clients_want_text_is_no_chart() {
        let (text, charts) =
            take_out(format!(r#"{MARKER}{{"type":"chart","value":{{"type":"bar","elements":[{{"value":1}}]}}}}"#));
        assert_eq!((text.as_str(), charts.len()), ("", 0));
    }

    #[test]
    fn the_wrapper_carries_any_program() {
        let wrapped = wrap("print('''\"\\''')\n");
        assert!(!wrapped.contains(CODE_PLACE));
        assert!(wrapped.contains(&BASE64_STANDARD.encode("print('''\"\\''')\n")));
    }
}
