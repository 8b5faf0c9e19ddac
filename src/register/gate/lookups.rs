//! Whether a book has answered a key: the question of everybody who comes after the money is
//! gone. While one read is under way the next one gathers, so a crowd costs a read for hundreds.

use super::Gate;
use crate::book::store::find_answers;
use crate::http::problem::Problem;
use crate::kernel::id::BookNo;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Questions that may wait; one more is told to come again.
const MOST: usize = 8_192;
/// Questions that one read answers.
const TOGETHER: usize = 512;

#[derive(Default)]
pub struct Lookups(Mutex<Gathering>);

#[derive(Default)]
struct Gathering {
    waiting: Vec<Question>,
    reading: bool,
}

struct Question {
    book: BookNo,
    digest: [u8; 16],
    answered: oneshot::Sender<bool>,
}

impl Lookups {
    fn gathering(&self) -> MutexGuard<'_, Gathering> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next questions; none, and nobody reads any more, when all are answered.
    fn next(&self) -> Option<Vec<Question>> {
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
        let (answered, answer) = oneshot::channel();
        let begin = {
            let mut gathering = self.lookups.gathering();
            if gathering.waiting.len() >= MOST {
                return Err(Problem::busy(1));
            }
            gathering.waiting.push(Question { book, digest, answered });
            !std::mem::replace(&mut gathering.reading, true)
        };
        if begin {
            let gate = self.clone();
            // A thread of its own ends what it began, also when the caller goes away.
            tokio::task::spawn_blocking(move || gate.read_answers());
        }
        answer.await.map_err(|_| Problem::busy(1))
    }

    fn read_answers(&self) {
        while let Some(questions) = self.lookups.next() {
            let mut of_book: HashMap<BookNo, Vec<Question>> = HashMap::new();
            questions.into_iter().for_each(|it| of_book.entry(it.book).or_default().push(it));
            for (book, questions) in of_book {
                let keys: Vec<Vec<u8>> = questions.iter().map(|it| it.digest.to_vec()).collect();
                let Ok(mut connection) = self.pool.get() else { continue };
                // Whoever asked hears of a failure by the end of his channel.
                let Ok(found) = find_answers(&mut connection, book, &keys) else { continue };
                for question in questions {
                    let is_answered = found.contains_key(&question.digest[..]);
                    let _ = question.answered.send(is_answered);
                }
            }
        }
    }
}
