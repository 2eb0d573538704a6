use std::time::{Duration, Instant};

use super::{Outcome, unless_smoke};

/// Contestants that do the same, measured in turn within one run. On a shared machine absolute
/// times wander; the ratio within a round holds.
pub(crate) struct Race<'a> {
    contestants: Vec<Contestant<'a>>,
}

struct Contestant<'a> {
    name: &'static str,
    run: Box<dyn FnMut() -> Outcome<Duration> + 'a>,
    times: Vec<Duration>,
}

impl<'a> Race<'a> {
    pub(crate) fn new() -> Self {
        Self { contestants: Vec::new() }
    }

    /// A contestant that measures itself, to leave its preparation out.
    pub(crate) fn enter(
        mut self,
        name: &'static str,
        run: impl FnMut() -> Outcome<Duration> + 'a,
    ) -> Self {
        self.contestants.push(Contestant { name, run: Box::new(run), times: Vec::new() });
        self
    }

    /// Runs `rounds` rounds after one that does not count; each begins with another contestant.
    pub(crate) fn run(mut self, rounds: usize) -> Outcome<Finish> {
        let rounds = unless_smoke(rounds, 1);
        for round in 0..=rounds {
            self.contestants.rotate_left(1);
            for contestant in &mut self.contestants {
                let time = (contestant.run)()?;
                if round > 0 {
                    contestant.times.push(time);
                }
            }
        }
        let times = self.contestants.into_iter().map(|c| (c.name, c.times)).collect();
        Ok(Finish { times })
    }
}

/// The times of a race.
pub(crate) struct Finish {
    times: Vec<(&'static str, Vec<Duration>)>,
}

impl Finish {
    /// The median time of a contestant.
    pub(crate) fn median(&self, name: &str) -> f64 {
        median(self.seconds(name))
    }

    /// The best time of a contestant: what it takes when nobody else wants the machine.
    pub(crate) fn best(&self, name: &str) -> f64 {
        self.seconds(name).into_iter().fold(f64::NAN, f64::min)
    }

    /// How long `name` took, in times of `other`: the median of the rounds' ratios.
    pub(crate) fn ratio(&self, name: &str, other: &str) -> f64 {
        let pairs = self.seconds(name).into_iter().zip(self.seconds(other));
        median(pairs.map(|(time, other)| time / other).collect())
    }

    /// The line a reader looks for: how long ours took, in times of another's. Each time is that
    /// of `count` repetitions.
    pub(crate) fn print_time(&self, what: &str, count: u32, other: &str) -> &Self {
        self.print_times(what, count, "ours", other)
    }

    /// The same for any two.
    #[expect(clippy::print_stdout, reason = "the ratio is what the benchmark is run for")]
    pub(crate) fn print_times(&self, what: &str, count: u32, one: &str, other: &str) -> &Self {
        let each = |seconds| seconds * 1e6 / f64::from(count);
        println!(
            "{what}: time of {one} / {other} = {:.2}  ({:.1} µs / {:.1} µs; at best {:.1} / {:.1})",
            self.ratio(one, other),
            each(self.median(one)),
            each(self.median(other)),
            each(self.best(one)),
            each(self.best(other)),
        );
        self
    }

    /// The same for a contestant that did `count` of something in its time: how many a second.
    #[expect(clippy::print_stdout, reason = "the ratio is what the benchmark is run for")]
    pub(crate) fn print_rate(&self, what: &str, count: u32, other: &str) -> &Self {
        let rate = |name| f64::from(count) / self.median(name);
        println!(
            "{what}: rate of ours / {other} = {:.2}  ({:.0}/s / {:.0}/s)",
            self.ratio(other, "ours"),
            rate("ours"),
            rate(other),
        );
        self
    }

    fn seconds(&self, name: &str) -> Vec<f64> {
        let times = self.times.iter().find(|(other, _)| *other == name);
        times
            .map(|(_, times)| times.iter().map(Duration::as_secs_f64).collect())
            .unwrap_or_default()
    }
}

/// How long `work` takes.
pub(crate) async fn time<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<Duration> {
    let start = Instant::now();
    work.await?;
    Ok(start.elapsed())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
