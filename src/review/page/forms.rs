//! What the forms of a page do: each goes to the handler that JSON callers have.

use super::application::{again, page};
use super::session::{Seat, field};
use super::{Stop, finished, go};
use crate::application::clock::Office;
use crate::application::office::{self, ApproveBody, ReasonsBody};
use crate::application::port::Ports;
use crate::http::extract::Posted;
use crate::http::problem::{Problem, ProblemBody};
use crate::infra::settings::Settings;
use crate::kernel::canonical;
use crate::kernel::money::Fen;
use crate::review::http::{self as reviews, TakeBody};
use crate::voucher::doors::Doors;
use crate::voucher::http::Nothing;
use actix_web::body::to_bytes;
use actix_web::{HttpRequest, HttpResponse, web};

type Fields = [(String, String)];

/// What the acts of this page work with.
#[derive(Clone)]
struct Means {
    doors: Doors,
    office: web::Data<Office>,
    settings: web::Data<Settings>,
    ports: web::Data<Ports>,
}

/// Does what a form of an application's page asks.
pub async fn act(
    request: HttpRequest,
    doors: Doors,
    office: web::Data<Office>,
    settings: web::Data<Settings>,
    ports: web::Data<Ports>,
    path: web::Path<(String, String)>,
    form: web::Form<Vec<(String, String)>>,
) -> HttpResponse {
    let means = Means { doors, office, settings, ports };
    let done = async || {
        let seat = Seat::of(&request)?;
        let key = seat.proven(request.path(), &form)?;
        let (id, act) = (path.0.as_str(), path.1.as_str());
        match decided(&seat, &means, id, act, key, &form).await {
            Ok(answer) if answer.status().is_success() => {
                Ok(go(&format!("/desk/applications/{id}?done=true")))
            }
            Ok(refused) => {
                let (status, told) = told(refused).await;
                let look = Default::default();
                page(&seat, &means.doors, &means.office, id, &look, Some((status, told))).await
            }
            Err(No::Stop(stop)) => Err(stop),
            Err(No::Problem(problem)) => {
                again(&seat, &means.doors, &means.office, id, &problem).await
            }
        }
    };
    finished(done().await)
}

enum No {
    Stop(Stop),
    Problem(Problem),
}

impl From<Problem> for No {
    fn from(problem: Problem) -> No {
        No::Problem(problem)
    }
}

impl From<Stop> for No {
    fn from(stop: Stop) -> No {
        No::Stop(stop)
    }
}

async fn decided(
    seat: &Seat,
    means: &Means,
    id: &str,
    act: &str,
    key: String,
    fields: &Fields,
) -> Result<HttpResponse, No> {
    let Means { doors, settings, ports, .. } = means.clone();
    let (acting, id) = (seat.acting.clone(), web::Path::from(id.to_owned()));
    let answer = match act {
        "take" => {
            let body = TakeBody { over: field(fields, "over") == "true" };
            reviews::take(doors, acting, id, posted(seat, key, body, fields)).await?
        }
        "hand-back" => {
            reviews::hand_back(doors, acting, id, posted(seat, key, Nothing {}, fields)).await?
        }
        "neighbours" => {
            let nothing = posted(seat, key, Nothing {}, fields);
            reviews::ask(doors, ports, acting, id, nothing).await?
        }
        "approve" => {
            let body = posted(seat, key, approval(fields)?, fields);
            office::approve(doors, settings, acting, id, body).await?
        }
        "refuse" => {
            let body = posted(seat, key, reasons(fields), fields);
            match field(fields, "act") {
                "reject" => office::reject(doors, acting, id, body).await?,
                _ => office::request_correction(doors, settings, acting, id, body).await?,
            }
        }
        "confirm" => {
            let nothing = posted(seat, key, Nothing {}, fields);
            office::confirm(doors, seat.acting()?, id, nothing).await?
        }
        _ => return Err(Problem::not_found().into()),
    };
    Ok(answer)
}

/// A form as the handler of JSON has it. Its key names one form, so its fields are what "the same
/// request" means.
fn posted<T>(seat: &Seat, key: String, body: T, fields: &Fields) -> Posted<T> {
    let mut fingerprint = [0; 16];
    fingerprint.copy_from_slice(&canonical::sha256(&canonical::bytes_of(&fields))[..16]);
    Posted { body, key, fingerprint, context: seat.context.clone() }
}

fn approval(fields: &Fields) -> Result<ApproveBody, Problem> {
    let reason = field(fields, "reason");
    Ok(ApproveBody {
        still_owned: match field(fields, "still_owned") {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        approved_base_fen: yuan(fields, "approved_base")?,
        amount_fen: yuan(fields, "amount")?,
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
    })
}

fn reasons(fields: &Fields) -> ReasonsBody {
    let chosen = fields.iter().filter(|(name, _)| name == "reasons");
    let sentence = field(fields, "sentence").replace("\r\n", "\n");
    ReasonsBody {
        reasons: chosen.map(|(_, code)| code.clone()).collect(),
        sentence: (!sentence.trim().is_empty()).then_some(sentence),
    }
}

/// A sum in yuan with at most two decimals, as a person types it; nothing where it is left empty.
fn yuan(fields: &Fields, name: &str) -> Result<Option<Fen>, Problem> {
    let text: String = field(fields, name).chars().filter(|c| !", ，".contains(*c)).collect();
    if text.is_empty() {
        return Ok(None);
    }
    let (whole, cents) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let fits = !whole.is_empty() && whole.len() <= 11 && digits(whole);
    if !fits || cents.len() > 2 || !digits(cents) {
        let (zh, en) = ("应为金额，如 1200.50", "a sum in yuan, such as 1200.50");
        return Err(Problem::bad_field(name, zh, en));
    }
    let fen: Option<i64> = format!("{whole}{cents:0<2}").parse().ok();
    Ok(fen.map(Fen))
}

/// Status and sentence of a refusal that a book has answered.
async fn told(refused: HttpResponse) -> (u16, String) {
    let status = refused.status().as_u16();
    let body = to_bytes(refused.into_body()).await.unwrap_or_default();
    let problem: Option<ProblemBody> = serde_json::from_slice(&body).ok();
    let told = problem.map(|problem| match problem.failed_rules.len() {
        0 => problem.detail,
        _ => problem.failed_rules.into_iter().map(|r| r.detail).collect::<Vec<_>>().join("；"),
    });
    (status, told.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read_as_people_type_them() {
        let read = |text: &str| yuan(&[("amount".to_owned(), text.to_owned())], "amount");
        for (text, fen) in [
            ("", None),
            (" ", None),
            ("1200", Some(120_000)),
            ("1,200.5", Some(120_050)),
            ("1200.05", Some(120_005)),
            ("0.01", Some(1)),
        ] {
            assert_eq!(read(text).unwrap(), fen.map(Fen), "{text}");
        }
        for bad in ["-1", "1.234", "1.2.3", ".5", "一千", "1e3", "999999999999"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
