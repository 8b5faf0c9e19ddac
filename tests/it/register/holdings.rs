//! A first installation at the terminal: books, money, and what an earlier system knew.

use crate::journeys::shop::{Product, Shop};
use crate::support::Scratch;
use crate::support::world::World;
use serde_json::json;
use std::process::{Command, Output};
use tradein::kernel::identifier::{Identifier, Imei};

const BOOK: &str = "310000/digital/2025";
const PHONE: &str = "100000/2025/digital.phone";

/// Runs the program against a world's database.
fn tradein(world: &World, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradein"));
    command.args(arguments).env("DATABASE_URL", world.db.app_url());
    command.env("TRADEIN_SANDBOX__ENABLED", "true").env_remove("TRADEIN_CONFIG");
    command.env("TRADEIN_SANDBOX__STARTS_AT", "2025-06-01T04:00:00Z");
    command.output().expect("the program runs")
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[track_caller]
fn works(world: &World, arguments: &[&str]) -> String {
    let output = tradein(world, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", told(&output));
    told(&output)
}

#[track_caller]
fn fails(world: &World, arguments: &[&str]) -> String {
    let output = tradein(world, arguments);
    assert!(!output.status.success(), "{arguments:?}: {}", told(&output));
    told(&output)
}

#[actix_web::test]
async fn a_place_that_changes_over_brings_its_slots_and_marks_along() {
    let world = World::at("2025-06-01T12:00:00+08:00");
    world.publish(&["shanghai-digital-2025-v1"]).await;
    let (old, new) = (world.person(35), world.person(35));
    let imei = Imei::synthetic(7);
    let folder = Scratch::new();
    let file = folder.path().join("holdings.csv");
    let line = format!("person,quota,mark,thing\n{old},{PHONE},,\n,,new_imei,{}\n", imei.reveal());
    std::fs::write(&file, &line).unwrap();
    let file = file.to_str().unwrap();
    let import = ["import", "holdings", file, "--book", BOOK];

    assert!(fails(&world, &import).contains("there is no book"));
    works(&world, &["books", "open", BOOK, "--prepared"]);
    assert!(fails(&world, &["books", "open", BOOK]).contains("BOOK_EXISTS"));
    assert!(works(&world, &["books", "list"]).contains(BOOK));
    let tried = works(&world, &[&import[..], &["--dry-run"]].concat());
    assert!(tried.contains("0 holdings imported"), "{tried}");
    assert!(works(&world, &import).contains("2 holdings imported, 0 known"));
    assert!(works(&world, &import).contains("0 holdings imported, 2 known"));

    let paper = folder.path().join("paper");
    std::fs::write(&paper, "拨款文件").unwrap();
    let paper = paper.to_str().unwrap();
    let money = ["books", "appropriate", BOOK, "--fen", "10000000", "--document", paper];
    fails(&world, &[&money[..], &["--by", "one", "--approved-by", "one"]].concat());
    works(&world, &[&money[..], &["--by", "one", "--approved-by", "two"]].concat());

    // Until it is opened nobody claims; then whoever had a phone has none left, and the phone
    // that drew draws no more.
    let claim = async |person| {
        let body = json!({"region": "310000", "class": "digital.phone", "channel": "offline",
            "location": "310000"});
        world.post(&world.person_token(person), "/v1/vouchers", body).await
    };
    claim(new).await.refused(409, "BOOK_NOT_OPEN");
    works(&world, &["books", "state", BOOK, "open"]);
    claim(old).await.refused(422, "QUOTA_EXHAUSTED");
    let code = claim(new).await.expect(201).body["code"].as_str().unwrap().to_owned();
    assert!(fails(&world, &import).contains("BOOK_NOT_PREPARED"));
    let shop = Shop::of(world, &["digital"]).await;
    let gtin = shop.load(Product::of("digital.phone", &json!({"label_scheme": false}))).await;
    let mut purchase = shop.with_code(&code, &gtin, 3_000);
    let (tac, rest) = imei.reveal().split_at(8);
    purchase["item"]["imei"] = json!(format!("{tac}-{rest}"));
    shop.redeems(&purchase).await.refused(422, "SERIAL_REUSED");
    purchase["item"]["imei"] = json!(Imei::synthetic(8).reveal());
    shop.redeems(&purchase).await.expect(201);
}

#[actix_web::test]
async fn a_file_with_a_wrong_line_changes_nothing() {
    let world = World::at("2025-06-01T12:00:00+08:00");
    let person = world.person(35);
    let folder = Scratch::new();
    let path = folder.path().join("holdings.csv");
    let file = path.to_str().unwrap();
    works(&world, &["books", "open", BOOK, "--prepared"]);
    let import = ["import", "holdings", file, "--book", BOOK];
    let write = |lines: &str| {
        std::fs::write(&path, format!("person,quota,mark,thing\n{lines}")).unwrap();
    };

    write(&format!("{person},{PHONE},,\nper_0_x,{PHONE},,\n,,new_imei,352000000000001\n"));
    let said = fails(&world, &import);
    assert!(said.contains("line 3") && said.contains("line 4"), "{said}");
    assert!(!said.contains("352000000000001"), "{said}");

    write(&format!("{person},{PHONE},,\nper_0_00000000000000000000000000000001,{PHONE},,\n"));
    let said = fails(&world, &import);
    assert!(said.contains("line 3: this person is not registered"), "{said}");

    // A mark that another file has brought: in line 3 of the second, and its line 2 is not taken.
    let imei = Imei::synthetic(7);
    write(&format!(",,new_imei,{}\n", imei.reveal()));
    works(&world, &import);
    write(&format!("{person},{PHONE},,\n,,new_imei,{}\n", imei.reveal()));
    let said = fails(&world, &import);
    assert!(said.contains("HOLDING_TAKEN: line 3"), "{said}");
    write(&format!("{person},{PHONE},,\n"));
    assert!(works(&world, &import).contains("1 holdings imported, 0 known"));
}

#[actix_web::test]
async fn a_file_of_many_lines_is_imported_in_pieces() {
    let world = World::at("2025-06-01T12:00:00+08:00");
    let folder = Scratch::new();
    let path = folder.path().join("holdings.csv");
    works(&world, &["books", "open", BOOK, "--prepared"]);
    let lines: String =
        (0..1_203).map(|n| format!(",,new_imei,{}\n", Imei::synthetic(n).reveal())).collect();
    std::fs::write(&path, format!("person,quota,mark,thing\n{lines}")).unwrap();
    let import = ["import", "holdings", path.to_str().unwrap(), "--book", BOOK];
    assert!(works(&world, &import).contains("1203 holdings imported, 0 known"));
    assert!(works(&world, &import).contains("0 holdings imported, 1203 known"));
}
