//! Keys, their rotation, and what a ring that cannot be made says.

use super::*;

fn settings(versions: &[KeyVersion]) -> KeySettings {
    let text = |v: &KeyVersion| (*v, secret::sandbox_text(&format!("master {v}")));
    KeySettings { master: versions.iter().map(text).collect(), ..KeySettings::sandbox() }
}

#[test]
fn expands_as_rfc_5869_does() {
    // Test case 1: the first 32 bytes of its output are HMAC(PRK, info, 1).
    let prk = "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5";
    let info = hex::decode("f0f1f2f3f4f5f6f7f8f9").unwrap();
    let output = mac(&hex::decode(prk).unwrap(), &[&info, &[1]]);
    assert_eq!(
        hex::encode(output),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
    );
}

#[test]
fn each_purpose_and_version_has_its_own_key() {
    let ring = KeyRing::load(&settings(&[1, 2, 3]), true).unwrap();
    let mut keys: Vec<_> = ring.subkeys.values().map(|k| *k.expose()).collect();
    keys.push(*ring.bucket.expose());
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    // One for each purpose and version, and that of the buckets.
    let due = 3 * Purpose::ALL.len() + 1;
    assert_eq!((keys.len(), all), (due, due));
}

#[test]
fn rotation_reads_the_old_and_never_moves_a_bucket() {
    let old = KeyRing::load(&settings(&[1]), true).unwrap();
    let mut next = settings(&[1, 2]);
    next.current = Some(1);
    let published = KeyRing::load(&next, true).unwrap();
    assert_eq!(published.current(Purpose::Lookup).0, 1, "a new key is not used at once");
    let new = KeyRing::load(&settings(&[1, 2]), true).unwrap();
    let versions: Vec<_> = new.all(Purpose::Lookup).map(|(v, _)| v).collect();
    assert_eq!(versions, [2, 1]);
    let before = old.current(Purpose::VoucherCode).1.digest(b"code");
    assert!(new.of(Purpose::VoucherCode, 1).unwrap().verify(b"code", &before));
    assert!(!new.current(Purpose::VoucherCode).1.verify(b"code", &before));
    assert_eq!(old.bucket_digest("person", b"1"), new.bucket_digest("person", b"1"));
    assert!(KeyRing::load(&settings(&[2]), true).unwrap().of(Purpose::Vault, 1).is_none());
}

#[test]
fn buckets_are_twelve_bits_spread_evenly() {
    assert_eq!(bucket_of(&[0xff; 32]), 4095);
    assert_eq!(bucket_of(&[0; 32]), 0);
    let ring = KeyRing::sandbox();
    let mut counts = vec![0u32; 4096];
    for index in 0..40_960u32 {
        let digest = ring.bucket_digest("person", &index.to_be_bytes());
        counts[bucket_of(&digest) as usize] += 1;
    }
    assert!(counts.iter().all(|count| *count < 40), "ten are expected in each");
    assert_ne!(ring.bucket_digest("a", b"b"), ring.bucket_digest("ab", b""));
}

#[test]
fn a_ring_that_cannot_be_made_says_why() {
    let mut no_such = settings(&[1]);
    no_such.current = Some(9);
    let mut twice = settings(&[1, 2]);
    twice.master.insert(2, twice.master[&1].clone());
    let mut same_bucket = settings(&[1]);
    same_bucket.bucket = same_bucket.master[&1].clone();
    for (settings, sandbox, says) in [
        (KeySettings::default(), true, "no master secret"),
        (no_such, true, "keys.master.9 is not set"),
        (twice, true, "keys.master.1 and keys.master.2 are the same"),
        (same_bucket, true, "keys.bucket and keys.master.1 are the same"),
        (KeySettings::sandbox(), false, "keys.bucket "),
    ] {
        let error = KeyRing::load(&settings, sandbox).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_key_file_is_read_and_its_faults_are_told_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    let text = new_key_file();
    std::fs::write(&path, text.as_str()).unwrap();
    let ring = KeyRing::from_file(&path, false).unwrap();
    assert_eq!(ring.current(Purpose::Vault).0, 1);
    let secret = text.split('"').nth(1).unwrap();
    for broken in [
        text.replace("bucket = \"", "bucket = \"\\q"),
        text.replace("[master]", "[masters]"),
        text.replace("\n1 = ", "\nzero = "),
        text.replace("\n1 = ", "\n0 = "),
        text.replace(secret, &secret[1..]),
        text.replace("current = 1", "current = 2"),
    ] {
        std::fs::write(&path, broken).unwrap();
        let error = KeyRing::from_file(&path, false).unwrap_err().to_string();
        assert!(!error.contains(&secret[1..]) && !error.contains('\n'), "{error}");
    }
    assert!(KeyRing::from_file(&folder.path().join("none"), false).is_err());
}

#[test]
fn debug_shows_no_key() {
    let ring = KeyRing::sandbox();
    let shown = format!("{ring:?}");
    let key = ring.current(Purpose::Vault).1.expose();
    assert!(!shown.contains(&hex::encode(key)) && !shown.contains(&format!("{key:?}")));
}
