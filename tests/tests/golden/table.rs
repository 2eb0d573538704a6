//! The table of deviations.

use std::fs;

use crate::scenario::{Scenario, deviations, path};

#[test]
fn every_deviation_has_its_reason_in_the_table() {
    let readme = fs::read_to_string(path("README.md")).expect("the README is there");
    for deviation in deviations() {
        let row = format!("| `{}` |", deviation.reason);
        assert!(readme.contains(&row), "{deviation:?}: no row begins with {row:?}");
    }
}

#[test]
fn every_row_of_the_table_is_a_deviation() {
    let (listed, used) = (rows(), deviations());
    for row in listed {
        assert!(used.iter().any(|deviation| deviation.reason == row), "no step deviates for {row}");
    }
}

fn rows() -> Vec<String> {
    let readme = fs::read_to_string(path("README.md")).expect("the README is there");
    let (_, section) = readme.split_once("## Deviations").expect("the README has the section");
    let table = section.lines().filter(|line| line.starts_with("| `"));
    table.filter_map(|row| Some(row.strip_prefix("| `")?.split_once("` |")?.0.to_owned())).collect()
}

#[test]
fn a_deviation_differs_from_what_was_recorded() {
    for deviation in deviations() {
        let recorded = Scenario::recorded(&deviation.scenario);
        let recorded = recorded.step(deviation.step);
        let replaced = Scenario::load(&deviation.scenario);
        let replaced = replaced.step(deviation.step);
        assert!(
            (&recorded.timeline, &recorded.result) != (&replaced.timeline, &replaced.result),
            "{deviation:?} is what was recorded"
        );
    }
}
