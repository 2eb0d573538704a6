use std::{fmt, sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    Case, CaseResult, Context, Failure, FailureKind, KnownFailures, Level, Report, Subject,
    Verdict,
    circumstances::{Circumstances, Doubt},
    stalls::noticing,
};

/// Runs cases against a server.
///
/// ```no_run
/// use socketio_conformance::{Runner, Subject, cases};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let subject = Subject::parse("http://127.0.0.1:3000")?;
/// let report = Runner::new(subject, cases()).run().await;
/// assert!(report.is_success(), "{report}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Runner {
    subject: Subject,
    cases: Vec<Case>,
    timeout: Duration,
    jobs: usize,
    known: KnownFailures,
    on_result: Arc<dyn Fn(&CaseResult) + Send + Sync>,
}

impl Runner {
    /// A runner of `cases` against `subject`: 10 seconds a case, 16 cases at a time, no known
    /// failures.
    pub fn new(subject: Subject, cases: Vec<Case>) -> Self {
        Self {
            subject,
            cases,
            timeout: Duration::from_secs(10),
            jobs: 16,
            known: KnownFailures::default(),
            on_result: Arc::new(|_| {}),
        }
    }

    /// How long a case may take.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// How many cases run at a time, at least one.
    #[must_use]
    pub fn jobs(self, jobs: usize) -> Self {
        let jobs = jobs.max(1);
        Self { jobs, ..self }
    }

    /// The failures that are explained already.
    #[must_use]
    pub fn known_failures(self, known: KnownFailures) -> Self {
        Self { known, ..self }
    }

    /// Called as soon as a case is done, in the order in which they finish.
    #[must_use]
    pub fn on_result(self, on_result: impl Fn(&CaseResult) + Send + Sync + 'static) -> Self {
        let on_result = Arc::new(on_result);
        Self { on_result, ..self }
    }

    /// Runs all cases; the results stand in the order of the cases.
    pub async fn run(self) -> Report {
        let began = Instant::now();
        let (runner, seen) = (&self, &Circumstances::watch(&self.subject));
        let mut results: Vec<_> = stream::iter(self.cases.iter().enumerate())
            .map(|(place, case)| async move {
                let result = runner.judge(case, seen).await;
                (runner.on_result)(&result);
                (place, result)
            })
            .buffer_unordered(self.jobs)
            .collect()
            .await;
        results.sort_by_key(|(place, _)| *place);
        Report {
            subject: self.subject.to_string(),
            duration: began.elapsed(),
            results: results.into_iter().map(|(_, result)| result).collect(),
        }
    }

    /// Holds the case until the machine kept time during it, within reason: a machine that stands
    /// still now and then will not do so in the end, a server that is always slow stays slow.
    async fn judge(&self, case: &Case, seen: &Circumstances) -> CaseResult {
        let give_up = Instant::now() + self.timeout * PATIENCE;
        let mut attempts = 1;
        loop {
            let began = Instant::now();
            let ctx = Context::new(self.subject.clone(), self.timeout);
            let result = self.attempt(case, &ctx).await;
            let has_passed = matches!(result.verdict, Verdict::Passed);
            let is_patient = Instant::now() < give_up;
            let may_be_sound = seen.has_been_fast() && !result.verdict.is_success();
            let harmless = |doubt: &Doubt| *doubt == Doubt::Slow && has_passed;
            let doubt = seen.doubt(began, ctx.recorder()).filter(|doubt| !harmless(doubt));
            let go_on = match doubt {
                Some(Doubt::Stalled) => is_patient,
                Some(Doubt::Slow) => attempts < ATTEMPTS || (may_be_sound && is_patient),
                None => false,
            };
            if !go_on {
                return CaseResult { attempts, steady: doubt.is_none(), ..result };
            }
            attempts += 1;
        }
    }

    async fn attempt(&self, case: &Case, ctx: &Context) -> CaseResult {
        let began = Instant::now();
        let ended = self.converse(case, ctx.clone()).await;
        let known = self.known.get(case.id());
        let verdict = match (ended, known) {
            (Err(Panic(message)), _) => Verdict::Panicked(message),
            (Ok(Ok(())), None) => Verdict::Passed,
            (Ok(Ok(())), Some(known)) => Verdict::UnexpectedPass { reason: known.reason.clone() },
            (Ok(Err(failure)), Some(known)) if known.explains(&failure) => {
                Verdict::KnownFailure { failure, reason: known.reason.clone() }
            }
            (Ok(Err(failure)), _) if case.level() == Level::Info => Verdict::Noted(failure),
            (Ok(Err(failure)), _) => Verdict::Failed(failure),
        };
        CaseResult {
            id: case.id().into(),
            section: case.section(),
            level: case.level(),
            requirement: case.requirement().into(),
            verdict,
            duration: began.elapsed(),
            attempts: 1,
            steady: true,
            transcript: ctx.recorder().transcript(),
        }
    }

    /// Runs the case in a task of its own, so that a panic in it ends neither the run nor the
    /// other cases.
    async fn converse(&self, case: &Case, ctx: Context) -> Result<Result<(), Failure>, Panic> {
        let mut task = JoinSet::new();
        let case = case.clone();
        let recorder = ctx.recorder().clone();
        let held = async move { case.run(ctx).await };
        task.spawn(noticing(held, move |late| recorder.stood_still(late)));
        // The case's own waits end at its deadline and say more.
        let ended = tokio::time::timeout(self.timeout + BACKSTOP, task.join_next()).await;
        match ended {
            Ok(Some(Ok(result))) => Ok(result),
            Ok(Some(Err(error))) => Err(Panic(panic_message(error))),
            Ok(None) | Err(_) => {
                let silence = format!("no verdict within {:?}", self.timeout);
                Ok(Err(Failure::new(FailureKind::Silence, "the case to end", silence)))
            }
        }
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("subject", &self.subject)
            .field("cases", &self.cases)
            .field("timeout", &self.timeout)
            .field("jobs", &self.jobs)
            .finish_non_exhaustive()
    }
}

struct Panic(String);

fn panic_message(error: tokio::task::JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else {
        return "the task of the case was cancelled".to_owned();
    };
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

/// Of a server that always answers slowly.
const ATTEMPTS: usize = 5;
/// How many times the time of a case is spent on a machine that stands still, or is slow.
const PATIENCE: u32 = 3;
const BACKSTOP: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::{
        Section,
        circumstances::{HEARTBEAT, SHORTEST_STALL},
        raw::Transport,
    };

    const REASON: &str = r#"
        [[failure]]
        case = "own"
        reason = "it is so"
        came = "nothing"
        transcript = "-"
    "#;

    fn case<Fut>(level: Level, run: fn(Context) -> Fut) -> Case
    where
        Fut: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        Case::new("own", Section::Events, level, "It is required.", run)
    }

    async fn passes(_: Context) -> Result<(), Failure> {
        Ok(())
    }

    async fn fails(_: Context) -> Result<(), Failure> {
        Err(Failure::departure("something", "nothing"))
    }

    async fn panics(_: Context) -> Result<(), Failure> {
        panic!("a mistake in the case")
    }

    async fn hangs(ctx: Context) -> Result<(), Failure> {
        ctx.wait("an end", std::future::pending()).await
    }

    async fn never_waits_with_a_deadline(_: Context) -> Result<(), Failure> {
        std::future::pending().await
    }

    fn runner(case: Case) -> Runner {
        Runner::new(Subject::parse("http://127.0.0.1:9").unwrap(), vec![case])
    }

    async fn verdict(case: Case) -> Verdict {
        runner(case).run().await.results.remove(0).verdict
    }

    async fn known_verdict(case: Case) -> Verdict {
        let known = KnownFailures::parse(REASON, std::slice::from_ref(&case)).unwrap();
        runner(case).known_failures(known).run().await.results.remove(0).verdict
    }

    #[tokio::test]
    async fn a_departure_from_what_must_be_fails() {
        assert!(matches!(verdict(case(Level::Must, fails)).await, Verdict::Failed(_)));
        assert!(matches!(verdict(case(Level::Info, fails)).await, Verdict::Noted(_)));
    }

    #[tokio::test]
    async fn a_panic_is_the_tools_fault_and_ends_nothing() {
        let Verdict::Panicked(message) = verdict(case(Level::Must, panics)).await else {
            panic!("a panic is a verdict of its own");
        };
        assert_eq!(message, "a mistake in the case");
    }

    #[tokio::test(start_paused = true)]
    async fn a_case_that_hangs_says_what_it_awaited() {
        let Verdict::Failed(failure) = verdict(case(Level::Must, hangs)).await else {
            panic!("a hanging case fails");
        };
        assert_eq!(failure.expected, "an end");
        assert_eq!(failure.came, "nothing in the 10s of the case");
    }

    #[tokio::test(start_paused = true)]
    async fn a_case_without_a_deadline_of_its_own_is_ended() {
        let verdict = verdict(case(Level::Must, never_waits_with_a_deadline)).await;
        assert!(matches!(verdict, Verdict::Failed(_)), "{verdict:?}");
    }

    #[tokio::test]
    async fn a_known_failure_is_known_only_while_it_fails() {
        let failing = known_verdict(case(Level::Must, fails)).await;
        assert!(matches!(failing, Verdict::KnownFailure { .. }), "{failing:?}");
        let passing = known_verdict(case(Level::Must, passes)).await;
        assert!(matches!(passing, Verdict::UnexpectedPass { .. }), "{passing:?}");
    }

    #[tokio::test]
    async fn a_case_is_held_until_the_machine_has_kept_time() {
        static HELD: AtomicUsize = AtomicUsize::new(0);
        async fn stands_still_eight_times(_: Context) -> Result<(), Failure> {
            if HELD.fetch_add(1, Ordering::Relaxed) >= 8 {
                return Ok(());
            }
            // Nothing else runs on this thread, as on a machine that stands still.
            std::thread::sleep(SHORTEST_STALL * 2);
            Err(Failure::departure("something", "nothing"))
        }
        let mut report = runner(case(Level::Must, stands_still_eight_times)).run().await;
        let result = report.results.remove(0);
        assert!(matches!(result.verdict, Verdict::Passed), "{:?}", result.verdict);
        assert!(result.attempts >= 9 && result.steady, "{result:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_case_that_stood_still_while_others_went_on_is_held_again() {
        static HELD: AtomicUsize = AtomicUsize::new(0);
        async fn stands_still_twice(_: Context) -> Result<(), Failure> {
            if HELD.fetch_add(1, Ordering::Relaxed) >= 2 {
                return Ok(());
            }
            std::thread::sleep(SHORTEST_STALL * 2);
            Err(Failure::departure("something", "nothing"))
        }
        let result = runner(case(Level::Must, stands_still_twice)).run().await.results.remove(0);
        assert!(matches!(result.verdict, Verdict::Passed), "{:?}", result.verdict);
    }

    async fn is_slow(ctx: Context) -> Result<(), Failure> {
        ctx.recorder().line(Transport::Polling).took(HEARTBEAT);
        fails(ctx).await
    }

    async fn is_fast(ctx: Context) -> Result<(), Failure> {
        ctx.recorder().line(Transport::Polling).took(HEARTBEAT / 100);
        Ok(())
    }

    #[tokio::test]
    async fn a_server_that_is_slow_everywhere_is_judged_for_it() {
        let result = runner(case(Level::Must, is_slow)).run().await.results.remove(0);
        assert!(matches!(result.verdict, Verdict::Failed(_)), "{:?}", result.verdict);
        assert!(result.attempts >= ATTEMPTS && !result.steady, "{result:?}");
    }

    #[tokio::test]
    async fn a_server_that_was_fast_is_waited_for() {
        static HELD: AtomicUsize = AtomicUsize::new(0);
        async fn is_slow_eight_times(ctx: Context) -> Result<(), Failure> {
            if HELD.fetch_add(1, Ordering::Relaxed) >= 8 {
                is_fast(ctx).await
            } else {
                is_slow(ctx).await
            }
        }
        let mut runner = runner(case(Level::Must, is_fast)).jobs(1);
        runner.cases.push(case(Level::Must, is_slow_eight_times));
        let result = runner.run().await.results.remove(1);
        assert!(matches!(result.verdict, Verdict::Passed), "{:?}", result.verdict);
        assert!(result.attempts >= 9 && result.steady, "{result:?}");
    }

    #[tokio::test]
    async fn each_result_is_announced() {
        let announced = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&announced);
        let on_result = move |result: &CaseResult| log.lock().unwrap().push(result.id.clone());
        runner(case(Level::Must, passes)).on_result(on_result).run().await;
        assert_eq!(*announced.lock().unwrap(), ["own"]);
    }
}
