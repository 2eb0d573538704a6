mod args;
mod embedded;
mod list;
mod problem;
mod progress;

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

use socketio_conformance::{
    CONTRACT, Case, Context, FailureKind, KnownFailures, Report, Runner, Subject, Verdict, cases,
    raw, select,
};

use self::{embedded::Embedded, problem::Problem, progress::Progress};

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
    let known = match &args.known_failures {
        Some(file) => read_known_failures(file, &all)?,
        None if args.url.is_none() => embedded::known_failures(&all)?,
        None => KnownFailures::default(),
    };
    let (report, server) = if let Some(url) = &args.url {
        let subject = Subject::parse(url)?.with_path(&args.path);
        expect_answer(&subject).await?;
        (judge(&args, subject, selected, known).await, None)
    } else {
        let server = Embedded::boot().await?;
        let mut report = judge(&args, server.subject()?, selected, known).await;
        report.subject = format!("the embedded server, {}", report.subject);
        (report, Some(server))
    };
    print(&format!("{}{}", report.text().coloured(), next_step(&args, &report)))?;
    if let Some(file) = &args.junit {
        write(file, &report.to_junit()?)?;
    }
    if let Some(file) = &args.json {
        write(file, &format!("{:#}\n", report.to_json()))?;
    }
    // Last, so that a server that does not let go costs no report.
    if let Some(server) = server {
        server.close().await?;
    }
    Ok(report.is_success())
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

/// A server that does not answer at all would fail every case and explain none.
async fn expect_answer(subject: &Subject) -> Result<(), Problem> {
    let ctx = Context::new(subject.clone(), Duration::from_secs(5));
    let came = match raw::request(&ctx, raw::Method::GET, "EIO=4&transport=polling", "").await {
        Ok(reply) if reply.status != 404 => return Ok(()),
        Ok(_) => {
            return Err(Problem::WrongPath { subject: subject.clone() });
        }
        Err(failure) if failure.kind == FailureKind::Silence => "no answer in 5 s".to_owned(),
        Err(failure) => failure.came,
    };
    Err(Problem::Unreachable { subject: subject.clone(), came })
}

fn read_known_failures(file: &Path, cases: &[Case]) -> Result<KnownFailures, Problem> {
    let text = fs::read_to_string(file).map_err(Problem::file("read", file))?;
    KnownFailures::parse(&text, cases)
        .map_err(|source| Problem::KnownFailures { file: file.display().to_string(), source })
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

fn write(file: &Path, text: &str) -> Result<(), Problem> {
    fs::write(file, text).map_err(Problem::file("write", file))
}

/// What the reader may want to do next, as commands to copy.
fn next_step(args: &Args, report: &Report) -> String {
    let program = match std::env::var_os("CARGO") {
        Some(_) => "cargo run --",
        None => "socketio-conformance",
    };
    let subject = match &args.url {
        Some(url) if args.path == "/socket.io" => format!(" --url {url}"),
        Some(url) => format!(" --url {url} --path {}", args.path),
        None => String::new(),
    };
    let failed = |verdict: &Verdict| !verdict.is_success();
    if let Some(first) = report.results.iter().find(|result| failed(&result.verdict)) {
        return format!("\nRun one case again:\n  {program}{subject} --case {}\n", first.id);
    }
    match args.url {
        Some(_) => String::new(),
        None => format!(
            "\nJudge your own server (--contract says what it has to serve):\n  \
             {program} --url http://127.0.0.1:3000\n",
        ),
    }
}
