//! The result, for a terminal and for a page.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};

use super::{Case, Verdict};

pub fn text(results: &[(Case, Verdict)]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["service", "what we rely on", "result", "reason"]);
    for (case, verdict) in results {
        let (result, reason) = words(verdict);
        table.add_row([case.service, case.name, result, reason]);
    }
    format!("{table}\n{}", summary(results))
}

pub fn markdown(endpoint: &str, results: &[(Case, Verdict)]) -> String {
    let today = time::OffsetDateTime::now_utc().date();
    let mut page = format!("Endpoint `{endpoint}`, {today}. {}\n\n", summary(results));
    page.push_str("| service | what we rely on | result | reason |\n|---|---|---|---|\n");
    for (case, verdict) in results {
        let (result, reason) = words(verdict);
        let reason = reason.replace('|', "\\|").replace('\n', " ");
        page.push_str(&format!("| {} | {} | {result} | {reason} |\n", case.service, case.name));
    }
    page
}

fn words(verdict: &Verdict) -> (&'static str, &str) {
    match verdict {
        Verdict::Pass => ("pass", ""),
        Verdict::Fail(reason) => ("FAIL", reason),
        Verdict::Unsupported(reason) => ("unsupported", reason),
    }
}

fn summary(results: &[(Case, Verdict)]) -> String {
    let count = |wanted: fn(&Verdict) -> bool| results.iter().filter(|(_, verdict)| wanted(verdict)).count();
    format!(
        "{} pass, {} fail, {} unsupported",
        count(|verdict| matches!(verdict, Verdict::Pass)),
        count(|verdict| matches!(verdict, Verdict::Fail(_))),
        count(|verdict| matches!(verdict, Verdict::Unsupported(_))),
    )
}
