//! Questions to Postgres that many ask at once: a person's quota, whether a book has answered a
//! key. While one read is under way the next one gathers, so a crowd costs a read for hundreds.

use super::store::{QuotaRead, read_quotas};
use super::{Away, Gate};
use crate::book::store::find_answers;
use crate::http::problem::Problem;
use crate::kernel::id::BookNo;
use crate::register::store::PersonKey;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Questions that may wait; one more is told to come again.
const MOST: usize = 8_192;
/// Questions that one read answers.
const TOGETHER: usize = 512;

/// A book and the stored form of an idempotency key.
type AnswerKey = (BookNo, [u8; 16]);

/// What is asked, and where the answer goes. Whoever asked hears of a failure by the end of his
/// channel.
type Question<K, A> = (K, oneshot::Sender<A>);

/// What the clones of a gate ask together.
#[derive(Default)]
pub struct Lookups {
    answers: Gathered<AnswerKey, bool>,
    quotas: Gathered<PersonKey, QuotaRead>,
}

/// Questions of one kind.
struct Gathered<K, A>(Mutex<Gathering<K, A>>);

struct Gathering<K, A> {
    waiting: Vec<Question<K, A>>,
    reading: bool,
}

impl<K, A> Default for Gathered<K, A> {
    fn default() -> Gathered<K, A> {
        Gathered(Mutex::new(Gathering { waiting: Vec::new(), reading: false }))
    }
}

impl<K, A> Gathered<K, A> {
    fn gathering(&self) -> MutexGuard<'_, Gathering<K, A>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a question among those that wait, and says whether the caller must begin to read.
    /// `None` where too many wait.
    fn put(&self, key: K) -> Option<(oneshot::Receiver<A>, bool)> {
        let (answered, answer) = oneshot::channel();
        let mut gathering = self.gathering();
        if gathering.waiting.len() >= MOST {
            return None;
        }
        gathering.waiting.push((key, answered));
        Some((answer, !std::mem::replace(&mut gathering.reading, true)))
    }

    /// The next questions; none, and nobody reads any more, when all are answered.
    fn next(&self) -> Option<Vec<Question<K, A>>> {
        let mut gathering = self.gathering();
        let many = gathering.waiting.len().min(TOGETHER);
        gathering.reading = many > 0;
        (many > 0).then(|| gathering.waiting.drain(..many).collect())
    }
}

impl Gate {
    /// Whether the book has answered a key: such a request goes on to the clerk, whatever a flag
    /// says.
    ///
    /// # Errors
    /// 503 where too many ask at once, or Postgres cannot be read.
    pub async fn is_answered(&self, book: BookNo, digest: [u8; 16]) -> Result<bool, Problem> {
        let put = self.lookups.answers.put((book, digest));
        let (answer, begin) = put.ok_or_else(|| Problem::busy(1))?;
        if begin {
            let gate = self.clone();
            // A thread of its own ends what it began, also when the caller goes away.
            tokio::task::spawn_blocking(move || gate.read_answers());
        }
        answer.await.map_err(|_| Problem::busy(1))
    }

    /// A person's quota as it stands in Postgres.
    ///
    /// # Errors
    /// [`Away`], also where too many ask at once.
    pub(super) async fn read_row(&self, key: PersonKey) -> Result<QuotaRead, Away> {
        let (answer, begin) = self.lookups.quotas.put(key).ok_or(Away)?;
        if begin {
            let gate = self.clone();
            tokio::task::spawn_blocking(move || gate.read_rows_asked_for());
        }
        answer.await.map_err(|_| Away)
    }

    fn read_answers(&self) {
        while let Some(questions) = self.lookups.answers.next() {
            let mut of_book: HashMap<BookNo, Vec<Question<AnswerKey, bool>>> = HashMap::new();
            questions.into_iter().for_each(|it| of_book.entry(it.0.0).or_default().push(it));
            for (book, questions) in of_book {
                let keys: Vec<&[u8]> = questions.iter().map(|((_, key), _)| &key[..]).collect();
                let Ok(mut connection) = self.pool.get() else { continue };
                let Ok(found) = find_answers(&mut connection, book, &keys) else { continue };
                for ((_, digest), answered) in questions {
                    let _ = answered.send(found.contains_key(&digest[..]));
                }
            }
        }
    }

    fn read_rows_asked_for(&self) {
        while let Some(questions) = self.lookups.quotas.next() {
            let keys: Vec<PersonKey> = questions.iter().map(|(key, _)| key.clone()).collect();
            let Ok(mut connection) = self.pool.get() else { continue };
            let Ok(rows) = read_quotas(&mut connection, &keys, &self.clock) else { continue };
            for ((_, answered), row) in questions.into_iter().zip(rows) {
                let _ = answered.send(row);
            }
        }
    }
}
