//! The neighbours of a sandbox: their answers are data.

use super::model::{
    HoldingsAnswer, HoldingsQuestion, InvoiceAnswer, InvoiceQuestion, Neighbour, NoAnswer,
    VehicleAnswer, VehicleQuestion,
};
use super::{Holdings, InvoiceCheck, VehicleRegister};
use futures_util::future::{BoxFuture, ready};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

const ANSWERS: &str = include_str!("../../../config/sandbox/neighbours.toml");

/// Answers in the order in which they are tried.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sandbox {
    #[serde(default)]
    answers: Vec<Prepared>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prepared {
    neighbour: Neighbour,
    /// Fields of the question and what they must be; `*` at an end stands for anything.
    #[serde(default)]
    when: toml::Table,
    says: Option<serde_json::Value>,
    /// Why it says nothing.
    no_answer: Option<NoAnswer>,
}

impl Sandbox {
    /// Answers of one's own, or the program's where no file is named.
    pub(super) fn read(file: &Path) -> Result<Sandbox, String> {
        let text = match file.as_os_str().is_empty() {
            true => ANSWERS.to_owned(),
            false => std::fs::read_to_string(file).map_err(|error| error.to_string())?,
        };
        let read: Sandbox = toml::from_str(&text).map_err(|error| error.message().to_owned())?;
        match read.answers.iter().position(|it| it.says.is_some() == it.no_answer.is_some()) {
            Some(at) => Err(format!("answer {}: give either `says` or `no_answer`", at + 1)),
            None => Ok(read),
        }
    }

    /// Outside a sandbox nobody answers in a neighbour's place.
    pub(super) fn silent() -> Sandbox {
        Sandbox::default()
    }

    fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        neighbour: Neighbour,
        question: &Q,
    ) -> Result<A, NoAnswer> {
        let question = serde_json::to_value(question).map_err(|_| NoAnswer::Malformed)?;
        let fits = |it: &&Prepared| it.neighbour == neighbour && it.fits(&question);
        let Some(prepared) = self.answers.iter().find(fits) else {
            return Err(NoAnswer::NotConnected);
        };
        match (&prepared.says, prepared.no_answer) {
            (Some(says), _) => {
                serde_json::from_value(says.clone()).map_err(|_| NoAnswer::Malformed)
            }
            (None, why) => Err(why.unwrap_or(NoAnswer::NotConnected)),
        }
    }
}

impl Prepared {
    fn fits(&self, question: &serde_json::Value) -> bool {
        self.when.iter().all(|(field, wanted)| {
            let asked = match &question[field] {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let wanted = wanted.as_str().map_or_else(|| wanted.to_string(), str::to_owned);
            match (wanted.strip_prefix('*'), wanted.strip_suffix('*')) {
                (Some(end), _) => asked.ends_with(end),
                (_, Some(start)) => asked.starts_with(start),
                _ => asked == wanted,
            }
        })
    }
}

impl VehicleRegister for Sandbox {
    fn vehicle<'a>(
        &'a self,
        question: &'a VehicleQuestion,
    ) -> BoxFuture<'a, Result<VehicleAnswer, NoAnswer>> {
        Box::pin(ready(self.ask(Neighbour::VehicleRegister, question)))
    }
}

impl InvoiceCheck for Sandbox {
    fn invoice<'a>(
        &'a self,
        question: &'a InvoiceQuestion,
    ) -> BoxFuture<'a, Result<InvoiceAnswer, NoAnswer>> {
        Box::pin(ready(self.ask(Neighbour::InvoiceCheck, question)))
    }
}

impl Holdings for Sandbox {
    fn holdings<'a>(
        &'a self,
        question: &'a HoldingsQuestion,
    ) -> BoxFuture<'a, Result<HoldingsAnswer, NoAnswer>> {
        Box::pin(ready(self.ask(Neighbour::Holdings, question)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::port::model::Clear;

    fn vehicle(vin: &str) -> VehicleQuestion {
        VehicleQuestion { vin: Clear::new(vin), holder: Clear::new("11010519491231002X") }
    }

    #[tokio::test]
    async fn the_programs_own_answers_are_read_and_told_apart() {
        let sandbox = Sandbox::read(Path::new("")).unwrap();
        let usual = sandbox.vehicle(&vehicle("LSVAA49J132047371")).await.unwrap();
        assert_eq!((usual.is_known, usual.is_holder), (true, Some(true)));
        let sold = sandbox.vehicle(&vehicle("LSVAA49J132S0LD00")).await.unwrap();
        assert_eq!(sold.is_holder, Some(false));
        let silent = sandbox.vehicle(&vehicle("LSVAA49J1320WA1T0")).await;
        assert_eq!(silent, Err(NoAnswer::TimedOut));
        let (holder, family) = (Clear::new("11010519491231002X"), "car".to_owned());
        let held = HoldingsQuestion { holder, family, year: 2026 };
        assert_eq!(sandbox.holdings(&held).await.unwrap().drawn, Vec::<String>::new());
        for (number, genuine, void) in [("1234-0001", true, false), ("1234-VOID", true, true)] {
            let number = Clear::new(number);
            let question = InvoiceQuestion { number, issued_on: None, total_fen: None };
            let told = sandbox.invoice(&question).await.unwrap();
            assert_eq!((told.is_genuine, told.is_void), (genuine, void));
        }
    }

    #[tokio::test]
    async fn nobody_answers_for_a_neighbour_that_is_not_connected() {
        let told = Sandbox::silent().vehicle(&vehicle("LSVAA49J132047371")).await;
        assert_eq!(told, Err(NoAnswer::NotConnected));
    }

    #[test]
    fn answers_that_say_nothing_or_two_things_are_refused() {
        for text in [
            "[[answers]]\nneighbour = \"holdings\"",
            "[[answers]]\nneighbour = \"holdings\"\nsays = {}\nno_answer = \"timed_out\"",
            "[[answers]]\nneighbour = \"nobody\"\nsays = {}",
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            assert!(Sandbox::read(file.path()).is_err(), "{text}");
        }
    }
}
