//! The table in `README.md`, kept in step with the tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A row of the table: its number, its answer, the file of its tests.
struct Row {
    number: usize,
    answer: String,
    file: Option<String>,
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pains"))
}

fn rows() -> Vec<Row> {
    let table = fs::read_to_string(folder().join("README.md")).expect("the table");
    let rows = table.lines().filter_map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [number, _, answer, file] = cells[..] else { return None };
        let file = Some(file.trim_matches('`').to_owned()).filter(|file| !file.is_empty());
        Some(Row { number: number.parse().ok()?, answer: answer.to_owned(), file })
    });
    rows.collect()
}

/// By the number of the pain, the files with tests named after it.
fn tests() -> BTreeMap<usize, BTreeSet<String>> {
    let mut tests: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for entry in fs::read_dir(folder()).expect("the folder of this file") {
        let path = entry.expect("it can be listed").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.extension().is_none_or(|extension| extension != "rs") || name == "readme.rs" {
            continue;
        }
        let source = fs::read_to_string(&path).expect("source text");
        for (_, rest) in
            source.match_indices("fn pain_").map(|(at, it)| source.split_at(at + it.len()))
        {
            let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
            let number = number.parse().expect("a pain's number follows");
            tests.entry(number).or_default().insert(name.clone());
        }
    }
    tests
}

#[test]
fn every_pain_has_a_test_or_a_sentence_why_not() {
    let (rows, tests) = (rows(), tests());
    assert!(rows.iter().map(|row| row.number).eq(1..=34), "a row each, in order");
    for Row { number, answer, file } in &rows {
        match (file, tests.get(number)) {
            (Some(file), Some(files)) => {
                assert!(files.contains(file), "{number}: {file}, {files:?}");
            }
            (None, None) => assert!(answer.starts_with("not built: "), "{number}: {answer}"),
            (file, files) => {
                panic!("{number}: the table says {file:?}, the tests are in {files:?}")
            }
        }
    }
    assert!(tests.keys().all(|number| (1..=34).contains(number)), "{tests:?}");
}
