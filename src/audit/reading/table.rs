//! A table as it is answered: JSON, lines of JSON, CSV, XLSX.

use super::filter::Format;
use crate::http::problem::Problem;
use rust_xlsxwriter::{Workbook, XlsxError};
use serde_json::{Map, Value, json};

/// A number or a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Text(String),
    Number(i64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Cell {
        Cell::Number(number)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::Text(text)
    }
}

/// The head of the log under which a table was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub size: u64,
    pub root: Vec<u8>,
}

/// Rows of named cells, and what is said of them all.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub columns: &'static [&'static str],
    pub rows: Vec<Vec<Cell>>,
    pub sum_fen: i64,
    pub head: Head,
    /// Where to go on.
    pub next: Option<String>,
    /// What JSON has for a row in place of its cells.
    pub objects: Option<Vec<Value>>,
}

/// Bytes with their media type.
pub struct Rendered {
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

impl Table {
    /// Its rows and their sum in fen, as a record of the reading has them.
    pub fn counted(&self) -> (u64, i64) {
        (self.rows.len() as u64, self.sum_fen)
    }

    /// Writes the table in a format.
    ///
    /// # Errors
    /// 500 where a writer fails, which only memory can make it do.
    pub fn render(&self, format: Format) -> Result<Rendered, Problem> {
        let broken = |error: String| {
            tracing::error!(error, "reading.not_rendered");
            Problem::internal()
        };
        Ok(match format {
            Format::Json => Rendered { media_type: "application/json", bytes: self.json() },
            Format::Jsonl => Rendered { media_type: "application/jsonl", bytes: self.jsonl() },
            Format::Csv => Rendered {
                media_type: "text/csv; charset=utf-8",
                bytes: self.csv().map_err(|error| broken(error.to_string()))?,
            },
            Format::Xlsx => Rendered {
                media_type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                bytes: self.xlsx().map_err(|error| broken(error.to_string()))?,
            },
        })
    }

    fn about(&self) -> Map<String, Value> {
        let head = json!({"size": self.head.size, "root": hex::encode(&self.head.root)});
        let about = json!({
            "rows": self.rows.len(), "sum_fen": self.sum_fen, "checkpoint": head,
            "next": self.next,
        });
        about.as_object().cloned().unwrap_or_default()
    }

    fn object(&self, row: &[Cell]) -> Value {
        let cell = |cell: &Cell| match cell {
            Cell::Text(text) => json!(text),
            Cell::Number(number) => json!(number),
        };
        let pairs = self.columns.iter().zip(row);
        Value::Object(pairs.map(|(name, it)| ((*name).to_owned(), cell(it))).collect())
    }

    fn all(&self) -> Vec<Value> {
        let cells = || self.rows.iter().map(|row| self.object(row)).collect();
        self.objects.clone().unwrap_or_else(cells)
    }

    fn json(&self) -> Vec<u8> {
        let mut whole = self.about();
        whole.insert("data".to_owned(), Value::Array(self.all()));
        Value::Object(whole).to_string().into_bytes()
    }

    fn jsonl(&self) -> Vec<u8> {
        let rows = self.all().into_iter().map(|row| format!("{row}\n"));
        let about = Value::Object(self.about());
        rows.chain([format!("{about}\n")]).collect::<String>().into_bytes()
    }

    fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut csv = csv::WriterBuilder::new().flexible(true).from_writer(vec![0xEF, 0xBB, 0xBF]);
        csv.write_record(self.columns)?;
        for row in &self.rows {
            csv.write_record(row.iter().map(|cell| match cell {
                Cell::Text(text) => harmless(text),
                Cell::Number(number) => number.to_string(),
            }))?;
        }
        for (name, value) in self.footer() {
            csv.write_record([name, &value])?;
        }
        csv.into_inner().map_err(|error| error.into_error().into())
    }

    fn footer(&self) -> [(&'static str, String); 4] {
        [
            ("# rows", self.rows.len().to_string()),
            ("# sum_fen", self.sum_fen.to_string()),
            ("# checkpoint", format!("{} {}", self.head.size, hex::encode(&self.head.root))),
            ("# next", self.next.clone().unwrap_or_default()),
        ]
    }

    fn xlsx(&self) -> Result<Vec<u8>, XlsxError> {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet().set_name("data")?;
        for (column, name) in (0u16..).zip(self.columns) {
            sheet.write_string(0, column, *name)?;
        }
        for (place, row) in (1u32..).zip(&self.rows) {
            for (column, cell) in (0u16..).zip(row) {
                match cell {
                    // Written as a string, a text is never a formula.
                    Cell::Text(text) => sheet.write_string(place, column, text)?,
                    Cell::Number(number) => sheet.write_number(place, column, *number as f64)?,
                };
            }
        }
        let about = book.add_worksheet().set_name("about")?;
        for (row, (name, value)) in (0u32..).zip(self.footer()) {
            about.write_string(row, 0, name.trim_start_matches("# "))?;
            about.write_string(row, 1, value)?;
        }
        book.save_to_buffer()
    }
}

/// A text that a spreadsheet does not take for a formula.
fn harmless(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table {
            columns: &["name", "fen"],
            rows: vec![
                vec!["=HYPERLINK(\"x\")".into(), 5.into()],
                vec!["冰箱, \"大\"".into(), (-3).into()],
            ],
            sum_fen: 2,
            head: Head { size: 9, root: vec![0xab; 32] },
            ..Table::default()
        }
    }

    #[test]
    fn csv_is_marked_guarded_and_says_what_it_holds() {
        let text = String::from_utf8(table().csv().unwrap()).unwrap();
        assert!(text.starts_with("\u{feff}name,fen\n"), "{text}");
        assert!(text.contains("\"'=HYPERLINK(\"\"x\"\")\",5\n"), "{text}");
        assert!(text.contains("\"冰箱, \"\"大\"\"\",-3\n"), "{text}");
        let root = "ab".repeat(32);
        let footer = format!("# rows,2\n# sum_fen,2\n# checkpoint,9 {root}\n# next,\n");
        assert!(text.ends_with(&footer), "{text}");
        for text in ["+1", "-1", "@x", "\tx", "\rx"] {
            assert_eq!(harmless(text), format!("'{text}"));
        }
        assert_eq!(harmless("1-1"), "1-1");
    }

    #[test]
    fn lines_of_json_end_with_one_about_them_all() {
        let text = String::from_utf8(table().jsonl()).unwrap();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0], json!({"name": "=HYPERLINK(\"x\")", "fen": 5}));
        assert_eq!((&lines[2]["rows"], &lines[2]["sum_fen"]), (&json!(2), &json!(2)));
        assert_eq!(lines[2]["checkpoint"]["size"], 9);
    }

    #[test]
    fn a_workbook_is_one_and_is_not_empty() {
        let bytes = table().xlsx().unwrap();
        assert!(bytes.starts_with(b"PK") && bytes.len() > 2_000);
    }
}
