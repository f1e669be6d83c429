//! File sizes: median at most 200 lines, nine of ten at most 400, none above 600.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use walkdir::{DirEntry, WalkDir};

use super::Findings;
use crate::paths::repo;
use crate::progress::note;

const MEDIAN: usize = 200;
const NINETY_PERCENT: usize = 400;
const LARGEST: usize = 600;

pub fn look() -> Result<Findings> {
    let mut sizes = Vec::new();
    for path in sources() {
        let lines = fs::read_to_string(&path)?.lines().count();
        sizes.push((lines, path.strip_prefix(repo()).unwrap_or(&path).display().to_string()));
    }
    sizes.sort();
    if let Some((largest, path)) = sizes.last() {
        let (median, ninety) = (percentile(&sizes, 50), percentile(&sizes, 90));
        note(&format!("    {} Rust files: median {median}, 90 % {ninety}, largest {largest} ({path})", sizes.len()));
    }
    Ok(judge(&sizes))
}

fn judge(sizes: &[(usize, String)]) -> Findings {
    let mut findings = Vec::new();
    let (median, ninety) = (percentile(sizes, 50), percentile(sizes, 90));
    if median > MEDIAN {
        findings.push(format!("the median file has {median} lines; at most {MEDIAN}"));
    }
    if ninety > NINETY_PERCENT {
        findings.push(format!("a tenth of the files has more than {ninety} lines; at most {NINETY_PERCENT}"));
    }
    let huge = sizes.iter().filter(|(lines, _)| *lines > LARGEST);
    findings.extend(huge.map(|(lines, path)| format!("{path} has {lines} lines; at most {LARGEST}")));
    findings
}

fn percentile(sorted: &[(usize, String)], percent: usize) -> usize {
    sorted.get(sorted.len().saturating_sub(1) * percent / 100).map_or(0, |(lines, _)| *lines)
}

/// Every Rust file that people wrote.
pub fn sources() -> Vec<PathBuf> {
    let hidden = |entry: &DirEntry| entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.');
    let foreign = |entry: &DirEntry| ["target", "node_modules"].iter().any(|name| entry.file_name() == *name);
    let walk = WalkDir::new(repo()).into_iter().filter_entry(move |entry| !hidden(entry) && !foreign(entry));
    let paths = walk.filter_map(Result::ok).map(DirEntry::into_path);
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(lines: &[usize]) -> Vec<(usize, String)> {
        lines.iter().map(|lines| (*lines, format!("{lines}.rs"))).collect()
    }

    #[test]
    fn judges_median_tail_and_largest() {
        assert!(judge(&files(&[10, 200, 400])).is_empty());
        assert_eq!(judge(&files(&[10, 201, 601])).len(), 2, "median and largest");
        assert_eq!(judge(&files(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 401, 500])).len(), 1, "the tail");
    }
}
