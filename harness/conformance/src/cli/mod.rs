mod args;
mod list;
mod next;
mod problem;
mod progress;
mod server;

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

use socketio_conformance::{
    CONTRACT, Case, Context, FailureKind, KnownFailures, Report, Runner, Subject, cases, raw,
    select,
};

use self::{problem::Problem, progress::Progress, server::Server};

pub(crate) use self::args::Args;

/// Does what the command line asks for; whether the run succeeded.
pub(crate) async fn run(args: Args) -> Result<bool, Problem> {
    let all = cases();
    let selected = select(all.clone(), &args.cases)?;
    if args.contract {
        return print(CONTRACT).map(|()| true);
    }
    if args.list {
        return print(&list::List(&selected).to_string()).map(|()| true);
    }
    // A variable of a script that stands for the command may be empty.
    if args.command.is_empty() && std::env::args_os().any(|argument| argument == "--") {
        return Err(Problem::NoCommand);
    }
    let is_embedded = args.url.is_none() && args.command.is_empty();
    let known = match &args.known_failures {
        Some(file) => read_known_failures(file, &all)?,
        None if is_embedded => server::known_failures(&all)?,
        None => KnownFailures::default(),
    };
    let beside: Vec<_> =
        args.beside.iter().map(|file| read_report(file)).collect::<Result<_, _>>()?;
    let server = match &args.url {
        Some(_) => None,
        None if is_embedded => Some(Server::embedded().await?),
        None => Some(Server::command(&args.command, &args.path, args.start_timeout).await?),
    };
    let subject = match (&args.url, &server) {
        (Some(url), _) => trusting(Subject::parse(url)?, args.root_certificate.as_deref())?,
        (None, Some(server)) => server.subject()?,
        (None, None) => return Err(Problem::NoCommand),
    };
    let subject = subject.with_path(&args.path);
    expect_answer(&subject).await?;
    let mut report = judge(&args, subject, selected, known.clone()).await;
    if let Some(server) = &server {
        report.subject = format!("{}, {}", server.name, report.subject);
    }
    print(&format!("{}{}", report.text().coloured(), next::steps(&args, &report)))?;
    let is_success = report.is_success();
    if !is_success && let Some(words) = server.as_ref().and_then(Server::last_words) {
        anstream::eprintln!("\nThe last lines that the server printed:\n{words}");
    }
    let reports = write_reports(&args, &report, &known, &beside);
    // Last, so that a server that does not let go costs no report.
    let left = match server {
        Some(server) => server.close().await,
        None => Ok(()),
    };
    conclude(is_success, &left, reports)
}

/// The subject, whose certificate may be of its owner's making.
fn trusting(subject: Subject, certificate: Option<&Path>) -> Result<Subject, Problem> {
    let Some(file) = certificate else { return Ok(subject) };
    let pem = fs::read(file).map_err(Problem::file("read", file))?;
    subject
        .root_certificate(pem)
        .map_err(|source| Problem::Certificate { file: file.display().to_string(), source })
}

/// A server that crashed, or did not let go, has failed a run that was made.
fn conclude(
    is_success: bool,
    left: &Result<(), Problem>,
    reports: Result<(), Problem>,
) -> Result<bool, Problem> {
    if let Err(problem) = left {
        anstream::eprintln!("error: {problem}");
    }
    reports.map(|()| is_success && left.is_ok())
}

async fn judge(args: &Args, subject: Subject, cases: Vec<Case>, known: KnownFailures) -> Report {
    let progress = Progress::start(cases.len());
    let bar = progress.clone();
    let report = Runner::new(subject, cases)
        .timeout(args.timeout)
        .jobs(args.jobs.get())
        .known_failures(known)
        .on_result(move |result| bar.advance(result))
        .run()
        .await;
    progress.finish();
    report
}

/// A server that does not answer at all, or is none of Socket.IO, would fail every case and explain
/// none.
async fn expect_answer(subject: &Subject) -> Result<(), Problem> {
    let ctx = Context::new(subject.clone(), Duration::from_secs(5));
    let subject = subject.to_string();
    match raw::request(&ctx, raw::Method::GET, "EIO=4&transport=polling", "").await {
        Ok(reply) if reply.status == 404 => Err(Problem::WrongPath { subject }),
        Ok(reply) if speaks_engine_io(&reply) => Ok(()),
        Ok(reply) => Err(Problem::NotSocketIo { subject, came: reply.to_string() }),
        Err(failure) => {
            let came = match failure.kind {
                FailureKind::Silence => "no answer in 5 s".to_owned(),
                _ => failure.came,
            };
            Err(Problem::Unreachable { subject, came })
        }
    }
}

/// Whether a reply to a handshake may be an Engine.IO server's, be it a wrong one. A server that
/// serves websockets alone answers 400.
fn speaks_engine_io(reply: &raw::Reply) -> bool {
    match reply.status {
        200 => reply.body.starts_with('0') || reply.body.contains("\"sid\""),
        status => status == 400,
    }
}

fn read_known_failures(file: &Path, cases: &[Case]) -> Result<KnownFailures, Problem> {
    let text = fs::read_to_string(file).map_err(Problem::file("read", file))?;
    KnownFailures::parse(&text, cases)
        .map_err(|source| Problem::KnownFailures { file: file.display().to_string(), source })
}

fn read_report(file: &Path) -> Result<Report, Problem> {
    let text = fs::read_to_string(file).map_err(Problem::file("read", file))?;
    Report::from_json(&text)
        .map_err(|source| Problem::Report { file: file.display().to_string(), source })
}

/// Writes to standard output; a reader that has seen enough is no problem.
fn print(text: &str) -> Result<(), Problem> {
    match anstream::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::file("write", Path::new("standard output"))(error))
        }
        _ => Ok(()),
    }
}

/// All that were asked for; the first that cannot be written is the problem.
fn write_reports(
    args: &Args,
    report: &Report,
    known: &KnownFailures,
    beside: &[Report],
) -> Result<(), Problem> {
    let failures = args.write_known_failures.as_ref();
    let failures = failures.map_or(Ok(()), |file| write(file, &known.updated(report)));
    let junit = args.junit.as_ref().map_or(Ok(()), |file| write(file, &report.to_junit()?));
    let json =
        args.json.as_ref().map_or(Ok(()), |file| write(file, &format!("{:#}\n", report.to_json())));
    let page = || report.html().beside(beside).to_string();
    let html = args.html.as_ref().map_or(Ok(()), |file| write(file, &page()));
    failures.and(junit).and(json).and(html)
}

/// Writes a file, and makes the folders it is to stand in.
fn write(file: &Path, text: &str) -> Result<(), Problem> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(file, text))
        .map_err(Problem::file("write", file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_crashes_fails_the_run_that_was_made() {
        let crashed = || Err(Problem::Left("it has ended".to_owned()));
        assert!(matches!(conclude(true, &Ok(()), Ok(())), Ok(true)));
        assert!(matches!(conclude(true, &crashed(), Ok(())), Ok(false)));
        assert!(matches!(conclude(false, &crashed(), Ok(())), Ok(false)));
        // A report that could not be written is told all the same.
        assert!(conclude(false, &crashed(), Err(Problem::NoCommand)).is_err());
    }
}
