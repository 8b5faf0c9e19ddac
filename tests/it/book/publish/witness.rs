//! Cosignatures of witnesses, from real little ones that check what they sign.

use super::press::{BOOK, Press, head};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use tradein::book::publish::witness::Witnesses;
use tradein::book::publish::{Log, Standing};
use tradein::infra::keys::KeyRing;
use tradein::kernel::merkle::Hash;
use tradein::kernel::tlog::checkpoint::Checkpoint;
use tradein::kernel::tlog::note::{KeyKind, Note, SignerKey, VerifierKey};
use tradein::kernel::tlog::policy::Policy;
use tradein::kernel::tlog::proof;

/// What a witness keeps, and what is wrong with it.
struct Mind {
    key: SignerKey,
    logs: Vec<VerifierKey>,
    seen: HashMap<String, (u64, Hash)>,
    /// It signs with a key that nobody knows.
    lies: bool,
    asked: u32,
}

/// A witness after C2SP tlog-witness: an HTTP server on loopback that remembers the last head of
/// each log, and cosigns only what extends it.
#[derive(Clone)]
struct Witness {
    mind: Arc<Mutex<Mind>>,
    url: String,
}

impl Witness {
    fn start(number: u8, log: &Log) -> Witness {
        let key = SignerKey::new(&format!("w{number}.example"), &[number; 32]).unwrap();
        let logs = log.keys.verifiers(BOOK);
        let mind = Mind { key, logs, seen: HashMap::new(), lies: false, asked: 0 };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let witness = Witness { mind: Arc::new(Mutex::new(mind)), url };
        let mind = witness.mind.clone();
        // It ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mind = mind.clone();
                std::thread::spawn(move || serve(stream.expect("a connection"), &mind));
            }
        });
        witness
    }

    fn vkey(&self) -> VerifierKey {
        self.mind.lock().unwrap().key.verifier(KeyKind::Cosignature)
    }

    fn size(&self, origin: &str) -> u64 {
        self.mind.lock().unwrap().seen.get(origin).map_or(0, |seen| seen.0)
    }
}

/// Answers requests on one connection.
fn serve(stream: std::net::TcpStream, mind: &Mutex<Mind>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    loop {
        let (mut line, mut length) = (String::new(), 0);
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let is_ours = line.starts_with("POST /add-checkpoint ");
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).expect("a header");
            match header.trim().to_ascii_lowercase().split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse().expect("a length"),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let body = String::from_utf8(body).expect("a text");
        let (status, text) = match is_ours {
            true => mind.lock().unwrap().add_checkpoint(&body),
            false => (404, String::new()),
        };
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        if (&stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

impl Mind {
    fn add_checkpoint(&mut self, body: &str) -> (u16, String) {
        self.asked += 1;
        let no = |status| (status, String::new());
        let Some((head, note)) = body.split_once("\n\n") else { return no(400) };
        let mut lines = head.lines();
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).map(str::parse);
        let Some(Ok(old)) = old else { return no(400) };
        let path: Vec<Hash> = lines.map(|line| hash(line).expect("a hash")).collect();
        let Ok(note) = note.parse::<Note>() else { return no(400) };
        let Ok(new) = note.text.parse::<Checkpoint>() else { return no(400) };
        if !self.logs.iter().any(|key| key.name() == new.origin) {
            return no(404);
        }
        if Checkpoint::verified(&note, &self.logs).is_err() {
            return no(403);
        }
        if old > new.size {
            return no(400);
        }
        let empty = tradein::kernel::merkle::Frontier::default().root();
        let (size, root) = self.seen.get(&new.origin).copied().unwrap_or((0, empty));
        if old != size {
            return (409, format!("{size}\n"));
        }
        if !proof::extends(old, &root, new.size, &new.root, &path) {
            return no(422);
        }
        self.seen.insert(new.origin.clone(), (new.size, new.root));
        let key = match self.lies {
            true => SignerKey::new(self.key.verifier(KeyKind::Cosignature).name(), &[77; 32]),
            false => Ok(self.key.clone()),
        };
        (200, key.unwrap().cosign(&note.text, 1_700_000_000).to_string())
    }
}

fn hash(line: &str) -> Option<Hash> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(line).ok()?.try_into().ok()
}

/// Three witnesses, of whom two are enough.
fn two_of_three(press: &Press) -> (Arc<Log>, Vec<Witness>) {
    let plain = press.log();
    let witnesses: Vec<Witness> = (1..=3).map(|n| Witness::start(n, &plain)).collect();
    let mut text = String::new();
    for (n, witness) in witnesses.iter().enumerate() {
        text += &format!("witness w{n} {} {}\n", witness.vkey(), witness.url);
    }
    text += "group auditors 2 w0 w1 w2\nquorum auditors\n";
    let policy: Policy = text.parse().unwrap();
    (press.log_with(KeyRing::sandbox(), policy), witnesses)
}

fn fence(log: &Log) -> u64 {
    let Standing::Publisher(fence) = log.status.standing() else { panic!("it publishes") };
    fence
}

#[tokio::test(flavor = "multi_thread")]
async fn witnesses_cosign_what_extends_what_they_have_seen() {
    let press = Press::new().await;
    let (log, witnesses) = two_of_three(&press);
    let mut publisher = press.publisher(&log);
    let mut asking = Witnesses::new(log.clone()).unwrap();
    for entries in [3usize, 300, 0, 1] {
        press.append(entries).await;
        publisher.look();
        assert!(asking.round(fence(&log), BOOK).await, "the quorum is met");
        let note: Note = log.folder.checkpoint(BOOK).unwrap().unwrap().parse().unwrap();
        assert!(witnesses.iter().all(|witness| note.is_signed_by(&witness.vkey())), "{note}");
        let size = head(&log, BOOK).size;
        assert!(witnesses.iter().all(|w| w.size(&log.keys.origin(BOOK)) == size));
    }
    let asked = |n: usize| witnesses[n].mind.lock().unwrap().asked;
    let before = asked(0);
    assert!(asking.round(fence(&log), BOOK).await);
    assert_eq!(asked(0), before, "who has cosigned is not asked again");
    let state = log.witness_state(BOOK).unwrap().unwrap();
    assert_eq!((&state["quorum"], &state["witnessed_size"]), (&"met".into(), &304.into()));
    // The receipt carries them, and a process that has just begun learns where each stands.
    let receipt = log.receipt(BOOK, 7).unwrap().unwrap();
    assert!(witnesses.iter().all(|witness| receipt.checkpoint.is_signed_by(&witness.vkey())));
    press.append(9).await;
    publisher.look();
    assert!(Witnesses::new(log.clone()).unwrap().round(fence(&log), BOOK).await);
    assert_eq!(witnesses[2].size(&log.keys.origin(BOOK)), 313);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quorum_that_is_not_met_is_a_state_and_stops_nothing() {
    let press = Press::new().await;
    let (log, witnesses) = two_of_three(&press);
    let mut publisher = press.publisher(&log);
    press.append(4).await;
    publisher.look();
    let mut asking = Witnesses::new(log.clone()).unwrap();
    assert!(asking.round(fence(&log), BOOK).await);
    // One signs with another key, one has been shown a larger log: neither counts.
    witnesses[0].mind.lock().unwrap().lies = true;
    let ahead = (1_000, [1; 32]);
    witnesses[1].mind.lock().unwrap().seen.insert(log.keys.origin(BOOK), ahead);
    press.append(4).await;
    publisher.look();
    assert!(!asking.round(fence(&log), BOOK).await);
    let state = log.witness_state(BOOK).unwrap().unwrap();
    assert_eq!(state["quorum"], "not_met");
    assert_eq!((&state["size"], &state["witnessed_size"]), (&8.into(), &4.into()));
    let cosigned: Vec<bool> = state["witnesses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|witness| witness["cosigned"].as_bool().unwrap())
        .collect();
    assert_eq!(cosigned, [false, false, true]);
    // A receipt of what was witnessed is under the witnessed head; newer ones under the signed.
    let head_of = |seq| {
        let receipt = log.receipt(BOOK, seq).unwrap().unwrap();
        receipt.checkpoint.text.parse::<Checkpoint>().unwrap().size
    };
    assert_eq!((head_of(1), head_of(6)), (4, 8));
    // One comes to its senses, and two are enough.
    witnesses[0].mind.lock().unwrap().lies = false;
    witnesses[0].mind.lock().unwrap().seen.clear();
    assert!(asking.round(fence(&log), BOOK).await);
    let state = log.witness_state(BOOK).unwrap().unwrap();
    assert_eq!((&state["quorum"], &state["witnessed_size"]), (&"met".into(), &8.into()));
}

/// What a witness is for: a log that was rewritten, with the publisher's own checks out of the way.
#[tokio::test(flavor = "multi_thread")]
async fn a_fork_finds_no_witness() {
    let press = Press::new().await;
    let (log, witnesses) = two_of_three(&press);
    press.append(4).await;
    press.publisher(&log).look();
    let mut asking = Witnesses::new(log.clone()).unwrap();
    assert!(asking.round(fence(&log), BOOK).await);
    // Another past, published into another store by somebody who holds the keys.
    let other = Press::new().await;
    other.append(6).await;
    let forked = other.log_with(KeyRing::sandbox(), log.policy.clone());
    other.publisher(&forked).look();
    assert!(!Witnesses::new(forked.clone()).unwrap().round(fence(&forked), BOOK).await);
    assert!(witnesses.iter().all(|witness| witness.size(&log.keys.origin(BOOK)) == 4));
    // The negative control: a store that extends what they have seen is cosigned.
    press.append(2).await;
    press.publisher(&log).look();
    assert!(asking.round(fence(&log), BOOK).await);
}
