//! A publisher dies at any step, or two of them are there: the log goes on where it was signed.

use super::press::{BOOK, Press, append_to, database_head, head, pool_of};
use crate::faults::process::{Process, deployment_with_log};
use crate::support::{Scratch, TestDb, TestRedis, eventually};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tradein::book::publish::{LogFolder, Standing};
use tradein::kernel::tlog::checkpoint::Checkpoint;
use tradein::kernel::tlog::note::Note;
use tradein::kernel::tlog::proof::{self, TileNodes};
use tradein::kernel::tlog::tile::Tile;

/// Puts a store into a state between two publications.
fn lay_out(folder: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let removed = match path.is_dir() {
            true => std::fs::remove_dir_all(&path),
            false => std::fs::remove_file(&path),
        };
        removed.unwrap();
    }
    for (path, bytes) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// Tiles, then texts, then the checkpoint; partial files that are dropped come last. A crash cuts
/// this order anywhere, and leaves whole files only, since each is renamed into its place.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_at_any_step_the_next_publisher_ends_at_the_same_log() {
    let press = Press::new().await;
    press.append(200).await;
    press.publish();
    let before = press.files();
    press.append(400).await;
    press.publish();
    let after = press.files();
    let fence = PathBuf::from("fence");
    let is_checkpoint = |path: &Path| path.ends_with("checkpoint");
    let mut written: Vec<&PathBuf> =
        after.keys().filter(|path| before.get(*path) != after.get(*path)).collect();
    written.sort_by_key(|path| is_checkpoint(path));
    written.retain(|path| **path != fence);
    let gone: Vec<&PathBuf> = before.keys().filter(|path| !after.contains_key(*path)).collect();
    assert!(written.len() >= 5 && !gone.is_empty(), "{written:?} {gone:?}");
    let mut number: u64 = 100;
    for steps in 0..=written.len() + gone.len() {
        let mut state = before.clone();
        for path in written.iter().take(steps) {
            state.insert((*path).clone(), after[*path].clone());
        }
        for path in gone.iter().take(steps.saturating_sub(written.len())) {
            state.remove(*path);
        }
        // The one that crashed had a number of its own, and left a file aside.
        number += 1;
        state.insert(fence.clone(), number.to_string().into_bytes());
        state.insert(format!(".new/{number}-1-1").into(), b"half".to_vec());
        lay_out(press.folder.path(), &state);
        let log = press.publish();
        assert_eq!(log.status.halt(press.book), None, "after {steps} steps");
        let found = press.files();
        let due: Vec<&PathBuf> = after.keys().filter(|path| **path != fence).collect();
        for path in due {
            assert_eq!(found.get(path), after.get(path), "{} after {steps}", path.display());
        }
        assert_eq!(std::fs::read_dir(press.folder.path().join(".new")).unwrap().count(), 0);
    }
}

/// Files beyond the signed size that do not fit are written anew: nobody has ever signed them.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_signed_is_written_again() {
    let press = Press::new().await;
    press.append(200).await;
    let log = press.publish();
    press.append(100).await;
    let file = log.folder.of_book(BOOK).join("tile/0/000");
    std::fs::write(&file, [1; 8_192]).unwrap();
    let tile = Tile::parse("tile/0/000").unwrap();
    assert_eq!(log.tile(BOOK, &tile).unwrap(), None, "and is not served");
    press.publish();
    assert_ne!(std::fs::read(&file).unwrap(), [1; 8_192]);
    assert_eq!(head(&log, BOOK).size, 300);
    assert!(log.tile(BOOK, &tile).unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_publishes_and_the_next_takes_over_when_it_is_gone() {
    let press = Press::new().await;
    let (first_log, second_log) = (press.log(), press.log());
    let mut first = press.publisher(&first_log);
    let mut second = press.publisher(&second_log);
    first.look();
    second.look();
    let Standing::Publisher(fence) = first_log.status.standing() else { panic!("it publishes") };
    assert_eq!(second_log.status.standing(), Standing::Standby);
    press.append(3).await;
    second.look();
    assert_eq!(head(&first_log, BOOK).size, 0, "the second leaves it alone");
    first.look();
    assert_eq!(head(&first_log, BOOK).size, 3);
    drop(first);
    press.append(2).await;
    second.look();
    assert_eq!(second_log.status.standing(), Standing::Publisher(fence + 1));
    assert_eq!(head(&second_log, BOOK).size, 5);
}

/// One that was paused for longer than its lease still believes that it publishes.
#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_comes_back_late_writes_nothing() {
    let press = Press::new().await;
    let (late_log, new_log) = (press.log(), press.log());
    let mut late = press.publisher(&late_log);
    late.look();
    // Its lease has run out while it slept.
    run(&press, "UPDATE log_publisher SET until = clock_timestamp() - interval '1 s'");
    let mut new = press.publisher(&new_log);
    new.look();
    let Standing::Publisher(_) = new_log.status.standing() else { panic!("it took over") };
    press.append(3).await;
    let before = press.files();
    late.look();
    assert_eq!(late_log.status.standing(), Standing::Standby, "it has noticed");
    assert_eq!(press.files(), before);
    new.look();
    assert_eq!(head(&new_log, BOOK).size, 3);
}

fn run(press: &Press, statement: &str) {
    use diesel::connection::SimpleConnection;
    press.engine.db.superuser().batch_execute(statement).unwrap();
}

/// Two databases that both believe to be the one, before one store.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_databases_one_signs() {
    let press = Press::new().await;
    let other = crate::book::engine::Engine::new();
    let book = other.open("310000").await;
    press.append(5).await;
    append_to(&other, book, 6).await;
    let log = press.publish();
    assert_eq!(head(&log, BOOK).size, 5);
    let other_log = press.log();
    let pool = pool_of(&other.db.app_url());
    tradein::book::publish::publisher::Publisher::new(other_log.clone(), pool).look();
    assert_eq!(other_log.status.halt(book).expect("it halts").code(), "fork");
    assert_eq!(head(&log, BOOK).size, 5);
    press.append(1).await;
    let log = press.publish();
    assert_eq!((head(&log, BOOK).size, log.status.halt(press.book)), (6, None));
    assert_eq!(head(&log, BOOK).root.to_vec(), database_head(&press, press.book).1);
}

/// Invariant 6, with a real process that is killed while it publishes.
#[tokio::test(flavor = "multi_thread")]
async fn every_signed_checkpoint_is_a_prefix_of_every_later_one_over_ten_kills() {
    let folder = Scratch::new();
    let now = crate::faults::sales::NOW;
    let (world, process) = deployment_with_log(TestDb::new(), TestRedis::new(), now, folder.path());
    let book = world.book("310000", "appliance", 2024, 0).await;
    let store = LogFolder::open(folder.path()).unwrap();
    let mut seen: Vec<Checkpoint> = Vec::new();
    for round in 0..10u32 {
        for _ in 0..20 {
            world.fund(book, "310000/appliance", 1).await;
        }
        let signed = seen.last().map_or(0, |head| head.size);
        eventually("something is signed", || signed_head(&store, &mut seen) > signed);
        std::thread::sleep(Duration::from_millis(u64::from(round) * 37));
        signed_head(&store, &mut seen);
        process.kill();
        signed_head(&store, &mut seen);
        process.start();
    }
    let size = world_size(&world, book);
    eventually("all of it is signed", || signed_head(&store, &mut seen) == size);
    assert!(seen.len() >= 10, "{}", seen.len());
    drop_process(process);
    let last = seen.last().unwrap().clone();
    let read = |tile: &Tile| store.tile("310000/appliance/2024", tile);
    let mut nodes = TileNodes::new(last.size, read);
    for earlier in &seen {
        let proof = proof::consistency(&mut nodes, earlier.size, last.size).unwrap();
        assert!(proof::extends(earlier.size, &earlier.root, last.size, &last.root, &proof));
    }
}

fn drop_process(process: Process) {
    drop(process);
}

fn world_size(world: &crate::support::world::World, book: i32) -> u64 {
    let head = tradein::book::store::read_head(&mut world.db.app(), book).unwrap();
    head.size.cast_unsigned()
}

/// Reads the checkpoint that stands there, and remembers it where it is new.
fn signed_head(store: &LogFolder, seen: &mut Vec<Checkpoint>) -> u64 {
    let Some(text) = store.checkpoint("310000/appliance/2024").unwrap() else { return 0 };
    let note: Note = text.parse().expect("a checkpoint is always whole");
    let head: Checkpoint = note.text.parse().expect("three lines");
    if seen.last() != Some(&head) {
        seen.push(head.clone());
    }
    head.size
}
