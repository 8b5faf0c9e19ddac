//! Keys change, proofs stay.

use super::press::{BOOK, Press, head, ring};
use tradein::kernel::merkle::leaf_hash;
use tradein::kernel::tlog::note::{BadNote, Note, VerifierKey};
use tradein::kernel::tlog::policy::Policy;

#[tokio::test(flavor = "multi_thread")]
async fn old_proofs_stay_valid_and_readers_of_the_old_key_can_follow() {
    let press = Press::new().await;
    press.append(5).await;
    let old = press.log_with(ring(&[1], None), Policy::default());
    press.publisher(&old).look();
    let old_keys = old.keys.verifiers(BOOK);
    let receipt = old.receipt(BOOK, 3).unwrap().unwrap();
    let leaf = leaf_of(&press, 3);
    receipt.verify(&leaf, &old_keys).expect("a proof of the old key");

    // Announced: it is known and does not sign yet.
    let announced = press.log_with(ring(&[1, 2], Some(1)), Policy::default());
    press.publisher(&announced).look();
    assert_eq!(checkpoint(&announced).verify(&old_keys).unwrap().len(), 1);
    let new_key = |log: &tradein::book::publish::Log| -> VerifierKey {
        log.keys.signers(BOOK)[0].verifier(tradein::kernel::tlog::note::KeyKind::Ed25519)
    };

    // In force: a log that has not changed is signed again, by both.
    let both = press.log_with(ring(&[1, 2], Some(2)), Policy::default());
    press.publisher(&both).look();
    let key = new_key(&both);
    assert!(!old_keys.contains(&key));
    let note = checkpoint(&both);
    assert!(note.is_signed_by(&key) && note.is_signed_by(&old_keys[0]));
    assert_eq!(head(&both, BOOK).size, 5);
    let listed = both.folder.text(BOOK, "keys").unwrap().unwrap();
    let listed: Vec<VerifierKey> = listed.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(listed, [key.clone(), old_keys[0].clone()]);

    // Retired: the new key goes on alone, the old proof holds under the old key.
    press.append(1).await;
    let new = press.log_with(ring(&[2], None), Policy::default());
    press.publisher(&new).look();
    assert_eq!(new.status.halt(press.book), None);
    let note = checkpoint(&new);
    assert!(note.is_signed_by(&key));
    assert_eq!(note.verify(&old_keys), Err(BadNote::Unsigned));
    receipt.verify(&leaf, &old_keys).expect("it was signed then");
    let fresh = new.receipt(BOOK, 3).unwrap().unwrap();
    fresh.verify(&leaf, &[key]).expect("and can be had anew");
    let listed = new.folder.text(BOOK, "keys").unwrap().unwrap();
    assert_eq!(listed.lines().count(), 2, "the old key stays in the list");

    // The negative control: a ring that never signed this log does not take it over.
    let stranger = press.log_with(ring(&[3], None), Policy::default());
    press.publisher(&stranger).look();
    assert_eq!(stranger.status.halt(press.book).expect("it halts").code(), "store_damaged");
}

fn checkpoint(log: &tradein::book::publish::Log) -> Note {
    log.folder.checkpoint(BOOK).unwrap().unwrap().parse().unwrap()
}

fn leaf_of(press: &Press, seq: i64) -> [u8; 32] {
    let mut app = press.engine.db.app();
    let found = tradein::book::store::list_entries(&mut app, press.book, seq, 1).unwrap();
    leaf_hash(&found[0].0)
}
