//! The house rules, read from the sources. Each rule is a function from a file to complaints, and
//! each is shown to complain about a file that breaks it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The order in which imports run downhill: a module uses only those that stand before it.
const ORDER: [&str; 23] = [
    "kernel",
    "infra",
    "http",
    "book",
    "identity",
    "programme",
    "register",
    "old_item",
    "voucher",
    "redemption",
    "application",
    "returns",
    "review",
    "settlement",
    "erasure",
    "audit",
    "routes",
    "jobs",
    "wiring",
    "bench",
    "demo",
    "commands",
    "main",
];

const LONGEST_FILE: usize = 400;
const LONGEST_FUNCTION: usize = 70;
const WIDEST_LINE: usize = 100;

/// Made by diesel from the database; long by nature.
const GENERATED: &str = "schema.rs";

/// One source file: where it is below the crate's folder, its text, and whether it is compiled
/// for tests only.
struct Source {
    path: PathBuf,
    text: String,
    for_tests: bool,
}

type Rule = fn(&Source) -> Vec<String>;

#[test]
fn imports_run_downhill() {
    everywhere(imports);
    complains(imports, "src/kernel/money.rs", "use crate::infra::clock;");
    complains(imports, "src/book/clerk.rs", "let seats = crate::register::seats();");
    complains(imports, "src/book/clerk.rs", "use crate::{kernel::id, voucher::Voucher};");
    complains(imports, "src/jobs.rs", "use crate::commands::serve;");
    complains(imports, "src/stray/mod.rs", "//! A folder that the order does not name.");
    accepts(imports, "src/voucher/claim.rs", "use crate::{book::Desk, kernel::money::Fen};");
    accepts(imports, "src/main.rs", "use tradein::commands;");
}

#[test]
fn files_are_short() {
    everywhere(file_length);
    complains(file_length, "src/a.rs", &"\n".repeat(LONGEST_FILE + 1));
    accepts(file_length, "src/a.rs", &"\n".repeat(LONGEST_FILE));
}

#[test]
fn functions_are_short() {
    everywhere(function_length);
    let function = |lines: usize| format!("fn f() {{\n{}}}\n", "    x();\n".repeat(lines - 2));
    complains(function_length, "src/a.rs", &function(LONGEST_FUNCTION + 1));
    accepts(function_length, "src/a.rs", &function(LONGEST_FUNCTION));
    let method = function(LONGEST_FUNCTION + 1).replace('\n', "\n    ");
    complains(function_length, "src/a.rs", &format!("impl A {{\n    pub async {method}\n}}"));
}

#[test]
fn lines_are_narrow() {
    everywhere(line_width);
    complains(line_width, "src/a.rs", &"x".repeat(WIDEST_LINE + 1));
    accepts(line_width, "src/a.rs", &"券".repeat(WIDEST_LINE));
}

#[test]
fn the_program_neither_unwraps_nor_is_left_unfinished() {
    everywhere(banned_calls);
    for banned in ["x.unwrap();", "todo!()", "dbg!(x);", "unimplemented!()"] {
        complains(banned_calls, "src/a.rs", &format!("fn f() {{\n    {banned}\n}}\n"));
    }
    let test = "#[cfg(test)]\nmod tests {\n    fn f() {\n        x.unwrap();\n    }\n}\n";
    accepts(banned_calls, "src/a.rs", test);
    complains(banned_calls, "src/a.rs", &format!("{test}fn g() {{ x.unwrap(); }}\n"));
    accepts(banned_calls, "src/a.rs", "// x.unwrap() would hide it.\n");
    accepts(banned_calls, "tests/it/a.rs", "x.unwrap();");
}

#[test]
fn only_stores_and_row_types_name_the_schema() {
    everywhere(schema_names);
    complains(schema_names, "src/voucher/claim.rs", "use crate::book::schema::vouchers;");
    complains(schema_names, "src/voucher/claim.rs", "let rows = schema::vouchers::table;");
    accepts(schema_names, "src/voucher/store.rs", "use crate::schema::vouchers;");
    let derive = "#[derive(Queryable)]\n#[diesel(table_name = crate::schema::vouchers)]";
    accepts(schema_names, "src/voucher/model.rs", derive);
    accepts(schema_names, "src/lib.rs", "mod schema;");
}

#[test]
fn every_route_stands_in_the_one_table() {
    everywhere(stray_routes);
    complains(stray_routes, "src/voucher/http.rs", "cfg.route(\"/v1/back-door\", web::get());");
    complains(stray_routes, "src/voucher/http.rs", "cfg.service(page);");
    accepts(stray_routes, "src/routes/mod.rs", "cfg.route(row.path, (row.route)());");
}

#[test]
fn a_module_that_only_tests_have_is_known_in_a_file_of_its_own() {
    let declares = "mod code;\n#[cfg(test)]\nmod attacks;\n#[cfg(test)]\nmod inner {\n}\n";
    for (path, expected) in [
        ("src/identity/token/mod.rs", "src/identity/token/attacks"),
        ("src/identity/token.rs", "src/identity/token/attacks"),
        ("src/lib.rs", "src/attacks"),
    ] {
        let source = Source::new(path.into(), declares.into());
        assert_eq!(source.test_modules(), [PathBuf::from(expected)], "{path}");
    }
}

/// Holds every source to a rule.
#[track_caller]
fn everywhere(rule: Rule) {
    let mut complaints = String::new();
    for source in sources() {
        for complaint in rule(&source) {
            writeln!(complaints, "{}: {complaint}", source.path.display()).unwrap();
        }
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}

#[track_caller]
fn complains(rule: Rule, path: &str, text: &str) {
    let complaints = rule(&Source::new(path.into(), text.into()));
    assert!(!complaints.is_empty(), "no complaint about {path}:\n{text}");
}

#[track_caller]
fn accepts(rule: Rule, path: &str, text: &str) {
    let complaints = rule(&Source::new(path.into(), text.into()));
    assert_eq!(complaints, Vec::<String>::new(), "{path}:\n{text}");
}

impl Source {
    fn new(path: PathBuf, text: String) -> Source {
        let for_tests = path.starts_with("tests");
        Source { path, text, for_tests }
    }

    /// The modules in files of their own that only tests have: where they and theirs are, without
    /// the extension.
    fn test_modules(&self) -> Vec<PathBuf> {
        let own = self.path.with_extension("");
        let root = ["mod", "lib", "main"].iter().any(|name| own.ends_with(name));
        let folder = if root { own.parent().unwrap_or(&own) } else { &own };
        let lines: Vec<&str> = self.text.lines().map(str::trim).collect();
        let declared = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
        declared
            .filter_map(|pair| pair[1].trim_start_matches("pub ").strip_prefix("mod "))
            .filter_map(|name| Some(folder.join(name.strip_suffix(';')?)))
            .collect()
    }
}

fn imports(source: &Source) -> Vec<String> {
    let Ok(inside) = source.path.strip_prefix("src") else { return Vec::new() };
    let first = inside.iter().next().and_then(|name| name.to_str()).unwrap_or_default();
    let own = first.trim_end_matches(".rs");
    // These two hold the list itself and what is generated.
    if ["lib", "schema"].contains(&own) {
        return Vec::new();
    }
    let Some(own_place) = place(own) else {
        return vec![format!("the order of imports does not name {own}")];
    };
    let used = used_modules(&code(source));
    let uphill = used.iter().filter(|used| place(used).is_some_and(|place| place > own_place));
    uphill.map(|used| format!("{own} uses {used}, which stands below it")).collect()
}

fn place(module: &str) -> Option<usize> {
    ORDER.iter().position(|name| *name == module)
}

/// The modules named after `crate::`, also in the braces of a group.
fn used_modules(code: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut used = Vec::new();
    for (_, after) in code.match_indices("crate::").map(|(at, word)| (at, &code[at + word.len()..]))
    {
        let Some(group) = after.strip_prefix('{') else {
            used.push(name(after));
            continue;
        };
        used.push(name(group));
        let mut depth = 1;
        for (at, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => used.push(name(&group[at + 1..])),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    used
}

fn file_length(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    if lines <= LONGEST_FILE || source.path.ends_with(GENERATED) {
        return Vec::new();
    }
    vec![format!("{lines} lines, more than {LONGEST_FILE}")]
}

/// rustfmt closes a function at the indentation at which it begins.
fn function_length(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut complaints = Vec::new();
    for (begin, line) in lines.iter().enumerate().filter(|(_, line)| begins_function(line)) {
        let indentation = line.len() - line.trim_start().len();
        let end = format!("{}}}", " ".repeat(indentation));
        let length = lines[begin..].iter().position(|line| *line == end).map_or(1, |at| at + 1);
        if length > LONGEST_FUNCTION {
            let at = begin + 1;
            complaints.push(format!("line {at}: {length} lines, more than {LONGEST_FUNCTION}"));
        }
    }
    complaints
}

fn begins_function(line: &str) -> bool {
    let words = ["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe", "extern"];
    let mut rest = line.split_whitespace().skip_while(|word| words.contains(word));
    rest.next() == Some("fn") && !line.trim_end().ends_with([';', '}'])
}

fn line_width(source: &Source) -> Vec<String> {
    if source.path.ends_with(GENERATED) {
        return Vec::new();
    }
    let wide =
        source.text.lines().enumerate().filter(|(_, line)| line.chars().count() > WIDEST_LINE);
    wide.map(|(at, _)| format!("line {}: wider than {WIDEST_LINE}", at + 1)).collect()
}

fn banned_calls(source: &Source) -> Vec<String> {
    let banned = [".unwrap()", "todo!", "dbg!", "unimplemented!"];
    let code = code(source);
    let used = banned.iter().filter(|call| code.contains(*call));
    used.map(|call| format!("{call} outside tests")).collect()
}

fn schema_names(source: &Source) -> Vec<String> {
    let free = ["store.rs", "lib.rs", GENERATED];
    if free.iter().any(|name| source.path.ends_with(name)) {
        return Vec::new();
    }
    let code = code(source);
    let named = code.lines().filter(|line| {
        line.contains("schema::") && !line.contains("table_name") && !line.contains("belongs_to")
    });
    named.map(|line| format!("names the schema: {}", line.trim())).collect()
}

/// The wiring serves the metrics, on an address of their own.
fn stray_routes(source: &Source) -> Vec<String> {
    if source.path.starts_with("src/routes") || source.path.ends_with("wiring.rs") {
        return Vec::new();
    }
    let code = code(source);
    let calls = [".route(", ".service(", "web::resource(", "web::scope("];
    let used = calls.iter().filter(|call| code.contains(*call));
    used.map(|call| format!("{call}…) outside the table of routes")).collect()
}

/// The text without comment lines and without what is compiled for unit tests only.
fn code(source: &Source) -> String {
    let mut kept = String::new();
    if source.for_tests {
        return kept;
    }
    let mut skipped_until: Option<String> = None;
    let mut test_item_follows = false;
    for line in source.text.lines() {
        if let Some(end) = &skipped_until {
            if line == end {
                skipped_until = None;
            }
        } else if line.trim() == "#[cfg(test)]" {
            test_item_follows = true;
        } else if test_item_follows {
            test_item_follows = line.trim_start().starts_with("#[");
            if line.trim_end().ends_with('{') {
                let indentation = line.len() - line.trim_start().len();
                skipped_until = Some(format!("{}}}", " ".repeat(indentation)));
            }
        } else if !line.trim_start().starts_with("//") {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// Every Rust file of the program and its tests.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("tests")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                sources.push(Source::new(path.strip_prefix(root).unwrap().into(), text));
            }
        }
    }
    let test_modules: Vec<PathBuf> = sources.iter().flat_map(Source::test_modules).collect();
    for source in &mut sources {
        let own = source.path.with_extension("");
        source.for_tests |= test_modules.iter().any(|module| own.starts_with(module));
    }
    assert!(sources.len() > 20, "the sources are where they were");
    sources
}
