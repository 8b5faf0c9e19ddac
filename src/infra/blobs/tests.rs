//! The store on a real folder.

use super::*;
use secrecy::SecretString;
use std::os::unix::fs::PermissionsExt;
use tokio::io::AsyncReadExt;

fn settings(folder: &Path) -> BlobSettings {
    let empty = String::new;
    let bucket = BucketSettings {
        name: empty(),
        prefix: empty(),
        endpoint: empty(),
        region: empty(),
        access_key: SecretString::default(),
        secret_key: SecretString::default(),
    };
    BlobSettings { folder: folder.to_owned(), bucket }
}

async fn received(blobs: &Blobs, pieces: &[&[u8]], most: u64) -> Result<Received, BlobError> {
    let mut incoming = blobs.receive(most).await?;
    for piece in pieces {
        incoming.write(piece).await?;
    }
    incoming.finish().await
}

async fn content(blobs: &Blobs, hash: ContentHash) -> Result<Vec<u8>, BlobError> {
    let (mut file, size) = blobs.read(hash).await?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).await?;
    assert_eq!(bytes.len() as u64, size);
    Ok(bytes)
}

fn files_in(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_file_is_kept_once_under_its_hash_for_this_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("files");
    let blobs = Blobs::open(&settings(&root)).unwrap();
    let hash: ContentHash = Sha256::digest(b"%PDF-1.7 abc").into();
    for _ in 0..2 {
        let file = received(&blobs, &[b"%PDF-", b"1.7 ", b"abc"], 12).await.unwrap();
        assert_eq!((file.sha256, file.bytes), (hash, 12));
        assert_eq!(file.media, Some(MediaType::Pdf));
        assert_eq!(blobs.keep(file).await.unwrap(), hash);
    }
    assert_eq!(content(&blobs, hash).await.unwrap(), b"%PDF-1.7 abc");
    assert_eq!(files_in(&root.join("incoming")), 0, "nothing is left over");
    let (shelf, rest) = name(hash);
    assert_eq!(files_in(&root.join(&shelf)), 1, "the same content is one file");
    assert_eq!(mode(&root.join(&shelf).join(rest)), 0o600);
    for private in [root.clone(), root.join(shelf), root.join("incoming")] {
        assert_eq!(mode(&private), 0o700, "{}", private.display());
    }
    // Another process finds what this one kept.
    let again = Blobs::open(&settings(&root)).unwrap();
    assert_eq!(content(&again, hash).await.unwrap(), b"%PDF-1.7 abc");
}

#[tokio::test]
async fn what_is_too_large_or_given_up_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(&settings(folder.path())).unwrap();
    let refused = received(&blobs, &[b"1234", b"5678", b"9"], 8).await.unwrap_err();
    assert!(matches!(refused, BlobError::TooLarge(8)), "{refused}");
    assert!(received(&blobs, &[b"1234", b"5678"], 8).await.is_ok());
    drop(received(&blobs, &[b"never kept"], 100).await.unwrap());
    assert_eq!(files_in(&folder.path().join("incoming")), 0);
}

#[tokio::test]
async fn a_file_that_was_changed_or_lost_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(&settings(folder.path())).unwrap();
    let file = received(&blobs, &[b"the original"], 100).await.unwrap();
    let hash = blobs.keep(file).await.unwrap();
    let (shelf, rest) = name(hash);
    let path = folder.path().join(shelf).join(rest);
    std::fs::write(&path, b"a forgery").unwrap();
    let altered = content(&blobs, hash).await.unwrap_err();
    assert!(matches!(altered, BlobError::Altered(_)), "{altered}");
    std::fs::remove_file(&path).unwrap();
    let missing = content(&blobs, hash).await.unwrap_err();
    assert!(matches!(missing, BlobError::Missing(_)), "{missing}");
}

#[test]
fn what_a_dead_process_was_receiving_is_removed_after_a_day() {
    let folder = tempfile::tempdir().unwrap();
    drop(Blobs::open(&settings(folder.path())).unwrap());
    let incoming = folder.path().join("incoming");
    for (name, hours) in [("old", 25), ("new", 23)] {
        let file = std::fs::File::create(incoming.join(name)).unwrap();
        let age = std::time::Duration::from_secs(hours * 3600);
        file.set_modified(std::time::SystemTime::now() - age).unwrap();
    }
    drop(Blobs::open(&settings(folder.path())).unwrap());
    assert!(!incoming.join("old").exists() && incoming.join("new").exists());
}

#[test]
fn a_sandbox_without_a_folder_leaves_nothing_behind() {
    let blobs = Blobs::open(&settings(Path::new(""))).unwrap();
    let root = blobs._passing.as_ref().unwrap().path().to_owned();
    assert_eq!(mode(&root), 0o700);
    drop(blobs);
    assert!(!root.exists());
}
