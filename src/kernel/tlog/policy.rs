//! Which witnesses there are, and how many of them are enough (C2SP tlog-policy).

use super::note::{KeyKind, VerifierKey};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// Somebody who cosigns checkpoints that extend what he has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    pub name: String,
    pub key: VerifierKey,
    /// Where he takes checkpoints; without one he is only known, not asked.
    pub url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Witness(String),
    Group { needed: usize, members: Vec<Rule> },
}

/// The content of a policy file. The keys of logs in it are passed over: whoever publishes knows
/// his own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    pub witnesses: Vec<Witness>,
    /// Nothing where no cosignature is needed.
    quorum: Option<Rule>,
}

/// What is wrong with a policy, by its line.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {wrong}")]
pub struct BadPolicy {
    pub line: usize,
    pub wrong: &'static str,
}

impl Policy {
    /// Whether the witnesses that have cosigned, told by their keys, are enough.
    pub fn is_met(&self, cosigned: impl Fn(&VerifierKey) -> bool) -> bool {
        let has = |name: &str| {
            self.witnesses.iter().any(|witness| witness.name == name && cosigned(&witness.key))
        };
        self.quorum.as_ref().is_none_or(|rule| rule.is_met(&has))
    }

    /// Whether any cosignature is needed.
    pub fn needs_witnesses(&self) -> bool {
        self.quorum.is_some()
    }
}

impl Rule {
    fn is_met(&self, has: &impl Fn(&str) -> bool) -> bool {
        match self {
            Rule::Witness(name) => has(name),
            Rule::Group { needed, members } => {
                members.iter().filter(|member| member.is_met(has)).count() >= *needed
            }
        }
    }
}

#[derive(Default)]
struct Reader {
    policy: Policy,
    rules: BTreeMap<String, Rule>,
    keys: Vec<String>,
    members: BTreeSet<String>,
    has_quorum: bool,
}

impl Reader {
    fn line(&mut self, words: &[&str]) -> Result<(), &'static str> {
        match words {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", key] | ["log", key, _] => {
                let key: Result<VerifierKey, _> = key.parse();
                key.map(|_| ()).map_err(|_| "the key of the log is no vkey")
            }
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some(url)),
            ["group", name, needed, members @ ..] => self.group(name, needed, members),
            ["quorum", name] => self.quorum(name),
            _ => Err("it is none of log, witness, group and quorum"),
        }
    }

    fn define(&mut self, name: &str, rule: Rule) -> Result<(), &'static str> {
        if name == "none" || self.rules.contains_key(name) {
            return Err("this name is taken");
        }
        self.rules.insert(name.to_owned(), rule);
        Ok(())
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<&&str>) -> Result<(), &'static str> {
        let key: VerifierKey = key.parse().map_err(|_| "the key of the witness is no vkey")?;
        if key.kind() != KeyKind::Cosignature {
            return Err("the key of a witness is of type 4, Ed25519 cosignatures");
        }
        // Two names of one key would be counted twice.
        let bare = key.to_string().rsplit('+').next().unwrap_or_default().to_owned();
        if self.keys.contains(&bare) {
            return Err("this key stands in it twice");
        }
        self.keys.push(bare);
        self.define(name, Rule::Witness(name.to_owned()))?;
        let url = url.map(|url| url.trim_end_matches('/').to_owned());
        self.policy.witnesses.push(Witness { name: name.to_owned(), key, url });
        Ok(())
    }

    fn group(&mut self, name: &str, needed: &str, members: &[&str]) -> Result<(), &'static str> {
        let mut rules = Vec::new();
        for member in members {
            let rule = self.rules.get(*member).ok_or("a member is not defined before it")?;
            if !self.members.insert((*member).to_owned()) {
                return Err("a name is a member once only");
            }
            rules.push(rule.clone());
        }
        let needed = match needed {
            "any" => 1,
            "all" => rules.len(),
            number => number.parse().map_err(|_| "a group needs any, all or a number")?,
        };
        if needed == 0 || needed > rules.len() {
            return Err("a group needs at least one and at most all of its members");
        }
        self.define(name, Rule::Group { needed, members: rules })
    }

    fn quorum(&mut self, name: &str) -> Result<(), &'static str> {
        if std::mem::replace(&mut self.has_quorum, true) {
            return Err("there is one quorum");
        }
        if name != "none" {
            let rule = self.rules.get(name).ok_or("the quorum is not defined before it")?;
            self.policy.quorum = Some(rule.clone());
        }
        Ok(())
    }
}

impl FromStr for Policy {
    type Err = BadPolicy;
    fn from_str(text: &str) -> Result<Self, BadPolicy> {
        let mut reader = Reader::default();
        for (number, line) in text.lines().enumerate() {
            let words: Vec<&str> =
                line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            let done = reader.line(&words);
            done.map_err(|wrong| BadPolicy { line: number + 1, wrong })?;
        }
        match reader.has_quorum {
            true => Ok(reader.policy),
            false => Err(BadPolicy { line: text.lines().count(), wrong: "there is no quorum" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tlog::note::SignerKey;

    fn key(n: u8) -> VerifierKey {
        let name = format!("w{n}.example");
        SignerKey::new(&name, &[n; 32]).unwrap().verifier(KeyKind::Cosignature)
    }

    fn text() -> String {
        let key = |n| key(n).to_string();
        format!(
            "# two of three auditors, and the bureau\n\nwitness X1 {} https://x1.example/\n\
             witness X2 {}\n  witness\tX3 {}\nwitness Y {}\ngroup X 2 X1 X2 X3\n\
             group all-of-them all X Y\nquorum all-of-them\n",
            key(1),
            key(2),
            key(3),
            key(4)
        )
    }

    #[test]
    fn a_quorum_is_met_by_enough_of_each_group() {
        let policy: Policy = text().parse().unwrap();
        assert_eq!(policy.witnesses[0].url.as_deref(), Some("https://x1.example"));
        for (who, enough) in [
            (&[1u8, 2, 4][..], true),
            (&[1, 2, 3, 4], true),
            (&[1, 4], false),
            (&[1, 2, 3], false),
            (&[], false),
        ] {
            let cosigned: Vec<VerifierKey> = who.iter().map(|n| key(*n)).collect();
            assert_eq!(policy.is_met(|key| cosigned.contains(key)), enough, "{who:?}");
        }
        let none: Policy = "quorum none\n".parse().unwrap();
        assert!(none.is_met(|_| false) && !none.needs_witnesses());
        assert_eq!(none, Policy::default());
    }

    #[test]
    fn a_policy_that_is_no_policy_names_its_line() {
        let text = text();
        let log = SignerKey::new("a", &[9; 32]).unwrap().verifier(KeyKind::Ed25519).to_string();
        for (bad, line) in [
            (String::new(), 0),
            (text.replace("quorum all-of-them\n", ""), 8),
            (text.replace("quorum all-of-them", "quorum all"), 9),
            (format!("{text}quorum none\n"), 10),
            (text.replace("group X 2", "group X 4"), 7),
            (text.replace("group X 2", "group X 0"), 7),
            (text.replace("group X 2", "group X some"), 7),
            (text.replace("X1 X2 X3", "X1 X2 X4"), 7),
            (text.replace("all X Y", "all X Y X1"), 8),
            (text.replace("witness X2", "witness X1"), 4),
            (text.replace("witness X2", "witness none"), 4),
            (text.replace(&key(2).to_string(), &key(1).to_string()), 4),
            (text.replace(&key(2).to_string(), &log), 4),
            (text.replace("witness Y", "observer Y"), 6),
        ] {
            assert_eq!(bad.parse::<Policy>().map_err(|bad| bad.line), Err(line), "{bad}");
        }
    }
}
