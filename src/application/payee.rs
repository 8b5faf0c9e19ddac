//! The account that an applicant is paid to: sealed in the vault, masked everywhere else.

use crate::book::model::Fault;
use crate::http::problem::Problem;
use crate::identity::store::Subject;
use crate::identity::vault::{Place, Vault};
use crate::infra::keys::{KeyRing, SubKey};
use crate::kernel::identifier::{BankCard, Identifier};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Where the money is to go.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Payee)]
pub struct PayeeBody {
    /// Of a person a bank card with its Luhn digit, of a firm the number of its account.
    #[schema(example = "6222020000000000004")]
    pub account: String,
    /// The bank and its branch, as its customer writes it.
    #[schema(example = "中国银行上海市分行")]
    pub bank: String,
}

/// The sealed account of one application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payee {
    pub application: Uuid,
    pub cipher: Vec<u8>,
    /// `**** 1234`
    pub masked: String,
    /// What an entry says of it: a digest of application and account under the key ring, and
    /// over that one under the secret of the applicant's pseudonym.
    pub commitment: String,
    pub version: i64,
}

impl Payee {
    /// Checks an account and seals it.
    ///
    /// # Errors
    /// 400 for an account that cannot be one.
    pub fn seal(
        keys: &Arc<KeyRing>,
        application: Uuid,
        body: &PayeeBody,
        is_enterprise: bool,
    ) -> Result<Payee, Problem> {
        let (account, masked) = match is_enterprise {
            true => firm(&body.account)?,
            false => {
                let card: BankCard = body.account.parse().map_err(|_| wrong_card())?;
                (card.reveal().to_owned(), card.masked())
            }
        };
        let bank = body.bank.trim();
        if !(2..=100).contains(&bank.chars().count()) || bank.chars().any(char::is_control) {
            let (zh, en) = ("应为2至100个字符", "2 to 100 characters");
            return Err(Problem::bad_field("payee.bank", zh, en));
        }
        let clear = json!({"account": account, "bank": bank}).to_string();
        let mut committed = application.as_bytes().to_vec();
        committed.extend_from_slice(clear.as_bytes());
        let place = Place { table: "vault.payee", row: application, column: "cipher" };
        Ok(Payee {
            application,
            cipher: Vault::new(keys.clone()).seal(place, &clear),
            masked,
            commitment: hex::encode(keys.bucket_digest("payee", &committed)),
            version: 0,
        })
    }

    /// The same account, committed to under the secret of its applicant, which an erasure
    /// destroys.
    ///
    /// # Errors
    /// A pseudonym without a secret is that of an erased person, who submits nothing.
    pub fn committed_under(self, subject: &Subject) -> Result<Payee, Fault> {
        let secret = subject.secret.ok_or_else(|| Fault::new("a pseudonym without a secret"))?;
        let digest = SubKey::of(*secret.expose()).digest(self.commitment.as_bytes());
        Ok(Payee { commitment: hex::encode(&digest[..16]), ..self })
    }
}

fn wrong_card() -> Problem {
    Problem::bad_field(
        "payee.account",
        "银行卡号应为16至19位数字，且校验位正确",
        "a bank card number has 16 to 19 digits, and its check digit fits",
    )
}

/// A firm's account has no check digit.
fn firm(raw: &str) -> Result<(String, String), Problem> {
    let account: String = raw.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if !(8..=32).contains(&account.len()) || !account.bytes().all(|b| b.is_ascii_digit()) {
        let (zh, en) = ("对公账号应为8至32位数字", "a firm's account has 8 to 32 digits");
        return Err(Problem::bad_field("payee.account", zh, en));
    }
    let masked = format!("**** {}", &account[account.len() - 4..]);
    Ok((account, masked))
}
