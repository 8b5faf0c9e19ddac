//! The pure paths cost no more instructions than they did. Seconds depend on the machine's mood and
//! stand in no test; instructions hardly do. They are counted in the build that the tests run, so
//! they say how a path has changed, not how fast it is.

use tradein::bench::instructions::{PATHS, walk};

/// The most that one walk may cost in a debug build: what was counted when it was last looked at,
/// and a fifth. A path that has become dearer on purpose gets a new number, with the reason in the
/// commit. Other builds and processors need other numbers, so they are held nowhere else.
const MOST: [(&str, u64); 4] =
    [("screen", 107_000), ("leaves", 1_750_000), ("read", 815_000), ("tree", 955_000)];

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64", debug_assertions))]
fn a_pure_path_costs_no_more_instructions_than_it_did() {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_tradein"));
    for (path, most) in MOST {
        let counted = tradein::bench::instructions::count(program, path, 1).unwrap();
        assert!(counted <= most, "{path} costs {counted} instructions, at most {most} were known");
        // One that has become much cheaper is held there, else it may grow back unseen.
        assert!(counted >= most / 2, "{path} costs {counted} only: lower its number from {most}");
        // The control: the same path walked twice would be noticed.
        if path == "tree" {
            let twice = tradein::bench::instructions::count(program, path, 2).unwrap();
            assert!(twice > most, "{path} walked twice costs {twice}, and nobody would notice");
        }
    }
}

#[test]
fn every_path_is_held_and_another_is_refused() {
    assert_eq!(PATHS.map(|(path, _)| path), MOST.map(|(path, _)| path));
    let refused = walk("nothing", 1).unwrap_err().to_string();
    assert!(refused.contains("screen, leaves, read, tree"), "{refused}");
}
