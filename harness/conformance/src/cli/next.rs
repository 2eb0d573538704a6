use std::fmt::Write as _;

use socketio_conformance::{Report, Verdict};

use super::Args;

/// What the reader may want to do next, as commands to copy.
pub(crate) fn steps(args: &Args, report: &Report) -> String {
    let failed: Vec<_> = report
        .results
        .iter()
        .filter(|result| matches!(result.verdict, Verdict::Failed(_)))
        .map(|result| &*result.id)
        .collect();
    let unsuccessful = report.results.iter().find(|result| !result.verdict.is_success());
    let mut steps = String::new();
    let mut step = |what: &str, command: &str| {
        // Writing to a string cannot fail.
        let _ = write!(steps, "\n{what}:\n  {command}\n");
    };
    if CONTRACT.iter().filter(|id| failed.contains(id)).count() > 1 {
        step(
            "Does the server serve the contract? It seems not to answer its events. To read it",
            &command(args, "--contract", false),
        );
    }
    if let Some(first) = unsuccessful {
        step("Run one case again", &command(args, &format!("--case {}", first.id), true));
    }
    let is_stale = report.summary().unexpected_passes > 0;
    match (&args.known_failures, &args.write_known_failures) {
        (_, Some(file)) if !failed.is_empty() => step(
            "Once each failure that is to pass has its reason in the file",
            &command(args, &format!("--known-failures {}", file.display()), true),
        ),
        (Some(file), None) if is_stale || !failed.is_empty() => {
            let file = file.display();
            let options = format!("--known-failures {file} --write-known-failures {file}");
            step("Bring the known failures up to date", &command(args, &options, true));
        }
        (None, None) if !failed.is_empty() => step(
            "Write down what failed, to explain it and let it pass",
            &command(args, "--write-known-failures known.toml", true),
        ),
        _ => {}
    }
    if unsuccessful.is_none() && args.url.is_none() && args.command.is_empty() {
        step(
            "Judge your own server (--contract says what it has to serve)",
            &command(args, "--url http://127.0.0.1:3000", false),
        );
        step("Or let it be started, and ended", &command(args, "-- node server.js", false));
    }
    steps
}

/// A command line with `option`, for the same server if `same`.
fn command(args: &Args, option: &str, same: bool) -> String {
    let program = match std::env::var_os("CARGO") {
        Some(_) => "cargo run --",
        None => "socketio-conformance",
    };
    let mut words = vec![program.to_owned()];
    if same {
        words.extend(args.url.iter().map(|url| format!("--url {url}")));
        let certificate = args.root_certificate.iter();
        words.extend(certificate.map(|file| format!("--root-certificate {}", file.display())));
        if args.path != "/socket.io" {
            words.push(format!("--path {}", args.path));
        }
    }
    words.push(option.to_owned());
    if same && !args.command.is_empty() {
        words.push("--".to_owned());
        words.extend(args.command.iter().map(|word| word.to_string_lossy().into_owned()));
    }
    words.join(" ")
}

/// What only a server that does not serve the contract is likely to fail together.
const CONTRACT: [&str; 4] = [
    "sio.connect.passes_the_auth_payload",
    "sio.event.echoes_arguments_in_order",
    "sio.ack.answers_with_the_same_id",
    "sio.connect.joins_a_custom_namespace",
];
