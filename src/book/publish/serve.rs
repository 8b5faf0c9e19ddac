//! What is read of the published logs: files, proofs, receipts, and the state of the witnesses.

use super::Log;
use crate::kernel::merkle::Hash;
use crate::kernel::tlog::checkpoint::Checkpoint;
use crate::kernel::tlog::note::Note;
use crate::kernel::tlog::proof::{self, TileNodes};
use crate::kernel::tlog::receipt::LogProof;
use crate::kernel::tlog::tile::Tile;
use serde_json::{Value, json};
use std::io::{Error, Result};

/// A signed head and the text that it was read from.
pub struct Signed {
    pub head: Checkpoint,
    pub note: Note,
}

impl Log {
    /// The last signed head of a book; nothing where it has none yet.
    ///
    /// # Errors
    /// Where the store cannot be read, or holds what is no checkpoint.
    pub fn signed(&self, book: &str) -> Result<Option<Signed>> {
        self.signed_in(book, "checkpoint")
    }

    /// The last head that had its quorum of witnesses.
    ///
    /// # Errors
    /// As [`Log::signed`].
    pub fn witnessed(&self, book: &str) -> Result<Option<Signed>> {
        self.signed_in(book, "witnessed")
    }

    fn signed_in(&self, book: &str, file: &str) -> Result<Option<Signed>> {
        let Some(text) = self.folder.text(book, file)? else { return Ok(None) };
        let note: Note = text.parse().map_err(Error::other)?;
        let head = note.text.parse().map_err(Error::other)?;
        Ok(Some(Signed { head, note }))
    }

    /// The bytes of a tile or bundle that lies within what is signed. What lies beyond means
    /// nothing yet and may change.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn tile(&self, book: &str, tile: &Tile) -> Result<Option<Vec<u8>>> {
        match self.signed(book)? {
            Some(signed) if tile.is_within(signed.head.size) => {
                self.folder.tile(book, tile).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The proof that an entry is in the log, whole in itself: of the last witnessed head where
    /// the policy needs witnesses and that head has the entry, else of the last signed one.
    /// Nothing while no signed head has it.
    ///
    /// # Errors
    /// Where the store cannot be read or is damaged.
    pub fn receipt(&self, book: &str, seq: u64) -> Result<Option<LogProof>> {
        let witnessed = match self.policy.needs_witnesses() {
            true => self.witnessed(book)?.filter(|signed| seq < signed.head.size),
            false => None,
        };
        let signed = match witnessed {
            Some(signed) => Some(signed),
            None => self.signed(book)?.filter(|signed| seq < signed.head.size),
        };
        let Some(signed) = signed else { return Ok(None) };
        let path = self.inclusion(book, seq, signed.head.size)?;
        Ok(Some(LogProof { index: seq, path, checkpoint: signed.note }))
    }

    /// The path from an entry to the root of the first `size` entries, which are signed.
    ///
    /// # Errors
    /// Where the store cannot be read or is damaged.
    pub fn inclusion(&self, book: &str, seq: u64, size: u64) -> Result<Vec<Hash>> {
        let mut nodes = TileNodes::new(size, |tile: &Tile| self.folder.tile(book, tile));
        proof::inclusion(&mut nodes, seq, size).map_err(Error::other)
    }

    /// The proof that the first `size` entries, which are signed, begin with the first `old`.
    ///
    /// # Errors
    /// Where the store cannot be read or is damaged.
    pub fn consistency(&self, book: &str, old: u64, size: u64) -> Result<Vec<Hash>> {
        let mut nodes = TileNodes::new(size, |tile: &Tile| self.folder.tile(book, tile));
        proof::consistency(&mut nodes, old, size).map_err(Error::other)
    }

    /// Who has cosigned the last signed head, and whether that is enough.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn witness_state(&self, book: &str) -> Result<Option<Value>> {
        let Some(signed) = self.signed(book)? else { return Ok(None) };
        let witnessed = self.witnessed(book)?;
        let cosigned = |note: &Note| {
            let all = self.policy.witnesses.iter();
            let who = all.map(|witness| {
                json!({"name": witness.name, "key": witness.key.to_string(),
                    "cosigned": note.is_signed_by(&witness.key)})
            });
            who.collect::<Vec<Value>>()
        };
        let quorum = match self.policy.needs_witnesses() {
            false => "not_required",
            true if self.policy.is_met(|key| signed.note.is_signed_by(key)) => "met",
            true => "not_met",
        };
        Ok(Some(json!({
            "origin": signed.head.origin,
            "size": signed.head.size,
            "root": hex::encode(signed.head.root),
            "quorum": quorum,
            "witnesses": cosigned(&signed.note),
            "witnessed_size": witnessed.map(|signed| signed.head.size),
        })))
    }
}
