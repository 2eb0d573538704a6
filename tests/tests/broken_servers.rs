//! Every conformance case is proved able to pass and able to fail: the sound contract server passes
//! all, and each of its defects fails the case it names.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use socketio_conformance::{Case, CaseResult, Runner, Subject, Verdict, cases};
use socketio_fixtures::Limits;
use socketio_fixtures::broken::{self, Defect};
use socketio_harness::{close, create_app};

#[tokio::test]
async fn the_sound_server_passes_every_case() -> Result<(), Box<dyn Error>> {
    let app = create_app(broken::router_with(LIMITS, None)).await?;
    let report = Runner::new(Subject::parse(&app.url())?, cases()).run().await;
    assert!(report.is_success(), "{report}");
    Ok(close(app).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_defect_is_caught_by_the_case_it_names() -> Result<(), Box<dyn Error>> {
    let results: Vec<_> = stream::iter(Defect::ALL)
        .map(|&defect| async move { judge(defect).await.map(|result| (defect, result)) })
        .buffer_unordered(SERVERS_AT_A_TIME)
        .collect()
        .await;
    let mut missed = String::new();
    for result in results {
        let (defect, result) = result?;
        match result.verdict {
            Verdict::Failed(_) => {}
            Verdict::Passed => {
                writeln!(missed, "{defect} was not caught by {}: it passed", result.id)?;
            }
            other => writeln!(missed, "{defect} was not caught by {}: {other:?}", result.id)?,
        }
    }
    assert!(missed.is_empty(), "{missed}");
    Ok(())
}

#[test]
fn every_case_is_named_by_a_defect() {
    let cases = cases();
    let ids: BTreeSet<_> = cases.iter().map(Case::id).collect();
    let named: BTreeSet<_> = Defect::ALL.iter().map(|defect| defect.caught_by()).collect();
    assert_eq!(ids, named);
}

/// What the named case says of a server with the defect.
async fn judge(defect: Defect) -> Result<CaseResult, Box<dyn Error>> {
    let named = cases().into_iter().filter(|case| case.id() == defect.caught_by()).collect();
    let app = create_app(broken::router_with(LIMITS, defect)).await?;
    let report = Runner::new(Subject::parse(&app.url())?, named).timeout(PATIENCE).run().await;
    close(app).await?;
    let result = report.results.into_iter().next();
    result.ok_or_else(|| format!("{defect}: there is no case {}", defect.caught_by()).into())
}

/// Slower than the contract, so that what comes too early is early on a loaded machine as well.
const LIMITS: Limits = Limits {
    ping_interval: Duration::from_millis(400),
    ping_timeout: Duration::from_millis(600),
    ..Limits::contract()
};
/// A case takes little of a processor and much waiting.
const SERVERS_AT_A_TIME: usize = 24;
/// Longer than three heartbeats, with the allowance that the cases ask for.
const PATIENCE: Duration = Duration::from_secs(4);
