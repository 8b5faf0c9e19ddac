//! The role that the service signs in as: it may add to the ledger and never change it.
//!
//! The grants of the migrations keep the ledger append-only for that role alone. Whoever serves
//! as the owner of the tables, or as a superuser, has no such guard left.

use super::store;
use crate::book::read;
use crate::infra::postgres::ReadPool;
use std::time::Duration;

/// What the database says of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServingRole {
    pub name: String,
    /// It is, or may act as, the owner of one of the tables.
    pub is_owner: bool,
    /// It may update, delete or truncate entries.
    pub may_change_entries: bool,
}

/// What came of a look at the role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The database is away, or has no tables yet.
    NotYet,
    Good,
    /// It must not serve: one sentence for the operator.
    Flawed(String),
}

impl ServingRole {
    pub fn judge(&self) -> Checked {
        let may = match self {
            ServingRole { is_owner: true, .. } => "owns the tables or may act as their owner",
            ServingRole { may_change_entries: true, .. } => {
                "may update, delete or truncate the ledger's entries"
            }
            _ => return Checked::Good,
        };
        Checked::Flawed(format!(
            "DATABASE_URL signs in as {}, which {may}: serve as a role that migrations let only \
             read and append, as config/roles.sql makes it",
            self.name
        ))
    }
}

/// Looks at the role once.
pub async fn check(pool: &ReadPool) -> Checked {
    match read(pool, store::read_role).await {
        Ok(Some(role)) => role.judge(),
        Ok(None) | Err(_) => Checked::NotYet,
    }
}

/// Looks until the role is known, and ends only where it must not serve.
pub async fn flaw_found(pool: &ReadPool, mut checked: Checked) -> String {
    loop {
        match checked {
            Checked::Flawed(sentence) => return sentence,
            Checked::Good => return std::future::pending().await,
            Checked::NotYet => tokio::time::sleep(Duration::from_secs(1)).await,
        }
        checked = check(pool).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_role_that_can_but_append_may_serve() {
        for (is_owner, may_change_entries, says) in [
            (false, false, None),
            (true, false, Some("owns the tables")),
            (false, true, Some("truncate the ledger")),
            (true, true, Some("owns the tables")),
        ] {
            let role = ServingRole { name: "somebody".into(), is_owner, may_change_entries };
            match (role.judge(), says) {
                (Checked::Good, None) => {}
                (Checked::Flawed(sentence), Some(says)) => {
                    assert!(sentence.contains(says), "{sentence}");
                    assert!(sentence.contains("somebody"), "{sentence}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
