//! What the templates are given.

use super::chart::{BAR, Bar, HEIGHT, Line, WIDTH, bars, lines};
use super::words::Words;
use crate::audit::reading::table::{Cell, Table};
use crate::audit::reading::tables::BURN_DOWN;
use crate::book::model::Bucket;
use crate::kernel::money::Fen;
use askama::Template;
use serde_json::Value;

/// A book in the list.
pub struct BookLine {
    pub no: i32,
    pub name: String,
    pub state: String,
    pub size: i64,
    pub root: String,
    pub holds: Vec<String>,
}

#[derive(Template)]
#[template(path = "console/books.html")]
pub struct BooksPage {
    pub words: Words,
    pub buckets: Vec<&'static str>,
    pub books: Vec<BookLine>,
}

#[derive(Template)]
#[template(path = "console/book.html")]
pub struct BookPage {
    pub words: Words,
    pub no: i32,
    pub name: String,
    pub size: u64,
    pub root: String,
    /// How far the log is signed; nothing where it is not yet.
    pub signed: Option<Signed>,
    pub lines: Vec<Line>,
    pub buckets: Vec<&'static str>,
    pub days: Vec<(String, Vec<String>)>,
    pub classes: Vec<[String; 4]>,
    pub bars: Vec<Bar>,
}

#[derive(Template)]
#[template(path = "console/entries.html")]
pub struct EntriesPage {
    pub words: Words,
    pub no: i32,
    pub name: String,
    /// What each field of the form holds, with its name.
    pub fields: Vec<(&'static str, String)>,
    pub rows: Vec<EntryLine>,
    /// The query of the next page.
    pub next: Option<String>,
    pub size: u64,
    pub root: String,
    pub sum: String,
}

/// An entry in a table.
pub struct EntryLine {
    pub seq: String,
    pub at: String,
    pub kind: String,
    pub about: String,
    pub subject: String,
    pub yuan: String,
    pub leaf: String,
    pub derivation: String,
}

#[derive(Template)]
#[template(path = "console/story.html")]
pub struct StoryPage {
    pub words: Words,
    pub no: i32,
    pub name: String,
    pub id: String,
    pub rows: Vec<EntryLine>,
    pub size: u64,
    pub root: String,
}

/// The last signed head, and who has cosigned it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    pub size: u64,
    /// The word for whether enough witnesses have cosigned.
    pub quorum: &'static str,
    /// Name, and whether it has cosigned.
    pub witnesses: Vec<(String, bool)>,
}

impl Signed {
    /// From the state of a log, as `/log/{book}/state` tells it.
    pub fn of(state: &Value) -> Option<Signed> {
        let quorum = match state["quorum"].as_str()? {
            "met" => "met",
            "not_met" => "not_met",
            _ => "not_required",
        };
        let witness = |it: &Value| Some((it["name"].as_str()?.to_owned(), it["cosigned"] == true));
        let witnesses = state["witnesses"].as_array()?.iter().filter_map(witness).collect();
        Some(Signed { size: state["size"].as_u64()?, quorum, witnesses })
    }
}

pub fn yuan(fen: i64) -> String {
    Fen(fen).to_string()
}

/// The buckets that a burn-down draws.
const DRAWN: [Bucket; 4] = [Bucket::Available, Bucket::Held, Bucket::Committed, Bucket::Paid];

fn number(cell: &Cell) -> i64 {
    match cell {
        Cell::Number(number) => *number,
        Cell::Text(_) => 0,
    }
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
    }
}

impl BookPage {
    pub fn new(
        words: Words,
        (no, name, signed): (i32, &str, Option<Signed>),
        burn_down: &Table,
        classes: &Table,
        refusals: &Table,
    ) -> BookPage {
        let column = |bucket: Bucket| {
            let place = BURN_DOWN.iter().position(|name| *name == bucket.name()).unwrap_or(1);
            burn_down.rows.iter().map(|row| number(&row[place])).collect()
        };
        let series = DRAWN.map(|bucket| (words.bucket(bucket), column(bucket)));
        let day = |row: &Vec<Cell>| {
            let holds = row[1..].iter().map(|cell| yuan(number(cell))).collect();
            (text(&row[0]), holds)
        };
        let class =
            |row: &Vec<Cell>| [text(&row[0]), text(&row[1]), text(&row[2]), yuan(number(&row[3]))];
        let counted: Vec<(String, i64)> =
            refusals.rows.iter().map(|row| (text(&row[0]), number(&row[2]))).collect();
        BookPage {
            words,
            no,
            name: name.to_owned(),
            size: burn_down.head.size,
            root: hex::encode(&burn_down.head.root),
            signed,
            lines: lines(&series),
            buckets: Bucket::ALL.map(|bucket| words.bucket(bucket)).to_vec(),
            days: burn_down.rows.iter().map(day).collect(),
            classes: classes.rows.iter().map(class).collect(),
            bars: bars(&counted),
        }
    }

    fn view_box(&self) -> String {
        format!("0 0 {WIDTH} {HEIGHT}")
    }

    fn bars_box(&self) -> String {
        format!("0 0 {WIDTH} {}", BAR * self.bars.len().max(1) as f64)
    }
}

/// The lines of a table of entries.
pub fn entry_lines(words: Words, table: &Table) -> Vec<EntryLine> {
    let objects = table.objects.iter().flatten();
    let line = |(row, object): (&Vec<Cell>, &Value)| EntryLine {
        seq: text(&row[0]),
        at: text(&row[1]),
        kind: text(&row[2]),
        about: text(&row[3]),
        subject: text(&row[5]),
        yuan: yuan(number(&row[8])),
        leaf: format!("{:#}", object["leaf"]),
        derivation: object[if words.is_zh() { "derivation_zh" } else { "derivation_en" }]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    };
    table.rows.iter().zip(objects).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::Language;
    use serde_json::json;

    #[test]
    fn a_book_shows_who_has_cosigned_its_head() {
        let state = json!({"size": 7, "quorum": "not_met", "witnesses": [
            {"name": "w.example", "cosigned": true}, {"name": "v.example", "cosigned": false}]});
        let shown = |state: &Value| {
            let signed = Signed::of(state);
            let burn_down = Table { columns: BURN_DOWN, ..Table::default() };
            let (words, table) = (Words(Language::English), Table::default());
            BookPage::new(words, (1, "book", signed), &burn_down, &table, &table).render().unwrap()
        };
        let page = shown(&state);
        for says in [
            "Signed entries",
            ">7<",
            "the quorum is not met",
            "w.example: cosigned",
            "v.example: not cosigned",
        ] {
            assert!(page.contains(says), "no {says} in {page}");
        }
        assert!(shown(&Value::Null).contains("not signed yet"));
    }
}
