//! A tiny teller: who does what, the answer that should come, and the sentence that it makes.

use super::client::{Answer, Call, Client, Who};
use super::print::{Page, yuan};
use serde_json::Value;

/// The answer that a step should have.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    Done(u16),
    Refused(u16, &'static str),
}

pub use Expected::{Done, Refused};

/// A step went otherwise than it should: the rest of its story makes no sense.
#[derive(Debug)]
pub struct Otherwise;

pub type Told<T = ()> = Result<T, Otherwise>;

/// Tells stories and counts what goes otherwise.
pub struct Teller<'a> {
    pub page: &'a Page,
    pub wrong: u32,
    client: &'a Client,
}

impl<'a> Teller<'a> {
    pub fn new(client: &'a Client, page: &'a Page) -> Teller<'a> {
        Teller { page, wrong: 0, client }
    }

    /// Somebody does something; a refusal is printed with its code and sentence.
    pub async fn step(
        &mut self,
        who: &Who,
        what: &str,
        call: Call,
        expected: Expected,
    ) -> Told<Answer> {
        self.page.step(&who.name, what);
        let answer = self.client.send(who, &call).await;
        self.judge(answer, expected)
    }

    /// The same call with the same key once more, without a line of its own.
    pub async fn again(&mut self, who: &Who, call: &Call, expected: Expected) -> Told<Answer> {
        let answer = self.client.send(who, call).await;
        self.judge(answer, expected)
    }

    /// Two do something at the same moment.
    pub async fn race(&mut self, what: &str, racers: [(&Who, Call); 2]) -> Told<[Answer; 2]> {
        let [(one, first), (other, second)] = racers;
        self.page.step(&format!("{} / {}", one.name, other.name), what);
        let both = futures_util::future::join(
            self.client.send(one, &first),
            self.client.send(other, &second),
        );
        match both.await {
            (Ok(first), Ok(second)) => Ok([first, second]),
            (Err(error), _) | (_, Err(error)) => Err(self.otherwise(&format!("{error:#}"))),
        }
    }

    /// Something that must be so for the story to go on.
    pub fn check(&mut self, what: &str, so: bool) -> Told {
        match so {
            true => {
                self.page.good(what);
                Ok(())
            }
            false => Err(self.otherwise(&format!("not so: {what}"))),
        }
    }

    pub fn otherwise(&mut self, why: &str) -> Otherwise {
        self.wrong += 1;
        self.page.wrong(why);
        Otherwise
    }

    fn judge(&mut self, answer: anyhow::Result<Answer>, expected: Expected) -> Told<Answer> {
        let answer = answer.map_err(|error| self.otherwise(&format!("{error:#}")))?;
        match verdict(&answer, expected) {
            Err(why) => Err(self.otherwise(&why)),
            Ok(()) => {
                if let Refused(status, code) = expected {
                    self.page.refused(&format!("{status} {code}"), answer.detail());
                }
                Ok(answer)
            }
        }
    }

    /// The steps from the price to the amount.
    pub fn derivation(&self, answer: &Answer, pointer: &str) {
        let steps = answer.body.pointer(pointer).and_then(Value::as_array);
        for step in steps.into_iter().flatten() {
            self.page.note(&sentence_of(step));
        }
    }
}

/// Whether an answer is the one that was expected, and else what came instead.
fn verdict(answer: &Answer, expected: Expected) -> Result<(), String> {
    let (status, code) = match expected {
        Done(status) => (status, ""),
        Refused(status, code) => (status, code),
    };
    if answer.status == status && answer.code() == code {
        return Ok(());
    }
    let (came, said) = (answer.status, answer.detail());
    let codes: Vec<&str> = answer.body["failed_rules"]
        .as_array()
        .map(|rules| rules.iter().filter_map(|rule| rule["code"].as_str()).collect())
        .unwrap_or_default();
    let codes = if codes.is_empty() { answer.code().to_owned() } else { codes.join(", ") };
    Err(format!("expected {status} {code}, got {came} {codes} {said}"))
}

/// One step of a derivation: `20% of 8,999.00 = 1,799.80`.
fn sentence_of(step: &Value) -> String {
    let fen = |name: &str| step[name].as_i64().map(yuan);
    let result = fen("result_fen").unwrap_or_default();
    let rule = step["rule"].as_str().unwrap_or_default();
    let how = match (fen("base_fen"), step["rate"].as_str(), fen("fixed_fen"), fen("cap_fen")) {
        (Some(base), Some(rate), ..) => format!("{rate} of {base} = {result}"),
        (_, _, Some(fixed), _) => format!("a flat {fixed} = {result}"),
        (_, _, _, Some(cap)) => format!("at most {cap}, so {result}"),
        _ => format!("= {result}"),
    };
    format!("{how}  ({rule})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(status: u16, body: Value) -> Answer {
        Answer { status, body, ..Answer::default() }
    }

    #[test]
    fn an_answer_is_the_expected_one_by_status_and_code() {
        let no = answer(422, json!({"code": "QUOTA_EXHAUSTED", "detail": "已用完"}));
        let yes = answer(201, json!({"voucher": {}, "code": "1-Q5AXX-1AN74"}));
        for (given, expected, right) in [
            (&yes, Done(201), true),
            (&yes, Done(200), false),
            (&yes, Refused(422, "QUOTA_EXHAUSTED"), false),
            (&no, Refused(422, "QUOTA_EXHAUSTED"), true),
            (&no, Refused(422, "SERIAL_REUSED"), false),
            (&no, Refused(409, "QUOTA_EXHAUSTED"), false),
            (&no, Done(422), false),
        ] {
            assert_eq!(verdict(given, expected).is_ok(), right, "{expected:?}");
        }
        assert!(verdict(&no, Done(201)).is_err_and(|why| why.contains("QUOTA_EXHAUSTED 已用完")));
    }

    #[test]
    fn what_goes_otherwise_is_counted() {
        let (client, page) = (Client::new("http://127.0.0.1:1").unwrap(), Page::new());
        let mut teller = Teller::new(&client, &page);
        assert!(teller.judge(Ok(answer(200, json!({}))), Done(200)).is_ok());
        assert_eq!(teller.wrong, 0);
        assert!(teller.judge(Ok(answer(500, json!({}))), Done(200)).is_err());
        assert!(teller.check("never", false).is_err());
        assert!(teller.judge(Err(anyhow::anyhow!("nobody listens")), Done(200)).is_err());
        assert_eq!(teller.wrong, 3);
    }

    #[test]
    fn a_step_of_a_derivation_reads_like_pen_and_paper() {
        for (step, text) in [
            (
                json!({"rule": "level 1", "base_fen": 899_900, "rate": "20%",
                    "result_fen": 179_980}),
                "20% of 8,999.00 = 1,799.80  (level 1)",
            ),
            (
                json!({"rule": "goods", "cap_fen": 50_000, "result_fen": 50_000}),
                "at most 500.00, so 500.00  (goods)",
            ),
            (
                json!({"rule": "flat", "fixed_fen": 50_000, "result_fen": 50_000}),
                "a flat 500.00 = 500.00  (flat)",
            ),
        ] {
            assert_eq!(sentence_of(&step), text);
        }
    }
}
