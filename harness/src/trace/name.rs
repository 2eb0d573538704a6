//! What a trace is called.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The name of the test that runs on this thread: `binary::module::test`.
pub(crate) fn of_the_test() -> String {
    let binary = std::env::current_exe().ok();
    let stem = binary.as_deref().and_then(Path::file_stem).and_then(|stem| stem.to_str());
    let binary = without_hash(stem.unwrap_or("test"));
    let thread = std::thread::current();
    // libtest calls its threads after the tests, unless there is but one.
    let test = match thread.name() {
        Some(name) if name != "main" => Some(name.to_owned()),
        _ => std::env::var("NEXTEST_TEST_NAME").ok(),
    };
    match test {
        Some(test) => format!("{binary}::{test}"),
        None => binary.to_owned(),
    }
}

/// `page` of `page-0123456789abcdef`, as cargo calls the binaries of tests.
fn without_hash(stem: &str) -> &str {
    match stem.rsplit_once('-') {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            name
        }
        _ => stem,
    }
}

/// A file name for the test, without extension; no two apps of this process get the same.
pub(crate) fn file_for(directory: &Path, test: &str) -> PathBuf {
    static TAKEN: Mutex<Option<HashMap<PathBuf, usize>>> = Mutex::new(None);
    let path = directory.join(safe(test));
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let count = taken.get_or_insert_default().entry(path.clone()).or_default();
    *count += 1;
    match *count {
        1 => path,
        count => PathBuf::from(format!("{}-{count}", path.display())),
    }
}

/// Good on every file system: `page.adds_its_arguments.case_1`.
fn safe(test: &str) -> String {
    let name: String = test
        .replace("::", ".")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' })
        .collect();
    let name = name.trim_start_matches('.');
    if name.len() <= MAX_NAME {
        return name.to_owned();
    }
    // What is cut off may be all that tells two tests apart.
    let mut hasher = DefaultHasher::new();
    test.hash(&mut hasher);
    format!("{}-{:016x}", name.get(..MAX_NAME).unwrap_or_default(), hasher.finish())
}

/// Leaves room for a number and an extension within the 255 bytes of a file name.
const MAX_NAME: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tests_become_names_of_files() {
        assert_eq!(safe("page::sums::case_1_a b/c"), "page.sums.case_1_a-b-c");
        assert_eq!(safe("../../etc/passwd"), "-..-etc-passwd");
        assert_eq!(without_hash("page-0123456789abcdef"), "page");
        assert_eq!(without_hash("my-server"), "my-server");
        let long = safe(&"x".repeat(500));
        assert!(long.len() < 230 && long != safe(&"x".repeat(501)), "{long}");
    }

    #[test]
    fn several_apps_of_a_test_get_files_of_their_own() {
        let file = || file_for(Path::new("traces"), "names::several_apps");
        assert_eq!(file(), Path::new("traces/names.several_apps"));
        assert_eq!(file(), Path::new("traces/names.several_apps-2"));
    }
}
