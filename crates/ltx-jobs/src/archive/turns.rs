//! Whose turn it is to read from the network, when there are more lanes than there are to be connections.
//!
//! The oldest go on, because their frames come first; the youngest rest with what they have, and go on from there. So fewer connections can be tried
//! without a byte fetched twice. What a resting lane holds must not be what another waits for.

use tokio::sync::watch;

/// See the module's first lines.
pub(crate) struct Turns(watch::Sender<State>);

#[derive(Default)]
struct State {
    /// The lanes there are, the oldest first.
    running: Vec<u64>,
    next: u64,
    number: usize,
}

impl State {
    fn has(&self, lane: u64) -> bool {
        self.running.iter().take(self.number).any(|running| *running == lane)
    }
}

impl Turns {
    pub(crate) fn new(number: usize) -> Self {
        Self(watch::Sender::new(State {
            number,
            ..State::default()
        }))
    }

    /// A lane begins: its turn, to be waited for before it reads, and given back with [`end`](Self::end).
    pub(crate) fn begin(&self) -> Turn {
        let mut lane = 0;
        self.0.send_modify(|state| {
            lane = state.next;
            state.next += 1;
            state.running.push(lane);
        });
        Turn {
            lane,
            state: self.0.subscribe(),
        }
    }

    pub(crate) fn end(&self, lane: u64) {
        self.0
            .send_modify(|state| state.running.retain(|running| *running != lane));
    }

    /// So many may read from now on.
    pub(crate) fn set(&self, number: usize) {
        self.0.send_if_modified(|state| {
            let changed = state.number != number;
            state.number = number;
            changed
        });
    }
}

/// One lane's.
pub(crate) struct Turn {
    pub(crate) lane: u64,
    state: watch::Receiver<State>,
}

impl Turn {
    /// Whether this lane may read.
    pub(crate) fn is_here(&self) -> bool {
        self.state.borrow().has(self.lane)
    }

    /// Waits until this lane may read.
    pub(crate) async fn come(&mut self) {
        // The sender lives as long as the lanes.
        let _ = self.state.wait_for(|state| state.has(self.lane)).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn the_oldest_go_on_and_the_youngest_follow_as_they_end() {
        let turns = Turns::new(3);
        let mut lanes = [turns.begin(), turns.begin(), turns.begin()];
        let mut going = || lanes.each_mut().map(|turn| turn.come().now_or_never().is_some());
        assert_eq!(going(), [true, true, true]);
        turns.set(1);
        assert_eq!(going(), [true, false, false]);
        turns.end(0);
        assert_eq!(going(), [false, true, false]);
        turns.set(2);
        assert_eq!(going(), [false, true, true]);
    }

    #[tokio::test]
    async fn one_that_rests_wakes_when_its_turn_comes() {
        let turns = Turns::new(1);
        let (_first, mut second) = (turns.begin(), turns.begin());
        let waiting = tokio::spawn(async move { second.come().await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        turns.end(0);
        waiting.await.unwrap();
    }
}
