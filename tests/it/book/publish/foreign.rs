//! The log read by tools that others have written: tlog-scales for checkpoints, tiles, bundles and
//! proofs, pymerkle for the root from the leaves.

use super::press::{BOOK, Press};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use tradein::book::publish::Log;

/// Both from the Python package index, at the versions that this test was written with.
const PACKAGES: [&str; 2] = ["tlog-scales==0.0.3", "pymerkle==7.0.0"];

/// The interpreter of an environment that has them. It is made once and kept between runs.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("foreign-tools");
        let python = folder.join("bin/python");
        let import = "import tlog_scales.reader, pymerkle";
        if !Command::new(&python).args(["-c", import]).output().is_ok_and(|o| o.status.success()) {
            let _ = std::fs::remove_dir_all(&folder);
            let path = folder.to_str().expect("a path of text");
            let made = Command::new("python3").args(["-m", "venv", path]).output();
            let made = made.expect("python3 is there: make prepare installs it");
            succeeded(&made, "no environment could be made; make prepare installs python3-venv");
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
            let installed = Command::new(&python).args(pip).args(PACKAGES).output();
            let why = "the foreign verifiers could not be installed: this test needs the Python \
                       package index once, as pip is configured to reach it";
            succeeded(&installed.expect("pip runs"), why);
        }
        python
    })
}

#[track_caller]
fn succeeded(output: &Output, why: &str) {
    assert!(output.status.success(), "{why}:\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Reads a log with tlog-scales and checks signature, inclusion of some entries with their leaves,
/// consistency from several sizes, the root from all leaves with both tools, and a receipt of ours.
const CHECK: &str = r"
import sys
from pathlib import Path
from tlog_scales import backend, reader, signing, tiles, tlog
from pymerkle import InmemoryTree
folder, vkey, receipt = sys.argv[1:4]
key = signing.Vkey.from_string(vkey)
log = reader.TilesReader(backend.make_backend(folder))
head = log.get_checkpoint()
head.verify(key)
assert log.calculate_root_hash() == head.root_hash, 'the tiles have another root'
leaves = [log.get_entry(i) for i in range(head.size)]
for i in {0, 1, head.size // 2, 255, 256, head.size - 1}:
    log.get_inclusion_proof(i, head.size).check(tiles.leaf_hash(leaves[i]), head.root_hash)
for old in {1, 200, 256, 257, head.size - 1, head.size}:
    log.set_size(head.size)
    old_root = log.mth(0, old)
    log.get_consistency_proof(old, head.size).check(old_root, head.root_hash)
tree = InmemoryTree(algorithm='sha256')
for leaf in leaves:
    tree.append_entry(leaf)
assert tree.get_root() == head.root_hash, 'pymerkle finds another root'
lines, note = Path(receipt).read_text().split('\n\n', 1)
header, index, *path = lines.split('\n')
assert header == 'c2sp.org/tlog-proof@v1'
signed = tlog.Checkpoint.from_text(note)
signed.verify(key)
index = int(index.removeprefix('index '))
from tlog_scales.utils import b64dec
proof = tlog.InclusionProof(index, signed.size, [b64dec(h) for h in path])
proof.check(tiles.leaf_hash(leaves[index]), signed.root_hash)
print(head.size, head.root_hash.hex())
";

fn check(log: &Log, vkey: &str, receipt: &Path) -> Output {
    let folder = log.folder.of_book(BOOK);
    let arguments = [folder.as_os_str(), vkey.as_ref(), receipt.as_os_str()];
    Command::new(python()).args(["-c", CHECK]).args(arguments).output().expect("python runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_of_others_verify_the_log_and_notice_every_change() {
    let press = Press::new().await;
    for entries in [200, 57, 300] {
        press.append(entries).await;
        press.publish();
    }
    let log = press.publish();
    let vkey = log.keys.verifiers(BOOK)[0].to_string();
    let receipt = press.folder.path().join("receipt.tlog-proof");
    std::fs::write(&receipt, log.receipt(BOOK, 300).unwrap().unwrap().to_string()).unwrap();
    let verified = check(&log, &vkey, &receipt);
    succeeded(&verified, "the foreign tools refuse the log");
    let root = hex::encode(super::press::head(&log, BOOK).root);
    assert_eq!(String::from_utf8_lossy(&verified.stdout).trim(), format!("557 {root}"));

    // The negative controls: each of these is noticed by them.
    let stranger = press.log_with(super::press::ring(&[9], None), log.policy.clone());
    let other_key = stranger.keys.verifiers(BOOK)[0].to_string();
    assert!(!check(&log, &other_key, &receipt).status.success(), "another key");
    let folder = log.folder.of_book(BOOK);
    let flips = [
        folder.join("checkpoint"),
        folder.join("tile/entries/000"),
        folder.join("tile/entries/002.p/45"),
        folder.join("tile/0/001"),
        folder.join("tile/1/000.p/2"),
        receipt.clone(),
    ];
    for path in flips {
        let whole = std::fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        // In a text this is a digit of a hash or of the signature.
        let at = whole.len() - 12;
        flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
        std::fs::write(&path, &flipped).unwrap();
        assert!(!check(&log, &vkey, &receipt).status.success(), "{}", path.display());
        std::fs::write(&path, &whole).unwrap();
    }
    succeeded(&check(&log, &vkey, &receipt), "as it was, it verifies again");
}
