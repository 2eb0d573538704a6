//! Colours of failures: where a person reads along, and nowhere else.

use std::fmt;

use anstyle::{AnsiColor, Style};

/// What a piece of a failure is, for its colour.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    Heading,
    Expected,
    Actual,
    Hint,
    Aside,
}

/// A value in the colour of its role.
pub(super) fn paint(role: Role, value: impl fmt::Display) -> String {
    let style = match role {
        Role::Heading => Style::new().bold(),
        Role::Expected => AnsiColor::Green.on_default(),
        Role::Actual => AnsiColor::Red.on_default(),
        Role::Hint => AnsiColor::Yellow.on_default(),
        Role::Aside => Style::new().dimmed(),
    };
    format!("{style}{value}{style:#}")
}

/// The text as the terminal takes it, for a panic: its colours stay if standard error is a terminal
/// and `NO_COLOR` is not set.
pub(super) fn for_standard_error(text: &str) -> String {
    match anstream::AutoStream::choice(&std::io::stderr()) {
        anstream::ColorChoice::Never => plain(text),
        _ => text.to_owned(),
    }
}

/// The text without its colours.
pub(super) fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
