//! How many connections pay. Pure: throughput of a window of time in, number of connections out.
//!
//! Many storages and lines give each connection its own share, so connections are added quickly while one alone is slower than this machine could take
//! them. Whether they helped is measured afterwards: when fewer do as well, or better, there are fewer. Where one connection is as fast as it gets, others
//! are only tried, one window long, and stay when they are worth it.

use std::time::Duration;

/// Above this rate a connection is limited by the machines, not by a share: others are tried, not assumed. In bytes per second.
const FAST: f64 = 250e6;

/// Length of a window while connections are added.
const QUICK: Duration = Duration::from_millis(15);
/// Length of a window that is judged; a change is given one such window to take effect first.
const JUDGED: Duration = Duration::from_millis(200);
/// The same where a transfer is so fast that it would be over.
const JUDGED_FAST: Duration = Duration::from_millis(60);

/// More connections stay when they bring this factor; fewer stay when they keep this one.
const GAIN: f64 = 1.10;
const KEPT: f64 = 0.95;
/// Connections that were added without proof stay without further question when they brought this factor over one. One alone may have begun with a burst,
/// so where they did not, fewer are tried only if there is time to be wrong, or if more are plainly worse than one.
const PLAIN_GAIN: f64 = 1.3;
const PLAIN_LOSS: f64 = 0.8;

/// Windows without a trial, at first and at most. Doubled with every trial that brought nothing.
const FIRST_REST: u32 = 2;
const LONGEST_REST: u32 = 64;

/// A trial of fewer connections may cost half the speed for two windows: only where that is little of what is left.
const LONG: Duration = Duration::from_secs(6);
/// How long what was refused is not asked for again, at first and at most: an outage passes, a rule of the storage stays.
const FIRST_REFUSAL: Duration = Duration::from_secs(15);
const LONGEST_REFUSAL: Duration = Duration::from_secs(600);
/// No trial of more when the transfer is nearly over.
const NEARLY_OVER: Duration = Duration::from_millis(300);

/// What was seen in one window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) length: Duration,
    /// Bytes that arrived in it.
    pub(crate) bytes: u64,
    /// Bytes that are still to come.
    pub(crate) left: u64,
}

/// See the module's first lines.
#[derive(Debug)]
pub(crate) struct Controller {
    /// As many as there may be, and as many as there may be at present.
    limit: usize,
    most: usize,
    refusal: Refusal,
    /// A rate with which the caller is content (the `bandwidth` limit).
    content: f64,
    connections: usize,
    /// How many there were at first.
    first: usize,
    state: State,
    rest: u32,
    /// Rate of those at first, and of the present number.
    alone: Option<f64>,
    usual: f64,
    bytes: f64,
    seconds: f64,
    /// Whether the quick adding is over for good.
    added: bool,
}

/// How long a refusal counts. Each one counts for twice as long as the one before.
#[derive(Debug, Default)]
pub(crate) struct Refusal {
    left: Option<Duration>,
    last: Duration,
}

impl Refusal {
    pub(crate) fn again(&mut self) {
        self.last = (self.last * 2).clamp(FIRST_REFUSAL, LONGEST_REFUSAL);
        self.left = Some(self.last);
    }

    /// Time has passed: whether it was the last of it.
    pub(crate) fn is_over_after(&mut self, time: Duration) -> bool {
        match self.left {
            Some(left) if left <= time => {
                self.left = None;
                true
            }
            Some(left) => {
                self.left = Some(left - time);
                false
            }
            None => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// Connections are added window by window.
    Adding,
    /// A change takes effect; then it is judged.
    Settling(Trial),
    Judging(Trial),
    /// Nothing is tried for so many windows.
    Resting(u32),
}

/// A change, and what was before it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Trial {
    before: usize,
    rate: f64,
    /// Connections were added without proof, and `rate` is that of those at first.
    unproven: bool,
}

impl Controller {
    /// At most `most` connections; `limit` is the caller's own in bytes per second.
    pub(crate) fn new(most: usize, limit: Option<u64>) -> Self {
        #[allow(clippy::cast_precision_loss)]
        let content = limit.map_or(f64::INFINITY, |limit| limit as f64 * 0.85);
        Self {
            limit: most.max(1),
            most: most.max(1),
            refusal: Refusal::default(),
            content,
            connections: 1,
            first: 1,
            state: State::Adding,
            rest: FIRST_REST,
            alone: None,
            usual: 0.0,
            bytes: 0.0,
            seconds: 0.0,
            added: false,
        }
    }

    /// Begins with so many: where each of them rests between two requests, one alone says little of the line.
    pub(crate) fn beginning_with(mut self, first: usize) -> Self {
        self.first = first.clamp(1, self.most);
        self.connections = self.first;
        self
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections
    }

    /// Never more than one.
    pub(crate) fn only_one(&mut self) {
        self.limit = 1;
        self.refused_beyond(1);
    }

    /// The storage takes no more than so many, for a while.
    pub(crate) fn refused_beyond(&mut self, connections: usize) {
        self.refusal.again();
        self.most = connections.clamp(1, self.most);
        if self.connections > self.most {
            self.connections = self.most;
            self.state = State::Resting(self.rest);
            self.added = true;
        }
    }

    /// How long the next window is.
    pub(crate) fn window(&self) -> Duration {
        match self.state {
            State::Adding => QUICK,
            _ if self.rate() >= FAST => JUDGED_FAST,
            _ => JUDGED,
        }
    }

    /// The mean rate so far.
    fn rate(&self) -> f64 {
        if self.seconds > 0.0 {
            self.bytes / self.seconds
        } else {
            0.0
        }
    }

    /// A window has passed: how many connections there are to be from now on.
    pub(crate) fn after(&mut self, window: Window) -> usize {
        let seconds = window.length.as_secs_f64();
        if seconds <= 0.0 {
            return self.connections;
        }
        #[allow(clippy::cast_precision_loss)]
        let (bytes, left) = (window.bytes as f64, window.left as f64);
        self.bytes += bytes;
        self.seconds += seconds;
        let rate = bytes / seconds;
        let remaining = Duration::try_from_secs_f64(left / rate.max(self.rate()).max(1.0)).unwrap_or(Duration::MAX);
        if self.refusal.is_over_after(window.length) {
            self.most = self.limit;
            self.state = self.more(rate, remaining);
            return self.connections;
        }
        self.state = match self.state {
            State::Adding => self.add(rate, remaining),
            State::Settling(trial) => State::Judging(trial),
            State::Judging(trial) => self.judge(trial, rate, remaining),
            State::Resting(windows) => {
                self.usual = f64::midpoint(self.usual, rate);
                match windows.checked_sub(1) {
                    _ if !self.added && self.rate() < FAST => {
                        // The beginning was only a burst, and says nothing of one alone.
                        self.alone = None;
                        self.add(rate, remaining)
                    }
                    Some(windows) if windows > 0 => State::Resting(windows),
                    _ => self.attempt(remaining),
                }
            }
        };
        self.connections
    }

    fn add(&mut self, rate: f64, remaining: Duration) -> State {
        let alone = *self.alone.get_or_insert(rate);
        self.usual = rate;
        if self.connections >= self.most {
            self.added = true;
            if self.connections <= self.first {
                return State::Resting(self.rest);
            }
            return State::Settling(Trial {
                before: self.first,
                rate: alone,
                unproven: true,
            });
        }
        if rate >= self.content || self.rate() >= FAST || remaining < NEARLY_OVER {
            return State::Resting(self.rest);
        }
        self.connections = (self.connections * 2).min(self.most);
        State::Adding
    }

    fn judge(&mut self, trial: Trial, rate: f64, remaining: Duration) -> State {
        self.usual = rate;
        if trial.unproven {
            let in_doubt = rate < trial.rate * PLAIN_GAIN && remaining > LONG;
            if in_doubt || rate < trial.rate * PLAIN_LOSS {
                return self.fewer(rate);
            }
            return self.take_a_rest();
        }
        let more = self.connections > trial.before;
        let good = rate >= trial.rate * if more { GAIN } else { KEPT };
        if good {
            self.rest = FIRST_REST;
            // What helped once may help again.
            return if more {
                self.more(rate, remaining)
            } else {
                self.fewer(rate.max(trial.rate * KEPT))
            };
        }
        self.connections = trial.before;
        self.usual = trial.rate;
        self.take_a_rest()
    }

    fn take_a_rest(&mut self) -> State {
        let rest = self.rest;
        self.rest = (self.rest * 2).min(LONGEST_REST);
        State::Resting(rest)
    }

    fn attempt(&mut self, remaining: Duration) -> State {
        if self.connections > 1 && remaining > LONG {
            return self.fewer(self.usual);
        }
        self.more(self.usual, remaining)
    }

    fn fewer(&mut self, rate: f64) -> State {
        let before = self.connections;
        if before == 1 {
            return self.take_a_rest();
        }
        self.connections = before / 2;
        State::Settling(Trial {
            before,
            rate,
            unproven: false,
        })
    }

    fn more(&mut self, rate: f64, remaining: Duration) -> State {
        let before = self.connections;
        if before >= self.most || remaining < NEARLY_OVER || rate >= self.content {
            return self.take_a_rest();
        }
        self.connections = (before * 2).min(self.most);
        State::Settling(Trial {
            before,
            rate,
            unproven: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A transfer over a link whose total rate depends on the number of connections; a new one needs `start_up` before it brings anything.
    struct Simulation {
        /// The number of connections over time, with how long it was kept.
        course: Vec<(f64, usize)>,
        seconds: f64,
    }

    fn simulate(bytes: f64, start_up: f64, limit: Option<u64>, rate: impl Fn(usize) -> f64) -> Simulation {
        simulate_from(1, bytes, start_up, limit, rate)
    }

    fn simulate_from(
        first: usize,
        bytes: f64,
        start_up: f64,
        limit: Option<u64>,
        rate: impl Fn(usize) -> f64,
    ) -> Simulation {
        let mut controller = Controller::new(8, limit).beginning_with(first);
        let (mut left, mut now) = (bytes, 0.0);
        let mut born = vec![-start_up; first];
        let mut course = Vec::new();
        while left > 0.0 {
            let window = controller.window();
            let steps = (window.as_secs_f64() / 0.005).round() as usize;
            let before = left;
            for _ in 0..steps {
                let working = born.iter().filter(|&&at| now >= at + start_up).count();
                left = (left - rate(working).min(limit.map_or(f64::MAX, |limit| limit as f64)) * 0.005).max(0.0);
                now += 0.005;
                if left <= 0.0 {
                    break;
                }
            }
            course.push((now, born.len()));
            let want = controller.after(Window {
                length: Duration::from_secs_f64(0.005 * steps as f64),
                bytes: (before - left) as u64,
                left: left as u64,
            });
            born.truncate(want);
            while born.len() < want {
                born.push(now);
            }
        }
        Simulation { course, seconds: now }
    }

    impl Simulation {
        /// The mean number of connections from a moment on.
        fn mean_after(&self, moment: f64) -> f64 {
            let (mut sum, mut time, mut last) = (0.0, 0.0, 0.0);
            for &(until, connections) in &self.course {
                if until > moment {
                    sum += connections as f64 * (until - last);
                    time += until - last;
                }
                last = until;
            }
            sum / time
        }
    }

    #[test]
    fn where_each_connection_has_its_own_20_mb_per_second_the_eight_that_pay_are_found_at_once() {
        for (bytes, start_up, most) in [(210e6, 0.002, 1.08), (133e6, 0.002, 1.13), (2e9, 0.05, 1.10)] {
            let run = simulate(bytes, start_up, None, |n| n as f64 * 20e6);
            let floor = bytes / 160e6;
            assert!(run.seconds < floor * most, "{} s, the floor is {floor}", run.seconds);
        }
    }

    #[test]
    fn on_one_line_where_more_bring_nothing_it_returns_to_one_or_two() {
        for line in [2e6, 12e6, 100e6, 240e6] {
            let run = simulate(line * 30.0, 0.05, None, |_| line);
            assert!(run.mean_after(5.0) < 2.0, "{line}: {}", run.mean_after(5.0));
            assert!(run.seconds < 31.0);
        }
    }

    #[test]
    fn on_a_loopback_that_one_connection_fills_it_stays_at_one() {
        let run = simulate(1.2e9, 0.001, None, |_| 1.5e9);
        assert!(run.mean_after(0.0) < 2.1, "{:?}", run.course);
        let run = simulate(10e9, 0.001, None, |_| 1.5e9);
        assert!(run.mean_after(0.5) < 1.3, "{:?}", run.course);
    }

    #[test]
    fn on_a_loopback_where_two_are_faster_it_takes_two() {
        let rate = |n: usize| if n == 1 { 1.0e9 } else { 1.6e9 };
        let run = simulate(10e9, 0.001, None, rate);
        assert!((1.5..3.0).contains(&run.mean_after(1.0)), "{:?}", run.course);
        assert!(run.seconds < 7.0, "{}", run.seconds);
    }

    #[test]
    fn on_a_line_that_gets_worse_with_more_it_goes_back() {
        let run = simulate(600e6, 0.02, None, |n| 20e6 / n as f64);
        assert!(run.mean_after(4.0) < 1.5, "{}", run.mean_after(4.0));
        assert!(run.seconds < 35.0, "{}", run.seconds);
    }

    #[test]
    fn a_share_each_up_to_the_line_finds_the_line() {
        // 10 MB/s each, 40 MB/s in all: four are enough, and five to eight are no better.
        let run = simulate(1.2e9, 0.03, None, |n| (n as f64 * 10e6).min(40e6));
        assert!((3.5..6.0).contains(&run.mean_after(4.0)), "{}", run.mean_after(4.0));
        assert!(run.seconds < 33.0, "{}", run.seconds);
    }

    #[test]
    fn what_begins_with_two_finds_eight_where_they_pay_and_one_or_two_where_they_do_not() {
        let run = simulate_from(2, 133e6, 0.002, None, |n| n as f64 * 20e6);
        assert!(run.seconds < 133e6 / 160e6 * 1.10, "{}", run.seconds);
        let run = simulate_from(2, 360e6, 0.05, None, |_| 12e6);
        assert!(run.mean_after(5.0) < 2.0, "{}", run.mean_after(5.0));
        let run = simulate_from(2, 10e9, 0.001, None, |_| 1.5e9);
        assert!(run.mean_after(0.5) < 2.5, "{:?}", run.course);
    }

    #[test]
    fn a_burst_at_the_beginning_is_not_taken_for_the_line() {
        // The storage fills the buffers of every connection at once, then sends 20 MB/s to each.
        for burst in [500_000, 2_500_000, 6_000_000] {
            let mut controller = Controller::new(8, None);
            let mut left = 210_000_000_u64;
            let mut now = Duration::ZERO;
            let (mut seen, mut fewest) = (0, 8);
            while left > 0 {
                let length = controller.window();
                let connections = controller.connections();
                let sent = connections.saturating_sub(seen) as u64 * burst;
                let paid = (length.as_secs_f64() * 20e6 * connections as f64) as u64;
                // What came at once is not sent again by the rate.
                let bytes = (sent + paid.saturating_sub(sent / 4)).min(left);
                seen = seen.max(connections);
                left -= bytes;
                now += length;
                controller.after(Window { length, bytes, left });
                if now > Duration::from_millis(200) {
                    fewest = fewest.min(controller.connections());
                }
            }
            assert_eq!(fewest, 8, "{burst}: {controller:?}");
        }
    }

    #[test]
    fn a_limit_of_the_callers_is_not_chased_with_connections() {
        let run = simulate(50e6, 0.01, Some(5_000_000), |n| n as f64 * 20e6);
        assert!(run.mean_after(0.0) < 1.1, "{:?}", run.course);
    }

    #[test]
    fn what_the_storage_refused_is_not_asked_again_before_a_while_has_passed() {
        let mut controller = Controller::new(8, None);
        // Every connection brings the same.
        let step = |controller: &mut Controller| {
            let window = Window {
                length: Duration::from_millis(25),
                bytes: 500_000 * controller.connections() as u64,
                left: 1 << 40,
            };
            controller.after(window)
        };
        while controller.connections() < 8 {
            step(&mut controller);
        }
        // Each refusal counts for twice as long as the one before.
        for quiet in [15_000 / 25, 30_000 / 25] {
            controller.refused_beyond(3);
            for _ in 1..quiet {
                assert!(step(&mut controller) <= 3);
            }
            let again = (0..8).map(|_| step(&mut controller)).max();
            assert!(again > Some(3), "{again:?}");
        }
    }
}
