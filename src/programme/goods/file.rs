//! Reading catalogue and price files. Every wrong line is told with its number and the reason; a
//! file with one wrong line is not loaded at all. Pure.

use super::model::{Days, FiledPrice, Goods};
use crate::kernel::money::Fen;
use crate::kernel::region::Region;
use crate::programme::Complaint;
use crate::programme::parse_facts::day;
use csv::{ReaderBuilder, StringRecord, Trim};
use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

/// The most bytes of a file.
pub const LARGEST_FILE: usize = 16 * 1024 * 1024;
/// The most lines below the header: what one command can carry while the register book waits.
pub const MOST_LINES: usize = 50_000;

/// A column's name, and whether it must be there.
type Column = (&'static str, bool);

const GOODS_COLUMNS: [Column; 17] = [
    ("gtin", true),
    ("class", true),
    ("brand", true),
    ("model", true),
    ("energy_label", false),
    ("water_label", false),
    ("label_scheme", false),
    ("ccc", false),
    ("in_catalogue", false),
    ("central_set", false),
    ("power", false),
    ("displacement_ml", false),
    ("emission", false),
    ("battery", false),
    ("valid_from", true),
    ("valid_to", false),
    ("source", true),
];

const PRICE_COLUMNS: [Column; 6] = [
    ("gtin", true),
    ("region", true),
    ("price_fen", true),
    ("valid_from", true),
    ("valid_to", false),
    ("source", true),
];

/// The catalogue of a file.
///
/// # Errors
/// What is wrong with it, in the order of its lines.
pub fn read_goods(bytes: &[u8]) -> Result<Vec<Goods>, Vec<Complaint>> {
    let lines = rows(bytes, &GOODS_COLUMNS, goods)?;
    let mut first: HashMap<&str, usize> = HashMap::new();
    let mut complaints = Vec::new();
    for (line, goods) in &lines {
        if let Some(earlier) = first.insert(goods.gtin.as_str(), *line) {
            let reason = format!("gtin {} stands on line {earlier} already", goods.gtin);
            complaints.push(Complaint { line: *line, reason });
        }
    }
    if complaints.is_empty() { Ok(without_lines(lines)) } else { Err(complaints) }
}

/// The filed prices of a file.
///
/// # Errors
/// What is wrong with it, in the order of its lines.
pub fn read_prices(bytes: &[u8]) -> Result<Vec<FiledPrice>, Vec<Complaint>> {
    let lines = rows(bytes, &PRICE_COLUMNS, price)?;
    let mut sorted: Vec<&(usize, FiledPrice)> = lines.iter().collect();
    let place = |price: &FiledPrice| (price.gtin.clone(), price.region, price.days.from);
    sorted.sort_by_cached_key(|(line, price)| (place(price), *line));
    let mut complaints = Vec::new();
    let mut longest: Option<&(usize, FiledPrice)> = None;
    for row in sorted {
        // Of the earlier ones, the one that lasts longest overlaps whenever any does.
        let same = |known: &&(usize, FiledPrice)| {
            (&known.1.gtin, known.1.region) == (&row.1.gtin, row.1.region)
        };
        let known = longest.filter(same);
        if let Some((line, earlier)) = known
            && earlier.contradicts(&row.1)
        {
            let reason = format!("its days overlap those on line {line}: same gtin and region");
            complaints.push(Complaint { line: row.0, reason });
        }
        let lasts = |of: &(usize, FiledPrice)| of.1.days.to.unwrap_or(chrono::NaiveDate::MAX);
        longest = Some(known.filter(|known| lasts(known) >= lasts(row)).unwrap_or(row));
    }
    complaints.sort_by_key(|complaint| complaint.line);
    if complaints.is_empty() { Ok(without_lines(lines)) } else { Err(complaints) }
}

fn without_lines<T>(lines: Vec<(usize, T)>) -> Vec<T> {
    lines.into_iter().map(|(_, row)| row).collect()
}

/// One line below the header, and what is wrong with it so far.
struct Line<'a> {
    fields: HashMap<&'static str, &'a str>,
    wrong: Vec<String>,
}

impl Line<'_> {
    fn field(&self, name: &'static str) -> &str {
        self.fields.get(name).copied().unwrap_or_default()
    }

    /// A field that may be empty.
    fn may<T>(&mut self, name: &'static str, of: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = self.field(name);
        if text.is_empty() {
            return None;
        }
        of(text).map_err(|reason| self.wrong.push(format!("{name}: {reason}"))).ok()
    }

    /// A field that may not.
    fn must<T>(&mut self, name: &'static str, of: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        if self.field(name).is_empty() {
            self.wrong.push(format!("{name}: must not be empty"));
        }
        self.may(name, of)
    }

    fn days(&mut self) -> Option<Days> {
        let (from, to) = (self.must("valid_from", a_day), self.may("valid_to", a_day));
        if from.is_some() && to.is_some() && to < from {
            self.wrong.push("valid_to: before valid_from".to_owned());
        }
        from.map(|from| Days { from, to })
    }
}

/// Every field is read before any is missed, so that one look finds all that is wrong in a line.
fn goods(line: &mut Line<'_>) -> Option<Goods> {
    let (gtin, class) = (line.must("gtin", parsed), line.must("class", parsed));
    let (brand, model) = (line.must("brand", name), line.must("model", name));
    let energy_label = line.may("energy_label", grade);
    let water_label = line.may("water_label", grade);
    let label_scheme = line.may("label_scheme", truth);
    if label_scheme == Some(false) && (energy_label.is_some() || water_label.is_some()) {
        line.wrong.push("label_scheme: false, and yet the goods have a grade".to_owned());
    }
    let ccc = line.may("ccc", truth);
    let in_catalogue = line.may("in_catalogue", truth);
    let central_set = line.may("central_set", truth);
    let power = line.may("power", |text| one_of(text, &["nev", "fuel"]));
    let displacement_ml = line.may("displacement_ml", millilitres);
    let emission = line.may("emission", |text| one_of(text, &["6a", "6b"]));
    let battery = line.may("battery", |text| one_of(text, &["lead", "lithium"]));
    let (days, source) = (line.days(), line.must("source", |text| short(text, 300)));
    Some(Goods {
        gtin: gtin?,
        class: class?,
        brand: brand?,
        model: model?,
        energy_label,
        water_label,
        label_scheme,
        ccc,
        in_catalogue,
        power,
        displacement_ml,
        emission,
        battery,
        central_set,
        days: days?,
        source: source?,
        version: 0,
    })
}

fn price(line: &mut Line<'_>) -> Option<FiledPrice> {
    let gtin = line.must("gtin", parsed);
    let region: Option<Region> = line.must("region", parsed);
    let price = line.must("price_fen", fen);
    let (days, source) = (line.days(), line.must("source", |text| short(text, 300)));
    let (gtin, region, price) = (gtin?, region?, price?);
    Some(FiledPrice { gtin, region, price, days: days?, source: source? })
}

/// Reads the lines of a file with these columns.
fn rows<T>(
    bytes: &[u8],
    columns: &[Column],
    of: fn(&mut Line<'_>) -> Option<T>,
) -> Result<Vec<(usize, T)>, Vec<Complaint>> {
    let one = |line, reason: &str| vec![Complaint { line, reason: reason.to_owned() }];
    if bytes.len() > LARGEST_FILE {
        return Err(one(1, "the file is larger than 16 MiB; split it"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
        one(line, "not UTF-8; let the spreadsheet save it as \"CSV UTF-8\"")
    })?;
    if text.trim().is_empty() {
        return Err(one(1, "the file is empty"));
    }
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let mut count = LineCount { text, at: 0, line: 1 };
    let broken = |error: csv::Error| one(1, &error.to_string());
    let header = records.next().transpose().map_err(broken)?.unwrap_or_default();
    let header_line = count.line_of(&header);
    let names = header_of(&header, header_line, columns)?;
    let (mut found, mut complaints) = (Vec::new(), Vec::new());
    for record in records {
        let record = record.map_err(broken)?;
        let line = count.line_of(&record);
        if found.len() + complaints.len() >= MOST_LINES {
            complaints.push(Complaint { line, reason: "more than 50000 lines; split it".into() });
            break;
        }
        let (row, wrong) = read(&record, &names, of);
        let row = row.filter(|_| wrong.is_empty()).map(|row| (line, row));
        found.extend(row);
        complaints.extend(wrong.into_iter().map(|reason| Complaint { line, reason }));
    }
    if found.is_empty() && complaints.is_empty() {
        return Err(one(header_line, "no line stands below the header"));
    }
    if complaints.is_empty() { Ok(found) } else { Err(complaints) }
}

fn read<T>(
    record: &StringRecord,
    names: &[&'static str],
    of: fn(&mut Line<'_>) -> Option<T>,
) -> (Option<T>, Vec<String>) {
    if record.len() != names.len() {
        let (is, want) = (record.len(), names.len());
        return (None, vec![format!("{is} fields where the header has {want}")]);
    }
    let fields = names.iter().copied().zip(record.iter()).collect();
    let mut line = Line { fields, wrong: Vec::new() };
    (of(&mut line), line.wrong)
}

/// The columns of a file, in its own order.
fn header_of(
    header: &StringRecord,
    line: usize,
    columns: &[Column],
) -> Result<Vec<&'static str>, Vec<Complaint>> {
    let mut names = Vec::new();
    let mut wrong = Vec::new();
    for field in header {
        match columns.iter().find(|(name, _)| *name == field) {
            None => wrong.push(format!("the header names an unknown column, {}", quoted(field))),
            Some((name, _)) if names.contains(name) => {
                wrong.push(format!("the header names {name} twice"));
            }
            Some((name, _)) => names.push(*name),
        }
    }
    let missing = columns.iter().filter(|(name, must)| *must && !names.contains(name));
    wrong.extend(missing.map(|(name, _)| format!("the header does not name {name}")));
    let complaint = |reason| Complaint { line, reason };
    if wrong.is_empty() { Ok(names) } else { Err(wrong.into_iter().map(complaint).collect()) }
}

/// Counts lines up to a record. The reader's own count is that of the line where the search for
/// the record began, so blank lines before it would be missed.
struct LineCount<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl LineCount<'_> {
    fn line_of(&mut self, record: &StringRecord) -> usize {
        let bytes = self.text.as_bytes();
        let begun = record.position().map_or(self.at, |position| position.byte() as usize);
        let blank = bytes[begun..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let start = begun + blank;
        self.line += bytes[self.at..start].iter().filter(|b| **b == b'\n').count();
        self.at = start;
        self.line
    }
}

/// What stands there, cut short: a field may be as long as the file.
fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(40).collect::<String>())
}

fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    if text.len() > 100 {
        return Err(format!("too long: {}", quoted(text)));
    }
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn short(text: &str, most: usize) -> Result<String, String> {
    if text.chars().count() > most {
        return Err(format!("longer than {most} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err("holds a control character or a line break".to_owned());
    }
    Ok(text.to_owned())
}

fn name(text: &str) -> Result<String, String> {
    short(text, 100)
}

fn a_day(text: &str) -> Result<chrono::NaiveDate, String> {
    day(text).ok_or_else(|| format!("a day is YYYY-MM-DD, not {}", quoted(text)))
}

fn truth(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("true, false or empty, not {}", quoted(text))),
    }
}

fn grade(text: &str) -> Result<i16, String> {
    let found = text.parse().ok().filter(|grade| (1..=5).contains(grade));
    found.ok_or_else(|| format!("a grade is 1 to 5, not {}", quoted(text)))
}

fn millilitres(text: &str) -> Result<i32, String> {
    let found = text.parse().ok().filter(|ml| (1..=20_000).contains(ml));
    found.ok_or_else(|| format!("whole millilitres from 1 to 20000, not {}", quoted(text)))
}

fn fen(text: &str) -> Result<Fen, String> {
    let found = text.parse().ok().map(Fen).filter(|fen| fen.is_positive() && *fen <= Fen::MAX);
    found.ok_or_else(|| format!("whole fen above 0, not {}", quoted(text)))
}

fn one_of(text: &str, words: &[&str]) -> Result<String, String> {
    if words.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!("{}, not {}", words.join(" or "), quoted(text)))
}

#[cfg(test)]
mod tests;
