//! Reading a file of holdings. Pure but for the keys that digest the marks.

use super::import::{Holding, What};
use crate::book::BookInfo;
use crate::identity::envelope::bucket_of_person;
use crate::identity::model::PersonId;
use crate::infra::keys::KeyRing;
use crate::kernel::canonical;
use crate::kernel::class::Class;
use crate::kernel::identifier::{Gtin, Identifier, Imei, Serial, Vin};
use crate::kernel::region::Region;
use crate::programme::Complaint;
use crate::register::model::{MarkKey, PersonRef};
use csv::{ReaderBuilder, StringRecord, Trim};
use rand::RngExt;
use std::collections::HashMap;
use uuid::Uuid;

/// The most bytes of a file.
pub const LARGEST_FILE: usize = 64 * 1024 * 1024;

const COLUMNS: [&str; 4] = ["person", "quota", "mark", "thing"];

/// A file, read and right.
pub struct HoldingsFile {
    pub sha256: [u8; 32],
    pub holdings: Vec<Holding>,
}

/// Reads a file for one book.
///
/// # Errors
/// What is wrong with it, in the order of its lines.
pub fn read(bytes: &[u8], book: &BookInfo, keys: &KeyRing) -> Result<HoldingsFile, Vec<Complaint>> {
    let whole = |reason: &str| vec![Complaint { line: 1, reason: reason.to_owned() }];
    if bytes.len() > LARGEST_FILE {
        return Err(whole("the file is larger than 64 MiB"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| whole("the file is not UTF-8"))?;
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|_| whole("no header"))?.clone();
    let mut sorted: Vec<&str> = headers.iter().collect();
    sorted.sort_unstable();
    if sorted != ["mark", "person", "quota", "thing"] {
        return Err(whole("the columns are person, quota, mark and thing"));
    }
    let sha256 = canonical::sha256(bytes);
    let (mut holdings, mut complaints) = (Vec::new(), Vec::new());
    let mut first: HashMap<MarkKey, u64> = HashMap::new();
    for record in reader.records() {
        let (line, found) = match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                (line, holding(&headers, &record, book, keys))
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                (line, Err("not as many fields as the header".to_owned()))
            }
        };
        let found = found.and_then(|what| match &what {
            What::Mark(key) => match first.insert(key.clone(), line) {
                Some(earlier) => Err(format!("the same thing stands in line {earlier}")),
                None => Ok(what),
            },
            What::Slot { .. } => Ok(what),
        });
        match found {
            Ok(what) => holdings.push(Holding { line, id: id_of(&sha256, line), what }),
            Err(reason) => complaints.push(Complaint { line: line as usize, reason }),
        }
    }
    if complaints.is_empty() { Ok(HoldingsFile { sha256, holdings }) } else { Err(complaints) }
}

/// The same line of the same file is always the same holding.
fn id_of(file: &[u8; 32], line: u64) -> Uuid {
    let mut text = b"holding\n".to_vec();
    text.extend(file);
    text.extend(line.to_be_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&canonical::sha256(&text)[..16]);
    uuid::Builder::from_custom_bytes(id).into_uuid()
}

fn holding(
    headers: &StringRecord,
    record: &StringRecord,
    book: &BookInfo,
    keys: &KeyRing,
) -> Result<What, String> {
    let field = |name: &str| {
        let place = headers.iter().position(|header| header == name);
        place.and_then(|place| record.get(place)).unwrap_or_default()
    };
    let [person, quota, mark, thing] = COLUMNS.map(field);
    match (person.is_empty(), quota.is_empty(), mark.is_empty(), thing.is_empty()) {
        (false, false, true, true) => {
            let person: PersonId =
                person.parse().map_err(|_| "person is no id of the form per_0_…".to_owned())?;
            right_quota(quota, book)?;
            let bucket = bucket_of_person(keys, person);
            let person = PersonRef { bucket, id: person.uuid() };
            Ok(What::Slot { person, quota: quota.to_owned(), fresh: rand::rng().random() })
        }
        (true, true, false, false) => {
            let thing = normal(mark, thing).ok_or("thing is none that this mark can stand for")?;
            Ok(What::Mark(MarkKey::of(keys, mark, &thing)))
        }
        _ => Err("a line is a slot (person, quota) or a mark (mark, thing)".to_owned()),
    }
}

/// `<scope region>/<year>/<group>[/<payment channel>]` that a programme in this book can ask for.
fn right_quota(key: &str, book: &BookInfo) -> Result<(), String> {
    let parts: Vec<&str> = key.split('/').collect();
    let (scope, year, group) = match parts[..] {
        [scope, year, group] => (scope, year, group),
        [scope, year, group, channel] if is_channel(channel) => (scope, year, group),
        _ => return Err("quota is <region>/<year>/<group>[/<payment channel>]".to_owned()),
    };
    let holds = scope.parse::<Region>().is_ok_and(|scope| scope.contains(book.region));
    let family = group.parse::<Class>().is_ok_and(|class| class.family() == book.family);
    match (holds, year == book.year.to_string(), family) {
        (false, ..) => Err(format!("the scope of the quota does not hold {}", book.region)),
        (_, false, _) => Err(format!("the year of the quota is not {}", book.year)),
        (_, _, false) => Err(format!("the group of the quota is not of {}", book.family)),
        _ => Ok(()),
    }
}

fn is_channel(channel: &str) -> bool {
    (1..=32).contains(&channel.len())
        && channel.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// The form in which the till and the recycler know a thing.
fn normal(mark: &str, thing: &str) -> Option<String> {
    let serial = |text: &str| text.parse::<Serial>().ok().map(|it| it.reveal().to_owned());
    match mark {
        "new_serial" => {
            let (brand, of_brand) = thing.split_once('/')?;
            Some(format!("{}/{}", brand.trim(), serial(of_brand)?))
        }
        "new_gtin_serial" => {
            let (gtin, of_gtin) = thing.split_once('/')?;
            Some(format!("{}/{}", gtin.parse::<Gtin>().ok()?, serial(of_gtin)?))
        }
        "new_imei" => thing.parse::<Imei>().ok().map(|imei| imei.reveal().to_owned()),
        "new_vin" | "old_vin" => thing.parse::<Vin>().ok().map(|vin| vin.reveal().to_owned()),
        "new_frame" | "old_frame" | "old_serial" => serial(thing),
        "dwelling" => {
            let unit: String = thing.split_whitespace().collect::<String>().to_ascii_uppercase();
            let fits = unit.len() == 28 && unit.bytes().all(|b| b.is_ascii_alphanumeric());
            fits.then_some(unit)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<HoldingsFile, Vec<String>> {
        let book = BookInfo::new(7, "310000".parse().unwrap(), "appliance", 2026);
        let told = |found: Vec<Complaint>| found.iter().map(ToString::to_string).collect();
        read(text.as_bytes(), &book, &KeyRing::sandbox()).map_err(told)
    }

    const PERSON: &str = "per_0_019a0000000070008000000000000001";

    #[test]
    fn a_right_file_is_read_and_its_lines_have_lasting_ids() {
        let text = format!(
            "quota,person,thing,mark\n\
             100000/2026/appliance.tv,{PERSON},,\n\
             310000/2026/appliance/alipay,{PERSON},,\n\
             ,,3520-0000-0000-012,new_imei\n\
             ,,示例/ sn 0001 ,new_serial\n"
        );
        let (one, two) = (read_text(&text).ok().unwrap(), read_text(&text).ok().unwrap());
        assert_eq!(one.holdings.len(), 4);
        let ids = |file: &HoldingsFile| file.holdings.iter().map(|h| h.id).collect::<Vec<_>>();
        assert_eq!(ids(&one), ids(&two));
        let other = read_text(&format!("{text}\n")).ok().unwrap();
        assert_ne!(ids(&one), ids(&other), "another file is another holding");
    }

    #[test]
    fn every_wrong_line_is_told() {
        let text = format!(
            "person,quota,mark,thing\n\
             per_0_1,100000/2026/appliance.tv,,\n\
             {PERSON},320000/2026/appliance.tv,,\n\
             {PERSON},100000/2025/appliance.tv,,\n\
             {PERSON},100000/2026/digital.phone,,\n\
             {PERSON},100000/2026,,\n\
             {PERSON},,,\n\
             ,,new_imei,352000000000001\n\
             ,,invoice,1\n\
             ,,new_frame,LB-0001\n\
             ,,new_frame,lb-0001\n\
             too,few\n"
        );
        let wrong = read_text(&text).err().unwrap();
        let lines: Vec<&str> = wrong.iter().map(|told| told.split(':').next().unwrap()).collect();
        let expected = [2, 3, 4, 5, 6, 7, 8, 9, 11, 12].map(|line| format!("line {line}"));
        assert_eq!(lines, expected, "{wrong:?}");
        assert!(wrong[8].contains("line 10"), "{wrong:?}");
        assert!(!wrong.concat().contains("352000000000001"), "{wrong:?}");
        assert!(read_text("person,quota\n").is_err());
    }
}
