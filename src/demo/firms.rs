//! Shops, a recycler and a provider, and the tokens of everybody.

use super::client::{Call, Client, Who};
use crate::identity::model::OrganisationId;
use crate::identity::role::{Role, Scope};
use crate::identity::token::{Grant, Mint, Standing};
use crate::kernel::identifier::{CreditCode, Identifier};
use chrono::{TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

/// How long a token of the sandbox is good.
const DAY: TimeDelta = TimeDelta::days(1);

/// An organisation with its token.
#[derive(Clone, Debug)]
pub struct Firm {
    pub who: Who,
}

/// Organisations, found by their credit code or registered.
pub struct Firms<'a> {
    pub client: &'a Client,
    pub admin: &'a Who,
    pub mint: &'a Mint,
}

impl Firms<'_> {
    pub async fn find(
        &self,
        index: u64,
        kind: &str,
        name: &str,
        region: &str,
        families: &[&str],
    ) -> anyhow::Result<Firm> {
        let code = CreditCode::synthetic(index);
        let listed = self.client.must(self.admin, Call::get("/v1/organisations?limit=200")).await?;
        let mut known = listed.body["data"].as_array().into_iter().flatten();
        let known = known.find(|it| it["uscc"] == code.reveal() && it["kind"] == kind);
        let id = match known {
            Some(known) => known["id"].as_str().unwrap_or_default().to_owned(),
            None => {
                let stores = json!([{"name": format!("{name}一店"), "region": region}]);
                let body = json!({"kind": kind, "name": name, "uscc": code.reveal(),
                    "region": region, "stores": stores});
                let call = Call::post("/v1/organisations", body);
                self.client.must(self.admin, call).await?.text_at("/organisation/id")
            }
        };
        self.approve(&id, region, families).await?;
        let id: OrganisationId = id.parse()?;
        let role: Role = kind.parse()?;
        let who = who(self.mint, role, name, Standing::Organisation { id, store: None })?;
        Ok(Firm { who })
    }

    async fn approve(&self, id: &str, region: &str, families: &[&str]) -> anyhow::Result<()> {
        let path = format!("/v1/organisations/{id}");
        let seen = self.client.must(self.admin, Call::get(&path)).await?;
        let given = seen.body["approvals"].as_array().cloned().unwrap_or_default();
        for family in families {
            if given.iter().any(|approval| approval["family"] == *family) {
                continue;
            }
            let body = json!({"region": region, "family": family, "from": "2024-01-01"});
            self.client.must(self.admin, Call::post(format!("{path}/approvals"), body)).await?;
        }
        Ok(())
    }
}

/// Somebody with a token that is good for a day.
pub fn who(mint: &Mint, role: Role, name: &str, standing: Standing) -> anyhow::Result<Who> {
    let grant = Grant { role, standing, login: name.to_owned() };
    let token = mint.issue(&grant, Utc::now(), DAY, Uuid::new_v4())?;
    Ok(Who { name: name.to_owned(), token })
}

/// An official of the whole nation: a sandbox has no provinces to keep apart.
pub fn official(mint: &Mint, role: Role, login: &str) -> anyhow::Result<Who> {
    let scope = Scope::new(vec!["100000/*".parse()?]);
    who(mint, role, login, Standing::Official(scope))
}
