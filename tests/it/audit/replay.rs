//! The replay finds nothing in a database that the service wrote, and everything that somebody
//! else did to it. Each tampering is undone by a rollback, so one story serves them all.

use super::story::Story;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, RunQueryDsl};
use std::process::Command;
use tradein::audit;

/// Tampers as the superuser, replays, and undoes it.
pub fn tampered(connection: &mut PgConnection, tamper: impl FnOnce(&mut PgConnection)) -> String {
    connection.batch_execute("BEGIN").unwrap();
    tamper(connection);
    let report = audit::run_in(connection).expect("the database can be read");
    connection.batch_execute("ROLLBACK").unwrap();
    report.differences.join("\n")
}

/// Runs a statement as the superuser, does something on what it leaves, and undoes it.
pub fn changed<T>(
    connection: &mut PgConnection,
    statement: &str,
    then: impl FnOnce(&mut PgConnection) -> T,
) -> T {
    connection.batch_execute(&format!("BEGIN; {statement}")).unwrap();
    let done = then(connection);
    connection.batch_execute("ROLLBACK").unwrap();
    done
}

#[track_caller]
fn found(connection: &mut PgConnection, statement: &str, sentence: &str) {
    let differences = tampered(connection, |connection| {
        let changed = diesel::sql_query(statement).execute(connection);
        assert_ne!(changed, Ok(0), "nothing was there to tamper with: {statement}");
        changed.unwrap();
    });
    assert!(
        differences.contains(sentence),
        "no {sentence:?} after {statement}, but:\n{differences}"
    );
}

/// What somebody with the database's own password may do, and the sentence that it ends in.
const TAMPERINGS: &[(&str, &str)] = &[
    // The log.
    (
        "UPDATE entry SET leaf = set_byte(leaf, 10, 32) WHERE book_id = 1 AND seq = 3",
        "entry 3 does not hash to its leaf_hash",
    ),
    (
        "UPDATE entry SET leaf_hash = sha256('') WHERE book_id = 1 AND seq = 3",
        "entry 3 does not hash to its leaf_hash",
    ),
    (
        "UPDATE entry SET amounts[2] = amounts[2] + 1 WHERE book_id = 1 AND seq = 1",
        "the legs of entry 1 differs from its leaf",
    ),
    (
        "UPDATE entry SET accounts[2] = 'held' WHERE book_id = 1 AND seq = 1",
        "the legs of entry 1 differs from its leaf",
    ),
    (
        "UPDATE entry SET at = at + interval '1 s' WHERE book_id = 1 AND seq = 2",
        "the time of entry 2 differs from its leaf",
    ),
    (
        "UPDATE entry SET at = '2001-01-01Z' WHERE book_id = 1 AND seq = 2",
        "time runs back at entry 2",
    ),
    (
        "UPDATE entry SET kind = 'goods.loaded' WHERE book_id = 1 AND seq = 2",
        "the kind of entry 2 differs from its leaf",
    ),
    (
        "UPDATE entry SET about = gen_random_uuid() WHERE book_id = 1 AND seq = 2",
        "the thing of entry 2 differs from its leaf",
    ),
    ("DELETE FROM entry WHERE book_id = 1 AND seq = 4", "entry 5 stands where entry 4 is due"),
    (
        "DELETE FROM entry e USING (SELECT max(seq) AS last FROM entry WHERE book_id = 1) m \
      WHERE e.book_id = 1 AND e.seq = m.last",
        "its head has size",
    ),
    (
        "UPDATE entry SET seq = CASE seq WHEN 4 THEN 105 ELSE 104 END \
      WHERE book_id = 1 AND seq IN (4, 5)",
        "stands where entry 4 is due",
    ),
    (
        "INSERT INTO entry SELECT book_id, seq + 1, at, kind, about, accounts, amounts, leaf, \
      leaf_hash FROM entry WHERE book_id = 1 ORDER BY seq DESC LIMIT 1",
        "its head has size",
    ),
    ("UPDATE book_head SET root = sha256('') WHERE book_id = 1", "the head's root is not"),
    ("UPDATE book_head SET frontier = '' WHERE book_id = 1", "the head's frontier is not"),
    ("UPDATE book_head SET size = size + 1 WHERE book_id = 1", "its head has size"),
    (
        "UPDATE book_head SET last_at = last_at - interval '1 s' WHERE book_id = 1",
        "the head's time is not",
    ),
    ("UPDATE book_head SET state = 'closed' WHERE book_id = 1", "its head is closed"),
    ("DELETE FROM book_head WHERE book_id = 1", "it has no head"),
    ("UPDATE book SET year = 2031 WHERE book_id = 1", "the register book lists it as"),
    ("DELETE FROM book WHERE book_id = 3", "is listed and is not there"),
    // Money.
    ("UPDATE balance SET fen = fen + 1 WHERE book_id = 1 AND account = 'paid'", "paid holds 1 fen"),
    ("DELETE FROM balance WHERE book_id = 1 AND account = 'paid'", "paid has no balance"),
    ("INSERT INTO balance VALUES (1, 'pocket', 5)", "pocket is no account"),
    (
        "UPDATE appropriation SET state = 'proposed' WHERE book_id = 1",
        "is proposed, by its entries it is approved",
    ),
    ("UPDATE tranche SET drawn_fen = drawn_fen + 1", "are drawn of tranche day/2025-06-10"),
    ("UPDATE tranche SET limit_fen = 1", "is overdrawn"),
    ("DELETE FROM tranche", "there is no tranche day/2025-06-10"),
    // What offices worked with.
    ("UPDATE vault.document SET received_at = NULL", "is filed, by its entries it is received"),
    ("UPDATE vault.document SET commitment = ''", "the commitment of document"),
    (
        "UPDATE vault.document SET application_id = gen_random_uuid()",
        "is another application's by its entries",
    ),
    ("DELETE FROM vault.document", "has entries and no row"),
    ("UPDATE review SET reviewer = '\\x00'", "who works on application"),
    (
        "UPDATE neighbour_answer SET said = '{}', no_answer = NULL",
        "what neighbours said of application",
    ),
    ("DELETE FROM neighbour_answer", "what neighbours said of application"),
    // Vouchers and redemptions.
    (
        "UPDATE voucher SET state = 'lapsed' WHERE state = 'claimed'",
        "is lapsed, by its entries it is claimed",
    ),
    ("UPDATE voucher SET hold_fen = hold_fen + 1 WHERE state = 'claimed'", "the hold of voucher"),
    (
        "UPDATE voucher SET until = until + interval '1 day' WHERE state = 'claimed'",
        "the end of voucher",
    ),
    ("UPDATE voucher SET locked_until = NULL WHERE state = 'reserved'", "the lock of voucher"),
    (
        "UPDATE voucher SET redemption_id = NULL WHERE state = 'reserved'",
        "the reservation of voucher",
    ),
    ("UPDATE voucher SET quota_key = '' WHERE state = 'claimed'", "the quota key of voucher"),
    ("UPDATE voucher SET rule = sha256('') WHERE state = 'claimed'", "the rule of voucher"),
    ("DELETE FROM voucher WHERE state = 'given_back'", "has entries and no row"),
    (
        "INSERT INTO voucher SELECT book_id, gen_random_uuid(), bucket, person_id, subject, class, \
      channel, region, rule, quota_key, lapse_key, code_key, NULL, state, hold_fen, claimed_at, \
      until, locked_until, redemption_id, version FROM voucher LIMIT 1",
        "has a row and no entry",
    ),
    (
        "UPDATE redemption SET state = 'captured' WHERE state = 'cancelled'",
        "is captured, by its entries it is cancelled",
    ),
    (
        "UPDATE redemption SET amount_fen = amount_fen - 1 WHERE state = 'captured'",
        "the amount of redemption",
    ),
    (
        "UPDATE redemption SET voucher_id = gen_random_uuid() WHERE state = 'captured'",
        "the voucher of redemption",
    ),
    ("UPDATE redemption SET organisation_id = gen_random_uuid()", "the retailer of redemption"),
    ("UPDATE redemption SET mark_kinds[1] = 'old_item'", "the marks of redemption"),
    (
        "UPDATE redemption SET captured_at = NULL WHERE state = 'captured'",
        "the capture of redemption",
    ),
    ("UPDATE redemption SET cap_key = NULL", "the cumulative cap of redemption"),
    ("DELETE FROM redemption WHERE state = 'disputed'", "has entries and no row"),
    (
        "UPDATE old_item SET state = 'registered' WHERE state = 'verified'",
        "is registered, by its entries it is verified",
    ),
    (
        "UPDATE answer SET body = convert_to(replace(convert_from(body, 'UTF8'), '\"seq\":3', \
      '\"seq\":2'), 'UTF8') WHERE book_id = 1",
        "an answer has a receipt for entry 2",
    ),
    // Slots: freed by hand, kept by hand, changed by hand.
    (
        "UPDATE quota SET books = '{}', provinces = '{}', holders = '{}', states = '{}', \
      untils = '{}', lapse_keys = '{}'",
        "and has no slot",
    ),
    (
        "UPDATE quota SET states[1] = 1 WHERE states[1] = 0",
        "a slot of 100000/2025/appliance.tv is used",
    ),
    ("UPDATE quota SET untils[1] = NULL WHERE states[1] = 0", "does not end when its voucher"),
    ("UPDATE quota SET holders[1] = gen_random_uuid() WHERE states[1] = 0", "which is not there"),
    ("UPDATE quota SET person_id = gen_random_uuid() WHERE states[1] = 0", "which is of another"),
    (
        "UPDATE quota SET books = books || books, provinces = provinces || provinces, \
      holders = holders || holders, states = states || states, untils = untils || untils, \
      lapse_keys = lapse_keys || lapse_keys WHERE states[1] = 1",
        "has two slots",
    ),
    (
        "UPDATE quota q SET books = array_fill(q.books[1], ARRAY[3]), \
      provinces = array_fill(q.provinces[1], ARRAY[3]), \
      holders = array_fill(q.holders[1], ARRAY[3]), states = array_fill(1::smallint, ARRAY[3]), \
      untils = array_fill(NULL::timestamptz, ARRAY[3]), \
      lapse_keys = array_fill(NULL::text, ARRAY[3]) WHERE states[1] = 1",
        "slots of",
    ),
    // Marks.
    (
        "UPDATE mark SET holder = NULL, book_id = NULL, until = NULL WHERE kind = 'new_serial'",
        "is captured without its mark new_serial",
    ),
    ("DELETE FROM mark WHERE kind = 'order_no'", "is reserved without its mark order_no"),
    ("UPDATE mark SET until = NULL WHERE until IS NOT NULL", "is held for good by voucher"),
    (
        "UPDATE mark SET until = now() WHERE kind = 'order_no' AND until IS NULL \
         AND holder IS NOT NULL",
        "is held for a while by voucher",
    ),
    (
        "UPDATE mark SET holder = gen_random_uuid() WHERE holder IS NOT NULL",
        "which is no voucher and no old item of it",
    ),
    ("DELETE FROM mark WHERE kind = 'old_serial'", "is without its mark old_serial"),
    // Tallies.
    ("UPDATE tally SET held_fen = held_fen + 1", "the tally"),
    ("UPDATE tally SET used_fen = used_fen + 1", "the tally"),
    ("UPDATE tally SET count = count + 1", "the tally"),
    ("DELETE FROM tally", "has no tally"),
    // The register book.
    (
        "UPDATE organisation SET status = 'active' WHERE status = 'suspended'",
        "is active, by its entries it is suspended",
    ),
    ("UPDATE organisation SET uscc = 'X' || uscc", "the uscc of organisation"),
    ("UPDATE approval SET family = 'car' WHERE family = 'appliance'", "the family of approval"),
    ("UPDATE store SET region = '310000'", "the region of store"),
    ("DELETE FROM approval", "has an entry and no row"),
    ("UPDATE programme SET text = text || '#'", "does not hash to its name"),
    ("UPDATE programme SET version = version + 7", "is not the one that its entry published"),
    ("DELETE FROM programme", "has an entry and no row"),
    ("DELETE FROM goods WHERE gtin = '6908800000012'", "products have a row"),
    ("DELETE FROM filed_price", "filed prices have a row"),
];

#[actix_web::test]
async fn every_tampering_is_found() {
    let story = Story::whole().await;
    let mut superuser = PgConnection::establish(&story.world.db.superuser_url()).unwrap();
    assert_eq!(tampered(&mut superuser, |_| {}), "");
    for (statement, sentence) in TAMPERINGS {
        found(&mut superuser, statement, sentence);
    }
}

#[actix_web::test]
async fn the_command_compares_the_rows_and_then_redis() {
    let story = Story::whole().await;
    let (database, redis) = (story.world.db.owner_url(), story.world.redis.url());
    let told = tokio::task::spawn_blocking(move || {
        let done = Command::new(env!("CARGO_BIN_EXE_tradein"))
            .args(["audit", "replay", "--redis"])
            .env("DATABASE_URL", database)
            .env("REDIS_URL", redis)
            .env("TRADEIN_SANDBOX__ENABLED", "true")
            .output()
            .expect("the program starts");
        // The story's clock jumps, which Redis is told only when somebody asks again.
        String::from_utf8(done.stdout).expect("text")
    });
    let told = told.await.expect("a report");
    assert!(told.contains("replayed: no difference") && told.contains("quota rows"), "{told}");
}
