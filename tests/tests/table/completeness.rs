//! The table against the sources of the client.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::rows::ROWS;

/// The types whose every public method the table tries.
const TYPES: [&str; 8] = [
    "ClientBuilder",
    "ClientsBuilder",
    "NamespaceBuilder",
    "SocketIoClient",
    "AckFuture",
    "Once",
    "EventStream",
    "Reconnection",
];

#[test]
fn the_table_has_every_option_and_method() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../client/src");
    let mut public = BTreeSet::new();
    collect(&sources, &mut public);
    let covered: BTreeSet<_> =
        ROWS.iter().flat_map(|row| row.covers).map(|name| (*name).to_owned()).collect();
    let missing: Vec<_> = public.difference(&covered).collect();
    assert!(missing.is_empty(), "no row of the table tries {missing:?}");
    let gone: Vec<_> = covered.difference(&public).collect();
    assert!(gone.is_empty(), "rows of the table name what is not there: {gone:?}");
}

#[test]
fn what_a_row_names_is_called_in_the_table() {
    let rows = [
        include_str!("rows/options.rs"),
        include_str!("rows/methods.rs"),
        include_str!("rows/control.rs"),
        include_str!("rows/expectations.rs"),
    ];
    for name in ROWS.iter().flat_map(|row| row.covers) {
        let (_, method) = name.split_once("::").expect("a type and its method");
        let calls = [format!(".{method}("), format!("{name}(")];
        let called = |source: &&str| calls.iter().any(|call| source.contains(call));
        assert!(rows.iter().any(called), "no row calls {name}");
    }
}

/// The public methods of `TYPES` in the sources under a folder: `Type::method`.
fn collect(folder: &Path, public: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the sources of the client") {
        let path = entry.expect("an entry of the folder").path();
        if path.is_dir() {
            collect(&path, public);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("a source file");
            public.extend(methods(&source));
        }
    }
}

fn methods(source: &str) -> Vec<String> {
    let mut of = None;
    let mut found = Vec::new();
    for line in source.lines() {
        if line.starts_with("impl") {
            of = TYPES.into_iter().find(|name| {
                let rest =
                    line.split_once(name).map(|(before, after)| (before, after.chars().next()));
                // The whole name, and no trait's implementation.
                matches!(rest, Some(("impl ", Some(' ' | '<'))))
            });
        }
        let declared = ["    pub fn ", "    pub async fn ", "    pub const fn "];
        let method = declared.iter().find_map(|prefix| line.strip_prefix(prefix));
        if let (Some(of), Some(method)) = (of, method) {
            let name = method.split(|c: char| !c.is_alphanumeric() && c != '_').next();
            found.push(format!("{of}::{}", name.unwrap_or_default()));
        }
    }
    found
}

#[test]
fn methods_are_found_in_sources() {
    let source = "impl Once {\n    pub fn timeout(mut self) {}\n    fn private() {}\n}\n\
                  impl Future for Once {\n    pub fn none() {}\n}\nimpl OnceMore {\n    pub fn no() {}\n";
    assert_eq!(methods(source), ["Once::timeout"]);
}
