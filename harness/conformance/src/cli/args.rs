use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{ArgGroup, Parser};

/// Judge a Socket.IO server by 40 requirements of its two protocols.
///
/// Give the URL of a server that runs, or the command that starts one. Without either, the embedded
/// contract server (socketioxide) is booted and judged.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP, max_term_width = 80)]
#[command(group(ArgGroup::new("server").args(["url", "command"])))]
pub(crate) struct Args {
    /// Judge the server at this address; it has to serve the contract below
    #[arg(long, value_name = "http://HOST:PORT")]
    pub(crate) url: Option<String>,

    /// Trust this certificate, or what it has signed, when the address begins with https (PEM)
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) root_certificate: Option<PathBuf>,

    /// Path under which the server answers
    #[arg(long, value_name = "PATH", default_value = "/socket.io", requires = "server")]
    pub(crate) path: String,

    /// Start the server with this command, judge it and end it: `-- node server.js`. It is told a
    /// free port in the variable PORT, and wherever {port} stands
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,

    /// How long the command may take until the server answers
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    #[arg(requires = "command")]
    pub(crate) start_timeout: Duration,

    /// Run only the cases with this word in their id (upgrade), or matching this glob (sio.*);
    /// repeatable
    #[arg(long = "case", value_name = "PATTERN")]
    pub(crate) cases: Vec<String>,

    /// How long a case may take
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds_of_a_case)]
    pub(crate) timeout: Duration,

    /// How many cases run at a time
    #[arg(long, value_name = "N", default_value = "16")]
    pub(crate) jobs: std::num::NonZeroUsize,

    /// Failures that are known and explained, and do not fail the run (TOML, see below)
    #[arg(long, value_name = "FILE")]
    pub(crate) known_failures: Option<PathBuf>,

    /// Write what failed into a file of known failures, whose reasons are left to be filled in.
    /// What is known already is kept: it may be the same file
    #[arg(long, value_name = "FILE")]
    pub(crate) write_known_failures: Option<PathBuf>,

    /// Write the report as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// Write the report as JSON, with every frame of every case
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Write the report as a page for a browser, with every frame of every case
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Beside this report on the page: that of another server, or of an earlier run, as --json has
    /// written it; repeatable
    #[arg(long, value_name = "FILE", requires = "html")]
    pub(crate) beside: Vec<PathBuf>,

    /// List the cases and what each requires, and exit
    #[arg(long)]
    pub(crate) list: bool,

    /// Print what a server has to serve so that it can be judged, and exit
    #[arg(long, conflicts_with = "list")]
    pub(crate) contract: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    at_least(SHORTEST, text)
}

fn seconds_of_a_case(text: &str) -> Result<Duration, String> {
    at_least(SHORTEST_CASE, text)
}

fn at_least(shortest: Duration, text: &str) -> Result<Duration, String> {
    let seconds: f64 =
        text.parse().map_err(|_| "expected a number of seconds, such as 2.5".to_owned())?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| (shortest..=LONGEST).contains(duration))
        .ok_or_else(|| format!("between {} and {} seconds", shortest.as_secs(), LONGEST.as_secs()))
}

const SHORTEST: Duration = Duration::from_secs(1);
/// Three heartbeats of the contract, and what a busy machine may be late.
const SHORTEST_CASE: Duration = Duration::from_secs(4);
const LONGEST: Duration = Duration::from_hours(1);

const AFTER_HELP: &str = "\
What a server has to serve, in short (--contract says it in full):
  /, /custom        emit auth with the payload of CONNECT on connection
  message           emit message-back with the same arguments
  message-with-ack  acknowledge with the same arguments
  intervals         ping 300 ms, timeout 200 ms, connect timeout 1 s

A file of known failures holds an entry of this form for each:
  [[failure]]
  case = \"sio.event.echoes_arguments_in_order\"
  reason = \"why the server departs\"
  came = \"part of what came\"   (optional: other failures of the case count)
  transcript = \"\"\"the conversation that proves it\"\"\"

Exit code: 0 if every case passes or fails as known, 1 if one does not,
2 if the run could not be made.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_are_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn a_timeout_is_a_sensible_number_of_seconds() {
        assert_eq!(seconds("2.5"), Ok(Duration::from_millis(2500)));
        for nonsense in ["0", "-1", "NaN", "1e9", "10s"] {
            assert!(seconds(nonsense).is_err(), "{nonsense}");
        }
        assert!(seconds_of_a_case("3.9").is_err() && seconds_of_a_case("4").is_ok());
    }
}
