//! Look-ups gathered: many requests ask for a row each, and one statement fetches them for all.
//!
//! A request that reads by itself costs PostgreSQL a round trip, a snapshot and a wake-up, and
//! this process two changes of thread: many times what the row costs. So one thread and one
//! connection take whatever has been asked meanwhile and read it together, as a clerk commits.
//! There is no fixed wait: a lone request is read at once.

use super::postgres::{Timeouts, clerk_connection};
use diesel::{PgConnection, QueryResult};
use tokio::sync::{mpsc, oneshot};

/// The most keys of one reading.
const MOST: usize = 256;
/// The most that wait; one more is turned away.
const QUEUE: usize = 4_096;

/// Reads one value a key, in the order of the keys, in a fixed number of statements, each of which
/// finds its rows by their full key: the connection's planner has nothing but indexes.
pub type Read<K, V> = fn(&mut PgConnection, &[K]) -> QueryResult<Vec<V>>;

/// The value could not be read now: the database is away, or too many ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the look-up failed or too many wait for it")]
pub struct NotRead;

type Asked<K, V> = (K, oneshot::Sender<V>);

/// A door for look-ups of one kind.
pub struct Lookup<K, V> {
    queue: mpsc::Sender<Asked<K, V>>,
}

impl<K: Send + 'static, V: Send + 'static> Lookup<K, V> {
    /// Starts the thread. It connects when it is first asked, and ends with the last sender.
    pub fn start(name: &str, url: &str, timeouts: Timeouts, read: Read<K, V>) -> Lookup<K, V> {
        let (queue, asked) = mpsc::channel(QUEUE);
        let mut reader = Reader { url: url.to_owned(), timeouts, read, connection: None };
        let thread = std::thread::Builder::new().name(name.to_owned());
        if let Err(error) = thread.spawn(move || reader.work(asked)) {
            // The receiver is gone with the closure: every look-up fails, and says so.
            tracing::error!(%error, name, "lookup.not_started");
        }
        Lookup { queue }
    }

    /// Reads the value of a key, together with what others ask for.
    ///
    /// # Errors
    /// [`NotRead`]: the same may be asked again.
    pub async fn find(&self, key: K) -> Result<V, NotRead> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send((key, answer)).map_err(|_| NotRead)?;
        answered.await.map_err(|_| NotRead)
    }
}

struct Reader<K, V> {
    url: String,
    timeouts: Timeouts,
    read: Read<K, V>,
    connection: Option<PgConnection>,
}

impl<K, V> Reader<K, V> {
    fn work(&mut self, mut queue: mpsc::Receiver<Asked<K, V>>) {
        while let Some((key, answer)) = queue.blocking_recv() {
            let (mut keys, mut answers) = (vec![key], vec![answer]);
            while keys.len() < MOST
                && let Ok((key, answer)) = queue.try_recv()
            {
                keys.push(key);
                answers.push(answer);
            }
            // A connection that idled may have ended with its server: a second try has a new one.
            let values = self.attempt(&keys).or_else(|_| self.attempt(&keys));
            match values {
                Ok(values) => answers.into_iter().zip(values).for_each(|(answer, value)| {
                    // One who no longer waits does not need it.
                    let _ = answer.send(value);
                }),
                // Dropping the answers tells everybody.
                Err(error) => tracing::warn!(error, "lookup.failed"),
            }
        }
    }

    fn attempt(&mut self, keys: &[K]) -> Result<Vec<V>, String> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => clerk_connection(&self.url, self.timeouts).map_err(|e| e.to_string())?,
        };
        let values = (self.read)(&mut connection, keys).map_err(|error| error.to_string())?;
        // Only one that works is kept.
        self.connection = Some(connection);
        if values.len() != keys.len() {
            return Err(format!("{} values for {} keys", values.len(), keys.len()));
        }
        Ok(values)
    }
}
