//! One batch of commands of one book as one transaction: `DESIGN` "The batch transaction".

use super::BookInfo;
use super::desk::{Ask, Desk, Tx};
use super::envelope::{Envelope, Reply};
use super::log::{Appended, Place, Receipt};
use super::model::{Decision, Fault, Moneys, Outcome};
use super::store::{self, Head, InsertAnswers, NewAnswer, NewHead, StoredAnswer};
use crate::http::problem::Problem;
use crate::infra::statement::Writes;
use crate::kernel::canonical;
use crate::kernel::refusal::Refusal;
use crate::kernel::time::Moment;
use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::result::Error;
use diesel::{PgConnection, QueryResult};
use serde_json::Value;
use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Rounds in which needs may grow before a command is taken for a bug.
pub const ROUNDS: usize = 4;

/// Why a batch did not commit.
pub enum BatchError {
    /// Nothing was committed.
    Before(Error),
    /// The connection was lost while COMMIT was under way: nobody knows yet.
    Unknown(Error),
}

impl From<Error> for BatchError {
    fn from(error: Error) -> BatchError {
        BatchError::Before(error)
    }
}

/// The stored form of an idempotency key.
type Key = [u8; 16];

/// How a job of the batch was answered, before anything is written.
enum Verdict {
    /// Answered earlier, or a key used for something else.
    Known {
        status: u16,
        body: Vec<u8>,
        replayed: bool,
    },
    /// The same key stands earlier in this batch: its answer is this one's too.
    SameAs(usize),
    Answered {
        status: u16,
        body: Vec<u8>,
        refused: Refused,
        hint: Option<Box<dyn Any + Send + Sync>>,
    },
    Stale,
    Failed,
}

/// Codes and rule of a refusal, kept beside the answer for readers.
#[derive(Default)]
struct Refused {
    codes: Vec<String>,
    rule: Option<[u8; 32]>,
}

/// What the accounts of a book held after the batch that brought its log to this size. No
/// balance moves without an entry, so while the size is the same they hold it still.
pub struct Accounts {
    size: u64,
    moneys: Moneys,
}

/// Runs the batch. Every reply holds only once this has returned `Ok`. `accounts` are those that
/// the last batch of this clerk left, where there was one; they are replaced.
pub fn run(
    connection: &mut PgConnection,
    book: &BookInfo,
    clock_offset: TimeDelta,
    jobs: &[&Envelope],
    accounts: &mut Option<Accounts>,
) -> Result<Vec<Reply>, BatchError> {
    connection.batch_execute("BEGIN")?;
    let head = store::lock_head(connection, book.no)?;
    let now = (head.database_now + clock_offset).max(head.last_at + TimeDelta::microseconds(1));
    let moneys = match accounts.take().filter(|known| known.size == head.frontier.size()) {
        Some(known) => known.moneys,
        None => store::load_moneys(connection, book.no)?,
    };
    let mut batch = Batch::new(book, head, now, moneys);
    let keys: Vec<Option<Key>> = jobs.iter().map(|job| job.key_digest()).collect();
    let mut verdicts = batch.look_up(connection, jobs, &keys)?;
    batch.load(connection, jobs, &mut verdicts)?;
    for (job, verdict) in jobs.iter().zip(&mut verdicts) {
        if verdict.is_none() {
            *verdict = Some(batch.decide(job));
        }
    }
    batch.save(connection, jobs, &keys, &verdicts)?;
    connection.batch_execute("COMMIT").map_err(BatchError::Unknown)?;
    *accounts =
        Some(Accounts { size: batch.head.frontier.size(), moneys: batch.desk.moneys.clone() });
    Ok(replies(verdicts))
}

struct Batch<'a> {
    book: &'a BookInfo,
    head: Head,
    now: Moment,
    before: Moneys,
    desk: Desk,
    appended: Appended,
    size_before: u64,
}

impl<'a> Batch<'a> {
    fn new(book: &'a BookInfo, head: Head, now: Moment, moneys: Moneys) -> Batch<'a> {
        Batch {
            book,
            size_before: head.frontier.size(),
            before: moneys.clone(),
            desk: Desk::new(now, book.no, &head.state, moneys),
            head,
            now,
            appended: Appended::default(),
        }
    }

    /// Invariant 7: once a book has answered a key, the key has that answer.
    fn look_up(
        &self,
        connection: &mut PgConnection,
        jobs: &[&Envelope],
        keys: &[Option<Key>],
    ) -> QueryResult<Vec<Option<Verdict>>> {
        let wanted: Vec<&[u8]> = keys.iter().flatten().map(Key::as_slice).collect();
        let stored = store::find_answers(connection, self.book.no, &wanted)?;
        let mut first: HashMap<Key, usize> = HashMap::new();
        let verdict = |(place, (job, key)): (usize, (&&Envelope, &'_ Option<Key>))| {
            let key = key.as_ref()?;
            if let Some(answer) = stored.get(key.as_slice()) {
                return Some(known(job, answer));
            }
            None.or_else(|| {
                first_of(&mut first, keys, place).map(|earlier| {
                    if jobs[earlier].fingerprint == job.fingerprint {
                        Verdict::SameAs(earlier)
                    } else {
                        key_reused(job)
                    }
                })
            })
        };
        Ok(jobs.iter().zip(keys).enumerate().map(verdict).collect())
    }

    /// Loads what the open commands need: rounds of book rows first, registers last.
    fn load(
        &mut self,
        connection: &mut PgConnection,
        jobs: &[&Envelope],
        verdicts: &mut [Option<Verdict>],
    ) -> QueryResult<()> {
        let mut tx = Tx { connection, book: self.book.no, now: self.now };
        for _ in 0..ROUNDS {
            for (job, verdict) in jobs.iter().zip(verdicts.iter_mut()) {
                if verdict.is_some() {
                    continue;
                }
                let mut ask = Ask::of(&mut self.desk);
                if catch_unwind(AssertUnwindSafe(|| job.command.needs(&mut ask))).is_err() {
                    *verdict = Some(Verdict::Failed);
                }
            }
            if !self.desk.load(&mut tx, false)? {
                break;
            }
        }
        self.desk.load(&mut tx, true)?;
        Ok(())
    }

    fn decide(&mut self, job: &Envelope) -> Verdict {
        let desk = &mut self.desk;
        let decided = catch_unwind(AssertUnwindSafe(|| job.command.decide(desk)));
        let verdict = match decided {
            Ok(Ok(Decision::Done(outcome))) => self.append(job, outcome),
            Ok(Ok(Decision::Refused { refusals, status, rule })) => {
                self.desk.undo();
                Ok(refused(job, status, refusals, rule))
            }
            Ok(Ok(Decision::Stale)) => {
                self.desk.undo();
                Ok(Verdict::Stale)
            }
            Ok(Err(fault)) => Err(fault),
            Err(_) => Err(Fault::new("a decision panicked")),
        };
        verdict.unwrap_or_else(|fault| {
            tracing::error!(request_id = job.request_id, book = self.book.no, %fault, "book.fault");
            metrics::counter!("tradein_book_faults_total").increment(1);
            self.desk.undo();
            Verdict::Failed
        })
    }

    /// Gives the entries of an accepted command their places, all of them or none.
    fn append(&mut self, job: &Envelope, outcome: Outcome) -> Result<Verdict, Fault> {
        let mut moneys = self.desk.moneys.clone();
        for draft in &outcome.entries {
            moneys.apply(&draft.legs)?;
        }
        let place = Place {
            book: self.book.no,
            book_name: &self.book.name,
            at: self.now,
            actor: &job.actor,
        };
        let mut receipt: Option<Receipt> = None;
        for draft in outcome.entries {
            receipt = Some(self.appended.append(&mut self.head.frontier, &place, draft)?);
        }
        if let Some(state) = outcome.book_state {
            self.desk.set_book_state(state);
        }
        self.desk.moneys = moneys;
        self.desk.keep();
        let mut body = outcome.body;
        if let (Some(receipt), Value::Object(fields)) = (receipt, &mut body) {
            fields.insert("receipt".to_owned(), receipt.json());
        }
        let body = canonical::bytes(&body);
        let (status, hint) = (outcome.status, outcome.hint);
        Ok(Verdict::Answered { status, body, refused: Refused::default(), hint })
    }

    fn save(
        &self,
        connection: &mut PgConnection,
        jobs: &[&Envelope],
        keys: &[Option<Key>],
        verdicts: &[Option<Verdict>],
    ) -> QueryResult<()> {
        let (book, at) = (self.book.no, self.now);
        let mut tx = Tx { connection, book, now: at };
        let mut writes = Writes::default();
        self.desk.save(&mut tx, &mut writes)?;
        let each = jobs.iter().zip(keys).zip(verdicts);
        let rows: Vec<NewAnswer<'_>> = each
            .filter_map(|((job, key), verdict)| to_store(job, *key, verdict.as_ref()))
            .collect();
        let answers = rows.len();
        if answers > 0 {
            writes.add(InsertAnswers { book, at, rows }, answers);
        }
        if self.appended.is_empty() {
            return writes.run(tx.connection);
        }
        let head = NewHead {
            state: self.desk.book_state(),
            frontier: &self.head.frontier,
            at,
            was: self.size_before,
        };
        let moves = self.desk.moneys.since(&self.before);
        store::append(&mut writes, book, self.appended.entries(), &moves, &head);
        writes.run(tx.connection)
    }
}

/// The place of the first job with the same key, where it is not this one.
fn first_of(first: &mut HashMap<Key, usize>, keys: &[Option<Key>], place: usize) -> Option<usize> {
    let key = keys[place]?;
    let earlier = *first.entry(key).or_insert(place);
    (earlier != place).then_some(earlier)
}

fn known(job: &Envelope, answer: &StoredAnswer) -> Verdict {
    if answer.fingerprint != job.fingerprint {
        return key_reused(job);
    }
    Verdict::Known { status: answer.status, body: answer.body.clone(), replayed: true }
}

fn key_reused(job: &Envelope) -> Verdict {
    let problem = Problem::new(
        422,
        "IDEMPOTENCY_KEY_REUSED",
        "该幂等键已用于另一请求，请换用新的幂等键",
        "this Idempotency-Key was used for another request; use a new one",
    );
    let body = problem.to_bytes(job.language, &job.request_id);
    Verdict::Known { status: 422, body, replayed: false }
}

fn refused(job: &Envelope, status: u16, refusals: Vec<Refusal>, rule: Option<[u8; 32]>) -> Verdict {
    let codes = refusals.iter().map(|refusal| refusal.code.to_string()).collect();
    let problem = Problem::refused(status, refusals);
    let body = problem.to_bytes(job.language, &job.request_id);
    Verdict::Answered { status, body, refused: Refused { codes, rule }, hint: None }
}

/// What is kept of an answer: nothing where it was kept before, or came without a key.
fn to_store<'a>(
    job: &Envelope,
    key: Option<Key>,
    verdict: Option<&'a Verdict>,
) -> Option<NewAnswer<'a>> {
    let Verdict::Answered { status, body, refused, .. } = verdict? else { return None };
    Some(NewAnswer {
        key: key?,
        fingerprint: job.fingerprint,
        status: status.cast_signed(),
        body,
        codes: &refused.codes,
        rule: refused.rule.as_ref().map(|rule| rule.as_slice()),
    })
}

/// The replies in the order of the jobs. A job that waited for the same key gets its answer.
fn replies(verdicts: Vec<Option<Verdict>>) -> Vec<Reply> {
    let mut replies: Vec<Reply> = Vec::with_capacity(verdicts.len());
    for verdict in verdicts {
        let reply = match verdict {
            Some(Verdict::Known { status, body, replayed }) => {
                Reply::Answer { status, body, replayed, hint: None }
            }
            Some(Verdict::SameAs(earlier)) => match &replies[earlier] {
                Reply::Answer { status, body, .. } => Reply::Answer {
                    status: *status,
                    body: body.clone(),
                    replayed: true,
                    hint: None,
                },
                Reply::Stale => Reply::Stale,
                Reply::Busy => Reply::Busy,
                Reply::Failed => Reply::Failed,
            },
            Some(Verdict::Answered { status, body, hint, .. }) => {
                Reply::Answer { status, body, replayed: false, hint }
            }
            Some(Verdict::Stale) => Reply::Stale,
            Some(Verdict::Failed) | None => Reply::Failed,
        };
        replies.push(reply);
    }
    replies
}
