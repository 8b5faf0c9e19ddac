//! The signed logs: the last checkpoint of each book, and a receipt that proves itself.

use super::client::Call;
use super::print::Page;
use super::server::Sandbox;
use super::story::Teller;
use super::world::{Book, World};
use crate::kernel::merkle::Hash;
use crate::kernel::tlog::note::VerifierKey;
use crate::kernel::tlog::receipt::LogProof;
use anyhow::{Context, bail};
use std::time::Duration;

/// So often an entry is asked for before the demo gives up; it is signed within a second.
const PATIENCE: u32 = 100;

/// Shows the signed head of each book, and checks the receipt of its last entry with nothing but
/// the entry's hash and the log's public key.
pub async fn receipts(
    world: &World,
    sandbox: &Sandbox,
    teller: &mut Teller<'_>,
) -> anyhow::Result<()> {
    teller.page.heading("The signed logs");
    for book in world.books() {
        let (seq, leaf_hash) = last_entry(world, &book).await?;
        let receipt = signed_receipt(world, &book, seq).await?;
        let keys = text(world, &book, "keys").await?;
        let keys: Result<Vec<VerifierKey>, _> = keys.lines().map(str::parse).collect();
        let proof: LogProof = receipt.parse()?;
        show(teller.page, &text(world, &book, "checkpoint").await?);
        let proven = proof.verify(&leaf_hash, &keys?);
        let what = format!(
            "the receipt of entry {seq} proves itself: a path of {} hashes leads \
             from it to the signed root",
            proof.path.len()
        );
        let _ = teller.check(&what, proven.is_ok());
        let other = proof.verify(&[0; 32], &[]);
        let _ =
            teller.check("another entry, or without the key, it proves nothing", other.is_err());
    }
    teller.page.note(&format!("the files of every log: {}", sandbox.log_folder().display()));
    Ok(())
}

fn show(page: &Page, checkpoint: &str) {
    page.line("");
    checkpoint.trim_end().lines().for_each(|line| page.note(line));
}

async fn last_entry(world: &World, book: &Book) -> anyhow::Result<(u64, Hash)> {
    let size = world.balances(book.no).await?.fen_at("/tree_size");
    let (entries, _) = world.entries(book.no, size - 1).await?;
    let hash = entries.first().and_then(|entry| entry["leaf_hash"].as_str());
    let hash = hex::decode(hash.context("the book has no entry")?)?;
    let hash: Hash = hash.try_into().ok().context("a hash of 32 bytes")?;
    Ok(((size - 1).cast_unsigned(), hash))
}

/// The receipt of an entry that was committed a moment ago.
async fn signed_receipt(world: &World, book: &Book, seq: u64) -> anyhow::Result<String> {
    let call = Call::get(format!("/log/{}/receipts/{seq}", book.no));
    for _ in 0..PATIENCE {
        let answer = world.client.send(&world.auditor, &call).await?;
        match answer.status {
            200 => return Ok(answer.text),
            404 => tokio::time::sleep(Duration::from_millis(50)).await,
            status => bail!("the receipt was answered with {status}: {}", answer.text),
        }
    }
    bail!("entry {seq} of {} was not signed within five seconds", book.name)
}

async fn text(world: &World, book: &Book, file: &str) -> anyhow::Result<String> {
    let call = Call::get(format!("/log/{}/{file}", book.no));
    Ok(world.client.must(&world.auditor, call).await?.text)
}
