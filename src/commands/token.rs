//! `tradein token`: an access token for a sandbox.

use crate::identity::model::{OrganisationId, PersonId, StoreId};
use crate::identity::role::{Reach, Role, Scope};
use crate::identity::token::{Grant, Mint, Standing};
use crate::infra::keys::write_secret_file;
use anyhow::{Context, bail};
use chrono::{TimeDelta, Utc};
use std::path::PathBuf;
use uuid::Uuid;

/// Prints an access token for a sandbox, signed with a key file; no other deployment takes it
#[derive(Debug, clap::Args)]
pub struct Token {
    /// person, retailer, recycler, dismantler, reviewer, finance, programme_admin, auditor or
    /// real_name_provider
    #[arg(long, required_unless_present = "show_key")]
    role: Option<Role>,
    /// Of a person: per_0_…
    #[arg(long)]
    person: Option<PersonId>,
    /// Of a retailer, recycler, dismantler or provider: org_0_…
    #[arg(long)]
    org: Option<OrganisationId>,
    /// The organisation's one store that the token is for: sto_0_…
    #[arg(long, requires = "org")]
    store: Option<StoreId>,
    /// Of an official: 310000/appliance, or 310000/* for every family; may be given often
    #[arg(long)]
    scope: Vec<Reach>,
    /// Who signs in; money needs two of them [default: the role]
    #[arg(long)]
    login: Option<String>,
    /// How long it is valid: 90s, 10m, 12h or 7d, at most 31d
    #[arg(long, default_value = "1h", value_parser = life)]
    ttl: TimeDelta,
    /// The deployment's name in `aud`
    #[arg(long, default_value = "tradein")]
    audience: String,
    /// The sandbox's Ed25519 private key in PEM
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Make the key file when there is none yet
    #[arg(long)]
    make_key: bool,
    /// Print the public side, for the file that tokens.keys_file names, instead of a token
    #[arg(long)]
    show_key: bool,
}

impl Token {
    pub fn run(self) -> anyhow::Result<()> {
        if self.make_key && !self.key.exists() {
            write_secret_file(&self.key, &Mint::generate_pem())?;
        }
        let name = self.key.display();
        let pem = std::fs::read_to_string(&self.key)
            .with_context(|| format!("cannot read the key file {name}; --make-key makes one"))?;
        let mint = Mint::from_pem(&pem, &self.audience)
            .with_context(|| format!("the key file {name} is of no use"))?;
        let text = if self.show_key {
            format!("[[key]]\n{}", toml::to_string(&mint.trusted())?)
        } else {
            let grant = self.grant()?;
            mint.issue(&grant, Utc::now(), self.ttl, Uuid::now_v7())?
        };
        println!("{}", text.trim_end());
        Ok(())
    }

    fn grant(&self) -> anyhow::Result<Grant> {
        let role = self.role.context("give --role")?;
        let standing = match (self.person, self.org, self.scope.as_slice()) {
            (Some(person), None, []) => Standing::Person(person),
            (None, Some(id), []) => Standing::Organisation { id, store: self.store },
            (None, None, [_, ..]) => Standing::Official(Scope::new(self.scope.clone())),
            _ => bail!("give one of --person, --org and --scope, the one that the role needs"),
        };
        let login = self.login.clone().unwrap_or_else(|| role.to_string());
        Ok(Grant { role, standing, login })
    }
}

fn life(text: &str) -> Result<TimeDelta, String> {
    let seconds = match text.char_indices().last() {
        Some((end, 's')) => text[..end].parse::<i64>().ok(),
        Some((end, 'm')) => text[..end].parse::<i64>().ok().and_then(|n| n.checked_mul(60)),
        Some((end, 'h')) => text[..end].parse::<i64>().ok().and_then(|n| n.checked_mul(3_600)),
        Some((end, 'd')) => text[..end].parse::<i64>().ok().and_then(|n| n.checked_mul(86_400)),
        _ => None,
    };
    match seconds {
        Some(seconds @ 1..=2_678_400) => Ok(TimeDelta::seconds(seconds)),
        _ => Err("a number with s, m, h or d, from 1s to 31d".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::token::{TokenSettings, Verifier, keys_of_file};
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        token: Token,
    }

    fn parsed(line: &str) -> anyhow::Result<Grant> {
        let words = std::iter::once("token").chain(line.split_whitespace());
        Line::try_parse_from(words.chain(["--key", "unused"]))?.token.grant()
    }

    #[test]
    fn a_line_says_who_the_token_is_for() {
        let id = "00000000000000000000000000000001";
        for (line, fits) in [
            (format!("--role person --person per_0_{id}"), true),
            (format!("--role retailer --org org_0_{id} --store sto_0_{id}"), true),
            ("--role finance --scope 310000/appliance --scope 320500/*".to_owned(), true),
            ("--role finance".to_owned(), false),
            (format!("--role person --person per_0_{id} --org org_0_{id}"), false),
            (format!("--role person --person org_0_{id}"), false),
            ("--role mayor --scope 310000/*".to_owned(), false),
            ("--role auditor --scope everywhere".to_owned(), false),
        ] {
            assert_eq!(parsed(&line).is_ok(), fits, "{line}");
        }
    }

    #[test]
    fn a_life_is_a_number_with_a_unit() {
        for (text, seconds) in [("1s", 1), ("10m", 600), ("12h", 43_200), ("31d", 2_678_400)] {
            assert_eq!(life(text).unwrap(), TimeDelta::seconds(seconds), "{text}");
        }
        for bad in ["", "s", "10", "0s", "-1h", "32d", "9223372036854775807d", "1.5h", "1小"] {
            assert!(life(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_file_is_made_once_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        write_secret_file(&path, &Mint::generate_pem()).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(
            write_secret_file(&path, &Mint::generate_pem()).is_err(),
            "it is never overwritten"
        );
        let mint = Mint::from_pem(&std::fs::read_to_string(&path).unwrap(), "tradein").unwrap();
        let shown = format!("[[key]]\n{}", toml::to_string(&mint.trusted()).unwrap());
        let key = keys_of_file(&shown).unwrap().remove(0);
        let verifier = Verifier::new(TokenSettings::sandbox("tradein", key), true).unwrap();
        let grant = parsed("--role auditor --scope 100000/*").unwrap();
        let now = Utc::now();
        let token = mint.issue(&grant, now, TimeDelta::hours(1), Uuid::nil()).unwrap();
        assert_eq!(verifier.verify(&token, now).unwrap().role, Role::Auditor);
    }
}
