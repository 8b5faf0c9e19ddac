//! A book without a service around it, its log store, and publishers that look when they are told.

use crate::book::engine::{Engine, envelope, propose, status};
use crate::support::Scratch;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tradein::book::REGISTER;
use tradein::book::publish::publisher::Publisher;
use tradein::book::publish::{Log, LogFolder, LogKeys, Status};
use tradein::infra::keys::{KeyRing, KeySettings};
use tradein::infra::postgres::{ReadPool, Timeouts, read_pool};
use tradein::kernel::id::BookNo;
use tradein::kernel::tlog::checkpoint::Checkpoint;
use tradein::kernel::tlog::note::Note;
use tradein::kernel::tlog::policy::Policy;

pub const DEPLOYMENT: &str = "logs.example.org";
/// The book that every press opens.
pub const BOOK: &str = "310000/appliance/2040";

pub struct Press {
    pub folder: Scratch,
    pub book: BookNo,
    // Last, so that the database is checked after everything else is gone.
    pub engine: Engine,
}

impl Press {
    pub async fn new() -> Press {
        let engine = Engine::new();
        let book = engine.open("310000").await;
        Press { folder: Scratch::new(), book, engine }
    }

    /// What a process of the deployment has.
    pub fn log(&self) -> Arc<Log> {
        self.log_with(KeyRing::sandbox(), Policy::default())
    }

    pub fn log_with(&self, ring: KeyRing, policy: Policy) -> Arc<Log> {
        log_in(self.folder.path(), ring, policy)
    }

    pub fn pool(&self) -> ReadPool {
        pool_of(&self.engine.db.app_url())
    }

    pub fn publisher(&self, log: &Arc<Log>) -> Publisher {
        Publisher::new(log.clone(), self.pool())
    }

    /// A process that publishes everything there is, once.
    pub fn publish(&self) -> Arc<Log> {
        let log = self.log();
        self.publisher(&log).look();
        log
    }

    /// Appends so many entries to the book.
    pub async fn append(&self, entries: usize) {
        append_to(&self.engine, self.book, entries).await;
    }

    /// Every file of the store, by its path; not those that wait aside.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(self.folder.path(), self.folder.path(), &mut files);
        files
    }
}

pub fn log_in(folder: &Path, ring: KeyRing, policy: Policy) -> Arc<Log> {
    let folder = LogFolder::open(folder).expect("a scratch folder");
    let keys = LogKeys::new(Arc::new(ring), DEPLOYMENT).expect("a good name");
    Arc::new(Log { folder, keys, policy, status: Status::default() })
}

pub fn pool_of(url: &str) -> ReadPool {
    let seconds = Duration::from_secs(10);
    read_pool(url, 2, Timeouts { lock: seconds, statement: seconds })
}

pub async fn append_to(engine: &Engine, book: BookNo, entries: usize) {
    let proposals = (0..entries).map(|_| engine.books.submit(book, envelope(None, propose(1))));
    for answer in join_all(proposals).await {
        assert_eq!(status(&answer), 201);
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true if path.ends_with(".new") => {}
            true => collect(root, &path, files),
            false => {
                let name = path.strip_prefix(root).expect("below it").to_owned();
                files.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
}

/// The head that a log shows, checked against its own keys.
pub fn head(log: &Log, book: &str) -> Checkpoint {
    let text = log.folder.checkpoint(book).expect("a store").expect("a checkpoint");
    let note: Note = text.parse().expect("a note");
    Checkpoint::verified(&note, &log.keys.verifiers(book)).expect("signed by our keys")
}

/// The root and size that the database has for a book.
pub fn database_head(press: &Press, book: BookNo) -> (u64, Vec<u8>) {
    let head = tradein::book::store::read_head(&mut press.engine.db.app(), book).expect("a head");
    (head.size.cast_unsigned(), head.root)
}

/// A key ring with these versions of the master secret, the last one current unless said.
pub fn ring(versions: &[u16], current: Option<u16>) -> KeyRing {
    let secret = |n: u16| hex::encode([n as u8; 32]);
    let master = versions.iter().map(|n| (*n, secret(*n))).collect();
    let settings = KeySettings { master, current, bucket: hex::encode([99; 32]) };
    KeyRing::load(&settings, true).expect("a ring")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_book_is_signed_with_the_root_of_its_last_commit_and_empty_ones_too() {
    let press = Press::new().await;
    let log = press.log();
    let mut publisher = press.publisher(&log);
    publisher.look();
    assert_eq!(head(&log, BOOK).size, 0, "an empty book is signed, so it cannot be hidden");
    for entries in [1, 254, 1, 1, 400] {
        press.append(entries).await;
        publisher.look();
        for (book, name) in [(press.book, BOOK), (REGISTER, "register")] {
            let head = head(&log, name);
            assert_eq!(head.origin, format!("{DEPLOYMENT}/{name}"));
            assert_eq!((head.size, head.root.to_vec()), database_head(&press, book), "{name}");
        }
    }
    assert_eq!(head(&log, BOOK).size, 657);
    // The store is what one publication of the whole would have made.
    let other = Scratch::new();
    let afresh = log_in(other.path(), KeyRing::sandbox(), Policy::default());
    drop(publisher);
    press.publisher(&afresh).look();
    let grown = press.files();
    let mut fresh = BTreeMap::new();
    collect(other.path(), other.path(), &mut fresh);
    for (path, bytes) in fresh.iter().filter(|(path, _)| !path.ends_with("fence")) {
        assert_eq!(grown.get(path), Some(bytes), "{}", path.display());
    }
}
