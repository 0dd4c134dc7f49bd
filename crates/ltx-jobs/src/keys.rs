//! The API key in use, and where to look for a new one after the service refused it.
//!
//! A function of the caller's may take as long as it likes: it is called on a thread for what blocks, one call at a time for everybody who needs the key, and
//! under no lock. Whoever waits for it can be cancelled, gives up after [`PATIENCE`], and hears of a key that is set meanwhile. The call itself goes on, and
//! the next one who needs the key waits for the same call.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::KeySource;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::ApiKey;

/// How long somebody waits for the function of the caller's; it may ask a person, or a vault that has to wake up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The key of a client. It may change while the client lives.
pub(crate) struct Keys {
    state: Mutex<State>,
    /// Told when somebody sets a key: nobody has to wait for the function any more.
    replaced: Notify,
    /// Of the client: when it closes, nobody waits.
    stop: CancellationToken,
}

struct State {
    source: KeySource,
    current: Option<ApiKey>,
    /// A call of the function that has not come back.
    asking: Option<Asking>,
    /// Of the source, and of its calls: one of before a key was set has nothing to say any more.
    generation: u64,
    /// When the source was asked last, and why it gave no key then.
    asked: Option<(Instant, Option<Error>)>,
}

type Asking = Shared<BoxFuture<'static, Result<ApiKey>>>;

/// Whether there is a key after one was refused.
#[derive(Debug)]
pub(crate) enum Renewal {
    /// Another one.
    Key(ApiKey),
    /// No other than the one that was refused.
    Same,
    /// Why there is none.
    Failed(Error),
}

impl Renewal {
    /// The service's refusal, and why there is no other key if asking for one failed.
    pub(crate) fn explain(self, refusal: Error) -> Error {
        match self {
            Self::Failed(why) => refusal
                .with_advice(format!("asking for another key failed: {}", why.message()))
                .with_source(why),
            Self::Key(_) | Self::Same => refusal,
        }
    }
}

impl Keys {
    pub(crate) fn new(source: KeySource, stop: CancellationToken) -> Self {
        Self {
            state: Mutex::new(State {
                source,
                current: None,
                asking: None,
                generation: 0,
                asked: None,
            }),
            replaced: Notify::new(),
            stop,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key as far as it is known without calling a function; `None` before the function was asked. A file is read on the calling thread.
    pub(crate) fn known(&self) -> Result<Option<ApiKey>> {
        let mut state = self.lock();
        match (&state.current, &state.source) {
            (Some(key), _) => Ok(Some(key.clone())),
            (None, KeySource::Function(_)) => Ok(None),
            (None, _) => state.read().map(Some),
        }
    }

    /// The key to send now. Dropping the future leaves a call of the function to itself.
    pub(crate) async fn current(self: &Arc<Self>) -> Result<ApiKey> {
        match self.known()? {
            Some(key) => Ok(key),
            None => self.ask().await,
        }
    }

    /// After `refused`, in a request of the moment `sent`, was answered with 401 or 403: whether there is another key now. `None` when there was none to send.
    ///
    /// Asks the source again, unless somebody has done so since that moment: of many requests that are refused together, one asks.
    pub(crate) async fn renewed_since(self: &Arc<Self>, refused: Option<&ApiKey>, sent: Instant) -> Renewal {
        {
            let state = self.lock();
            if let Some(key) = state.current.as_ref().filter(|key| Some(*key) != refused) {
                return Renewal::Key(key.clone());
            }
            if let (None, Some((at, failure))) = (&state.asking, &state.asked)
                && *at > sent
            {
                return failure.clone().map_or(Renewal::Same, Renewal::Failed);
            }
        }
        match self.ask().await {
            Ok(key) if Some(&key) == refused => Renewal::Same,
            Ok(key) => Renewal::Key(key),
            Err(error) => Renewal::Failed(error),
        }
    }

    /// Whether another key than this is in use by now; asks nobody.
    pub(crate) fn has_other_than(&self, refused: Option<&ApiKey>) -> bool {
        let state = self.lock();
        state.current.as_ref().is_some_and(|key| Some(key) != refused)
    }

    /// Takes another key from now on.
    pub(crate) fn set(&self, key: ApiKey) {
        let mut state = self.lock();
        state.source = KeySource::Text(key.clone());
        state.current = Some(key);
        state.generation += 1;
        state.asking = None;
        state.asked = None;
        drop(state);
        self.replaced.notify_waiters();
    }

    async fn ask(self: &Arc<Self>) -> Result<ApiKey> {
        match self.ask_once().await {
            // The runtime of a call that was joined is gone, the client is not.
            Err(error) if error.kind() == ErrorKind::Closed && !self.stop.is_cancelled() => self.ask_once().await,
            told => told,
        }
    }

    async fn ask_once(self: &Arc<Self>) -> Result<ApiKey> {
        let replaced = self.replaced.notified();
        tokio::pin!(replaced);
        // From here on no key that is set is missed.
        replaced.as_mut().enable();
        let asking = {
            let mut state = self.lock();
            match state.source {
                KeySource::Function(_) => self.begin(&mut state),
                _ => return state.read(),
            }
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Error::new(ErrorKind::Closed, "the client was closed")),
            // Before the answer: a face that is told of the new key as well may have ended the call for it.
            () = replaced => self.lock().read(),
            told = asking => told,
            () = tokio::time::sleep(PATIENCE) => Err(Error::new(
                ErrorKind::Config,
                format!("the API key function failed: it gave no key within {} s", PATIENCE.as_secs()),
            )
            .with_advice("it is still running, and the next call that needs the key waits for it again; or give the client a key as text")
            .of_key_function()),
        }
    }

    /// Calls the function, or joins the call that has not come back.
    fn begin(self: &Arc<Self>, state: &mut State) -> Asking {
        if let Some(asking) = &state.asking {
            return asking.clone();
        }
        state.generation += 1;
        let (generation, source) = (state.generation, state.source.clone());
        let keys = Arc::clone(self);
        let call = tokio::task::spawn_blocking(move || {
            let told = source.read();
            keys.learn(generation, &told);
            told
        });
        let keys: Weak<Self> = Arc::downgrade(self);
        let told = async move {
            call.await.unwrap_or_else(|_| {
                // Its runtime ended before it began.
                let closed = Err(Error::new(ErrorKind::Closed, "the client was closed"));
                if let Some(keys) = keys.upgrade() {
                    keys.learn(generation, &closed);
                }
                closed
            })
        };
        let asking = told.boxed().shared();
        state.asking = Some(asking.clone());
        asking
    }

    /// Takes in what a call of the function gave, unless a key was set meanwhile.
    fn learn(&self, generation: u64, told: &Result<ApiKey>) {
        let mut state = self.lock();
        if state.generation == generation {
            state.asking = None;
            state.note(told);
        }
    }
}

impl State {
    /// Reads a source that is no function.
    fn read(&mut self) -> Result<ApiKey> {
        let told = self.source.read();
        self.note(&told);
        told
    }

    fn note(&mut self, told: &Result<ApiKey>) {
        self.asked = Some((Instant::now(), told.as_ref().err().cloned()));
        if let Ok(key) = told {
            self.current = Some(key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc;

    use super::*;

    type Told = std::result::Result<String, String>;

    fn of_function(function: impl Fn() -> Told + Send + Sync + 'static) -> Arc<Keys> {
        Arc::new(Keys::new(
            KeySource::Function(Arc::new(function)),
            CancellationToken::new(),
        ))
    }

    /// Keys whose function gives what is sent here, call by call, and tells when it is called.
    fn by_hand() -> (Arc<Keys>, mpsc::Sender<Told>, tokio::sync::mpsc::UnboundedReceiver<()>) {
        let (answer, answers) = mpsc::channel::<Told>();
        let (call, called) = tokio::sync::mpsc::unbounded_channel();
        let answers = Mutex::new(answers);
        let keys = of_function(move || {
            call.send(()).unwrap();
            answers.lock().unwrap().recv().unwrap()
        });
        (keys, answer, called)
    }

    fn key(told: Renewal) -> ApiKey {
        match told {
            Renewal::Key(key) => key,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_function_is_asked_again_only_after_a_refusal() {
        let calls = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&calls);
        let keys = of_function(move || Ok(format!("key{}", counter.fetch_add(1, Ordering::SeqCst))));
        assert_eq!(keys.known().unwrap(), None);
        let first = keys.current().await.unwrap();
        assert_eq!(keys.current().await.unwrap(), first);
        assert_eq!(keys.known().unwrap(), Some(first.clone()));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        let second = key(keys.renewed_since(Some(&first), Instant::now()).await);
        assert_eq!(second, ApiKey::new("key1"));
        assert_eq!(keys.current().await.unwrap(), second);
        let third = keys.renewed_since(Some(&first), Instant::now()).await;
        assert_eq!(
            key(third),
            second,
            "another job that used the old key sees the new one without asking again"
        );
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_fixed_key_is_not_renewed_until_somebody_sets_another() {
        let keys = Arc::new(Keys::new(KeySource::Text(ApiKey::new("old")), CancellationToken::new()));
        let old = keys.current().await.unwrap();
        assert!(matches!(
            keys.renewed_since(Some(&old), Instant::now()).await,
            Renewal::Same
        ));
        keys.set(ApiKey::new("new"));
        assert_eq!(
            key(keys.renewed_since(Some(&old), Instant::now()).await),
            ApiKey::new("new")
        );
    }

    #[tokio::test]
    async fn everybody_who_needs_the_key_waits_for_one_call() {
        let (keys, answer, mut called) = by_hand();
        let all: Vec<_> = (0..8)
            .map(|_| {
                tokio::spawn({
                    let keys = Arc::clone(&keys);
                    async move { keys.current().await }
                })
            })
            .collect();
        called.recv().await.unwrap();
        answer.send(Ok("key".to_owned())).unwrap();
        for one in all {
            assert_eq!(one.await.unwrap().unwrap(), ApiKey::new("key"));
        }
        assert!(called.try_recv().is_err(), "it was called more than once");
    }

    #[tokio::test]
    async fn of_requests_that_are_refused_together_one_asks_again() {
        let calls = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&calls);
        let keys = of_function(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok("same".to_owned())
        });
        let refused = keys.current().await.unwrap();
        let sent = Instant::now();
        for _ in 0..64 {
            assert!(matches!(keys.renewed_since(Some(&refused), sent).await, Renewal::Same));
        }
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        // A request that was sent after that may ask once more.
        assert!(matches!(
            keys.renewed_since(Some(&refused), Instant::now()).await,
            Renewal::Same
        ));
        assert_eq!(calls.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept_and_the_next_who_needs_the_key_asks_again() {
        let (keys, answer, mut called) = by_hand();
        answer.send(Err("the vault is sealed".to_owned())).unwrap();
        let error = keys.current().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.message(), error.is_of_key_function()),
            (
                ErrorKind::Config,
                "the API key function failed: the vault is sealed",
                true
            )
        );
        answer.send(Ok("key".to_owned())).unwrap();
        assert_eq!(keys.current().await.unwrap(), ApiKey::new("key"));
        // After a refusal, the refusal is what is told, and this is why nothing could be done about it.
        answer.send(Err("the vault is sealed".to_owned())).unwrap();
        let renewal = keys.renewed_since(Some(&ApiKey::new("key")), Instant::now()).await;
        let told = renewal.explain(Error::new(ErrorKind::Unauthenticated, "refused"));
        assert_eq!(
            (told.kind(), told.is_of_key_function()),
            (ErrorKind::Unauthenticated, true)
        );
        assert!(told.to_string().contains("the vault is sealed"), "{told}");
        while called.try_recv().is_ok() {}
    }

    #[tokio::test]
    async fn a_key_that_is_set_ends_the_wait_for_the_function_whose_late_answer_counts_for_nothing() {
        let (keys, answer, mut called) = by_hand();
        let waiting = tokio::spawn({
            let keys = Arc::clone(&keys);
            async move { keys.current().await }
        });
        called.recv().await.unwrap();
        keys.set(ApiKey::new("set"));
        assert_eq!(waiting.await.unwrap().unwrap(), ApiKey::new("set"));
        answer.send(Ok("late".to_owned())).unwrap();
        // The call holds a handle until it has come back.
        while Arc::strong_count(&keys) > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(keys.current().await.unwrap(), ApiKey::new("set"));
    }

    #[tokio::test]
    async fn a_client_that_closes_waits_for_no_function() {
        let (keys, answer, mut called) = by_hand();
        let waiting = tokio::spawn({
            let keys = Arc::clone(&keys);
            async move { keys.current().await }
        });
        called.recv().await.unwrap();
        keys.stop.cancel();
        assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
        answer.send(Ok("late".to_owned())).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_that_hangs_is_an_error_after_a_minute_and_is_not_called_twice() {
        let (keys, answer, mut called) = by_hand();
        for _ in 0..2 {
            let waiting = tokio::spawn({
                let keys = Arc::clone(&keys);
                async move { keys.current().await }
            });
            // Begun, or joined: a clock that is paused does not move by itself while a blocking call runs.
            tokio::task::yield_now().await;
            tokio::time::advance(PATIENCE + Duration::from_millis(1)).await;
            let error = waiting.await.unwrap().unwrap_err();
            assert_eq!((error.kind(), error.is_of_key_function()), (ErrorKind::Config, true));
            assert!(error.message().contains("within 60 s"), "{error}");
        }
        let waiting = tokio::spawn({
            let keys = Arc::clone(&keys);
            async move { keys.current().await }
        });
        tokio::task::yield_now().await;
        answer.send(Ok("late".to_owned())).unwrap();
        assert_eq!(waiting.await.unwrap().unwrap(), ApiKey::new("late"));
        called.recv().await.unwrap();
        assert!(called.try_recv().is_err(), "it was called more than once");
    }
}
