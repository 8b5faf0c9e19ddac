//! Asking witnesses for cosignatures (C2SP tlog-witness, `add-checkpoint`).

use super::folder::{NotWritten, Parcel};
use super::status::Standing;
use super::{Log, LogFolder};
use crate::kernel::tlog::base64;
use crate::kernel::tlog::checkpoint::Checkpoint;
use crate::kernel::tlog::note::{Note, SignatureLine};
use crate::kernel::tlog::policy::Witness;
use crate::kernel::tlog::proof::{self, TileNodes};
use crate::kernel::tlog::tile::Tile;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Between two rounds; with the witness' own time this keeps "witnessed" within five seconds.
const ROUND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(5);
/// No answer of a witness is longer.
const LONGEST: usize = 64 * 1024;

/// Asks the witnesses of the policy, as long as this process publishes.
pub struct Witnesses {
    log: Arc<Log>,
    http: reqwest::Client,
    /// The size that each witness has last cosigned of each book, as far as it is known here.
    seen: HashMap<(String, String), u64>,
}

/// Why a witness has not cosigned.
#[derive(Debug, thiserror::Error)]
pub enum NoCosignature {
    #[error("it is not reachable: {0}")]
    Away(String),
    #[error("it has seen {seen} entries, and only {size} are signed")]
    Ahead { seen: u64, size: u64 },
    #[error("it answered {0}")]
    Refused(u16),
    #[error("its answer holds no cosignature of its key")]
    NoSignature,
    #[error("no consistency proof can be made: {0}")]
    NoProof(String),
}

impl Witnesses {
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn new(log: Arc<Log>) -> reqwest::Result<Witnesses> {
        let redirect = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().timeout(PATIENCE).redirect(redirect);
        let http = http.no_proxy().build()?;
        Ok(Witnesses { log, http, seen: HashMap::new() })
    }

    /// Asks until the process ends. `books` gives the names of all books.
    pub async fn run_for_ever<F: Future<Output = Vec<String>>>(mut self, books: impl Fn() -> F) {
        if self.log.policy.witnesses.iter().all(|witness| witness.url.is_none()) {
            return;
        }
        loop {
            tokio::time::sleep(ROUND).await;
            if let Standing::Publisher(fence) = self.log.status.standing() {
                let mut short = 0;
                for book in books().await {
                    let met = self.round(fence, &book).await;
                    short += usize::from(!met);
                }
                metrics::gauge!("tradein_log_without_quorum").set(short as f64);
            }
        }
    }

    /// Asks every witness that has not cosigned the book's checkpoint yet, and keeps what comes.
    /// Whether the quorum is met is given back.
    pub async fn round(&mut self, fence: u64, book: &str) -> bool {
        let Some((note, head)) = current(&self.log, book) else { return false };
        let mut lines = Vec::new();
        let log = self.log.clone();
        for witness in &log.policy.witnesses {
            if witness.url.is_none() || note.is_signed_by(&witness.key) {
                continue;
            }
            match self.ask(book, &note, &head, witness).await {
                Ok(line) => lines.push(line),
                Err(error) => {
                    metrics::counter!("tradein_log_witness_failures_total").increment(1);
                    let witness = &witness.name;
                    tracing::warn!(book, witness, %error, "log.witness_failed");
                }
            }
        }
        let mut cosigned = note.clone();
        cosigned.signatures.extend(lines);
        let is_met = log.policy.is_met(|key| cosigned.is_signed_by(key));
        if cosigned != note
            && let Err(error) = keep(&log, fence, book, &note, &cosigned, is_met)
        {
            tracing::warn!(book, %error, "log.cosignatures_not_kept");
        }
        is_met
    }

    /// One witness and one checkpoint, from the size that it knows.
    async fn ask(
        &mut self,
        book: &str,
        note: &Note,
        head: &Checkpoint,
        witness: &Witness,
    ) -> Result<SignatureLine, NoCosignature> {
        let place = (witness.name.clone(), book.to_owned());
        for _ in 0..2 {
            let seen = self.seen.get(&place).copied().unwrap_or_default();
            if seen > head.size {
                return Err(NoCosignature::Ahead { seen, size: head.size });
            }
            let body = request(&self.log.folder, book, seen, head, note)?;
            let url = witness.url.as_deref().unwrap_or_default();
            let sent = self.http.post(format!("{url}/add-checkpoint")).body(body).send().await;
            let answer =
                sent.map_err(|error| NoCosignature::Away(error.without_url().to_string()))?;
            let status = answer.status().as_u16();
            let text = small_text(answer).await?;
            match status {
                200 => {
                    let line = cosignature(&text, note, witness)?;
                    self.seen.insert(place, head.size);
                    return Ok(line);
                }
                409 => {
                    let seen = text.trim().parse().map_err(|_| NoCosignature::Refused(409))?;
                    self.seen.insert(place.clone(), seen);
                }
                status => return Err(NoCosignature::Refused(status)),
            }
        }
        Err(NoCosignature::Refused(409))
    }
}

async fn small_text(mut answer: reqwest::Response) -> Result<String, NoCosignature> {
    let mut bytes = Vec::new();
    let away = |error: reqwest::Error| NoCosignature::Away(error.without_url().to_string());
    while let Some(chunk) = answer.chunk().await.map_err(away)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LONGEST {
            return Err(NoCosignature::NoSignature);
        }
    }
    String::from_utf8(bytes).map_err(|_| NoCosignature::NoSignature)
}

/// The line of this witness in its answer, if it fits the checkpoint.
fn cosignature(
    answer: &str,
    note: &Note,
    witness: &Witness,
) -> Result<SignatureLine, NoCosignature> {
    let lines = answer.lines().filter_map(|line| line.parse::<SignatureLine>().ok());
    let fits = |line: &SignatureLine| {
        let alone = Note { text: note.text.clone(), signatures: vec![line.clone()] };
        alone.is_signed_by(&witness.key)
    };
    lines.into_iter().find(fits).ok_or(NoCosignature::NoSignature)
}

/// The body of `add-checkpoint`: the size that the witness knows, the proof from there, the note.
fn request(
    folder: &LogFolder,
    book: &str,
    seen: u64,
    head: &Checkpoint,
    note: &Note,
) -> Result<String, NoCosignature> {
    let mut nodes = TileNodes::new(head.size, |tile: &Tile| folder.tile(book, tile));
    let proof = proof::consistency(&mut nodes, seen, head.size);
    let proof = proof.map_err(|error| NoCosignature::NoProof(error.to_string()))?;
    let lines: String = proof.iter().map(|hash| base64(hash) + "\n").collect();
    Ok(format!("old {seen}\n{lines}\n{note}"))
}

/// The signed checkpoint of a book, as it stands in the store.
fn current(log: &Log, book: &str) -> Option<(Note, Checkpoint)> {
    let text = log.folder.checkpoint(book).ok()??;
    let note: Note = text.parse().ok()?;
    let head = Checkpoint::verified(&note, &log.keys.verifiers(book)).ok()?;
    Some((note, head))
}

/// Keeps the cosigned note: as `witnessed` where the quorum is met, and as the checkpoint where
/// that has not moved on meanwhile.
fn keep(
    log: &Log,
    fence: u64,
    book: &str,
    note: &Note,
    cosigned: &Note,
    is_met: bool,
) -> Result<(), NotWritten> {
    let text = cosigned.to_string();
    let witnessed = [("witnessed", text.clone())];
    let texts: &[(&str, String)] = if is_met { &witnessed } else { &[] };
    let parcel = Parcel { files: &[], texts, checkpoint: Some(&text) };
    match log.folder.write(book, fence, Some(&note.to_string()), &parcel) {
        Err(NotWritten::Moved) if is_met => {
            let now = log.folder.checkpoint(book)?;
            let parcel = Parcel { files: &[], texts, checkpoint: None };
            log.folder.write(book, fence, now.as_deref(), &parcel)
        }
        done => done,
    }
}
