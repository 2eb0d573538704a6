//! The trace of a test: when it is written, what is in it, and the page that shows it.

mod endings;
mod json;
mod page;
mod server;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// An empty directory for the traces of one test.
fn directory(test: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("traces").join(test);
    if directory.exists() {
        std::fs::remove_dir_all(&directory).expect("traces of before can be removed");
    }
    directory
}

/// The files in it, by name.
fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("the app has made the directory");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The only file with this extension.
fn file_of_kind(directory: &Path, extension: &str) -> PathBuf {
    let paths = files(directory).into_iter().map(|name| directory.join(name));
    let mut paths = paths.filter(|path| path.extension().is_some_and(|kind| kind == extension));
    paths.next().expect("a trace was written")
}

/// The trace of the only app.
fn read(directory: &Path) -> Value {
    let json = std::fs::read_to_string(file_of_kind(directory, "json")).expect("it can be read");
    serde_json::from_str(&json).expect("a trace is JSON")
}
