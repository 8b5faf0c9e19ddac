//! An official asks the neighbours about an application, and what they say is kept.

use super::Ports;
use super::entries::{ANSWERED, ASKED};
use super::model::{
    Answer, Clear, HoldingsAnswer, HoldingsQuestion, InvoiceAnswer, InvoiceQuestion, Neighbour,
    NoAnswer, VehicleAnswer, VehicleQuestion,
};
use super::store::Kept;
use crate::application::APPLICATION_STATE;
use crate::application::document::fields::Fields;
use crate::application::model::{Application, State};
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::http::problem::Problem;
use crate::kernel::identifier::{IdNumber, Identifier};
use crate::kernel::refusal::Refusal;
use crate::kernel::time::day_of;
use chrono::Datelike;
use futures_util::future::join3;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use uuid::Uuid;

/// The tax office does not know the invoice, or it was cancelled.
pub const INVOICE_NOT_GENUINE: Refusal = Refusal::new(
    "INVOICE_NOT_GENUINE",
    "发票查验未通过：票面信息不符或已作废、红冲",
    "the tax office does not know this invoice, or it was cancelled",
);

/// The national holdings show a subsidy drawn in another province.
pub const CLAIMED_ELSEWHERE: Refusal = Refusal::new(
    "CLAIMED_ELSEWHERE",
    "您已在外省享受同类补贴",
    "you have drawn this subsidy in another province",
);

/// What the documents of an application let us ask.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    pub vehicle: Option<VehicleQuestion>,
    pub invoice: Option<InvoiceQuestion>,
    pub holdings: Option<HoldingsQuestion>,
}

/// Which neighbours can be asked, before anything is opened.
pub fn askable(is_person: bool, has_vehicle: bool, has_invoice: bool) -> Vec<Neighbour> {
    let all = [
        (Neighbour::VehicleRegister, is_person && has_vehicle),
        (Neighbour::InvoiceCheck, has_invoice),
        (Neighbour::Holdings, is_person),
    ];
    all.into_iter().filter(|(_, can)| *can).map(|(neighbour, _)| neighbour).collect()
}

impl Questions {
    /// From the fields of the documents, the newest of a kind last, and from the applicant's own
    /// number where he is a person.
    pub fn of(
        application: &Application,
        fields: &[Fields],
        holder: Option<&IdNumber>,
    ) -> Questions {
        let holder = holder.map(|number| Clear::new(number.reveal()));
        let vin = fields.iter().rev().find_map(Fields::new_vin);
        let invoice = fields.iter().rev().find_map(|fields| match fields {
            Fields::MotorVehicleSalesInvoice(it) => {
                Some((it.number.reveal(), it.issued_on, it.total_fen))
            }
            Fields::Invoice(it) => Some((it.number.reveal(), it.issued_on, it.total_fen)),
            _ => None,
        });
        let vehicle = vin
            .zip(holder.clone())
            .map(|(vin, holder)| VehicleQuestion { vin: Clear::new(&vin.to_string()), holder });
        Questions {
            vehicle,
            invoice: invoice.map(|(number, day, total)| InvoiceQuestion {
                number: Clear::new(number),
                issued_on: Some(day),
                total_fen: Some(total),
            }),
            holdings: holder.map(|holder| HoldingsQuestion {
                holder,
                family: application.class.family().to_owned(),
                year: day_of(application.decided_at).year(),
            }),
        }
    }

    /// Asks all of them at once.
    pub async fn asked(&self, ports: &Ports) -> Vec<Answer> {
        let (vehicle, invoice, holdings) = join3(
            async {
                let question = self.vehicle.as_ref()?;
                let said = ports.vehicle_register.door.vehicle(question).await;
                Some(answer(Neighbour::VehicleRegister, &ports.vehicle_register.source, said))
            },
            async {
                let question = self.invoice.as_ref()?;
                let said = ports.invoice_check.door.invoice(question).await;
                Some(answer(Neighbour::InvoiceCheck, &ports.invoice_check.source, said))
            },
            async {
                let question = self.holdings.as_ref()?;
                let said = ports.holdings.door.holdings(question).await;
                Some(answer(Neighbour::Holdings, &ports.holdings.source, said))
            },
        )
        .await;
        [vehicle, invoice, holdings].into_iter().flatten().collect()
    }
}

fn answer<A: Serialize>(neighbour: Neighbour, source: &str, said: Result<A, NoAnswer>) -> Answer {
    let said = said.and_then(|said| serde_json::to_value(said).map_err(|_| NoAnswer::Malformed));
    Answer { neighbour, source: source.to_owned(), said }
}

/// Says on record that the neighbours are going to be asked.
pub struct AskNeighbours {
    pub application: Uuid,
    pub neighbours: Vec<Neighbour>,
}

impl Command for AskNeighbours {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Application>(self.application);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let Some(application) = desk.get::<Application>(&self.application)? else {
            return Ok(Decision::not_found());
        };
        if application.state != State::Submitted {
            return Ok(Decision::conflict(APPLICATION_STATE));
        }
        let mut draft = Draft::new(&ASKED, application.id, json!({"neighbours": self.neighbours}));
        draft.subject = Some(application.subject);
        let body = json!({"neighbours": self.neighbours});
        let entries = vec![draft];
        Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
    }
}

/// Keeps what they said.
pub struct KeepAnswers {
    pub application: Uuid,
    /// Each with a fresh id.
    pub answers: Vec<(Uuid, Answer)>,
}

impl Command for KeepAnswers {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Application>(self.application);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let Some(application) = desk.get::<Application>(&self.application)? else {
            return Ok(Decision::not_found());
        };
        let (id, subject) = (application.id, application.subject);
        let mut entries = Vec::new();
        for (answer_id, answer) in &self.answers {
            let mut data = json!({"neighbour": answer.neighbour.as_str(), "source": answer.source});
            match &answer.said {
                Ok(said) => data["said"] = said.clone(),
                Err(none) => data["no_answer"] = json!(none.as_str()),
            }
            let mut draft = Draft::new(&ANSWERED, id, data);
            draft.subject = Some(subject);
            entries.push(draft);
            let (asked_at, answer) = (desk.now(), answer.clone());
            desk.put(Kept { id: *answer_id, application: id, asked_at, answer });
        }
        let told = self.answers.iter().map(|(_, answer)| view(answer)).collect::<Vec<_>>();
        let body = json!({"answers": told});
        Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
    }
}

/// An answer as officials see it.
pub fn view(answer: &Answer) -> serde_json::Value {
    json!({
        "neighbour": answer.neighbour.as_str(),
        "source": answer.source,
        "said": answer.said.as_ref().ok(),
        "no_answer": answer.said.as_ref().err().map(|none| none.as_str()),
    })
}

/// What kept answers mean for a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the vehicle register names the applicant as the new car's holder; nothing where it
    /// was not asked or has not answered.
    pub still_owned: Option<bool>,
    pub refusals: Vec<Refusal>,
}

/// Judges by the last answer of each neighbour.
///
/// # Errors
/// 503 `PORT_NO_ANSWER` where a neighbour that was asked gave none, and the programme does not let
/// a reviewer decide without.
pub fn verdict(kept: &[Kept], without_answer: bool) -> Result<Verdict, Problem> {
    let last = |neighbour: Neighbour| {
        kept.iter().rev().map(|kept| &kept.answer).find(|answer| answer.neighbour == neighbour)
    };
    let answers = Neighbour::ALL.into_iter().filter_map(last);
    if !without_answer && answers.clone().any(|answer| answer.said.is_err()) {
        return Err(no_answer());
    }
    let mut verdict = Verdict::default();
    if let Some(said) = said::<VehicleAnswer>(last(Neighbour::VehicleRegister)) {
        verdict.still_owned = if said.is_known { said.is_holder } else { Some(false) };
    }
    if let Some(said) = said::<InvoiceAnswer>(last(Neighbour::InvoiceCheck))
        && (!said.is_genuine || said.is_void)
    {
        verdict.refusals.push(INVOICE_NOT_GENUINE);
    }
    if let Some(said) = said::<HoldingsAnswer>(last(Neighbour::Holdings))
        && !said.drawn.is_empty()
    {
        verdict.refusals.push(CLAIMED_ELSEWHERE);
    }
    Ok(verdict)
}

fn said<A: DeserializeOwned>(answer: Option<&Answer>) -> Option<A> {
    serde_json::from_value(answer?.said.as_ref().ok()?.clone()).ok()
}

/// It may answer later: the same request may be tried again.
fn no_answer() -> Problem {
    let mut problem = Problem::new(
        503,
        "PORT_NO_ANSWER",
        "外部核验暂无结果，请稍后重新核验后再审批",
        "a neighbour gave no answer; ask again later, then decide",
    );
    problem.retry_after = Some(60);
    problem
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;

    fn kept(neighbour: Neighbour, said: Result<serde_json::Value, NoAnswer>) -> Kept {
        let answer = Answer { neighbour, source: "sandbox".into(), said };
        Kept { id: Uuid::now_v7(), application: Uuid::nil(), asked_at: Utc::now(), answer }
    }

    #[test]
    fn the_last_answer_of_each_neighbour_counts() {
        use Neighbour::{Holdings, InvoiceCheck, VehicleRegister};
        let silent = kept(VehicleRegister, Err(NoAnswer::TimedOut));
        let sold = kept(VehicleRegister, Ok(json!({"is_known": true, "is_holder": false})));
        let owned = kept(VehicleRegister, Ok(json!({"is_known": true, "is_holder": true})));
        let unknown = kept(VehicleRegister, Ok(json!({"is_known": false})));
        for (answers, still) in [
            (vec![], None),
            (vec![owned.clone()], Some(true)),
            (vec![owned.clone(), sold.clone()], Some(false)),
            (vec![sold.clone(), owned.clone()], Some(true)),
            (vec![silent.clone(), owned.clone()], Some(true)),
            (vec![unknown], Some(false)),
        ] {
            let verdict = verdict(&answers, false).unwrap();
            assert_eq!((verdict.still_owned, verdict.refusals.len()), (still, 0), "{answers:?}");
        }
        let refused = verdict(&[owned.clone(), silent.clone()], false).unwrap_err();
        assert_eq!((refused.status, refused.refusals[0].code.as_ref()), (503, "PORT_NO_ANSWER"));
        assert_eq!(verdict(&[owned, silent], true).unwrap(), Verdict::default());
        for (answer, code) in [
            (kept(InvoiceCheck, Ok(json!({"is_genuine": false}))), "INVOICE_NOT_GENUINE"),
            (
                kept(InvoiceCheck, Ok(json!({"is_genuine": true, "is_void": true}))),
                "INVOICE_NOT_GENUINE",
            ),
            (kept(Holdings, Ok(json!({"drawn": ["car.scrap"]}))), "CLAIMED_ELSEWHERE"),
        ] {
            assert_eq!(verdict(&[answer], false).unwrap().refusals[0].code, code);
        }
        let fine = [
            kept(InvoiceCheck, Ok(json!({"is_genuine": true}))),
            kept(Holdings, Ok(json!({"drawn": []}))),
        ];
        assert_eq!(verdict(&fine, false).unwrap(), Verdict::default());
    }
}
