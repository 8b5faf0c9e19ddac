//! What a fact is: its type, where each flow gets it, and from which phase on it is known.
//!
//! The table itself stands in `mod.rs`; the macro here turns it into the numbers by which facts
//! are stored (`Fact`) and the rows by which they are parsed, typed and sorted (`TABLE`).

pub(crate) use super::Fact;
use super::TABLE;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::LazyLock;

/// The way a purchase takes from the person to the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// Claimed first, then reserved and captured at the till; the retailer is paid.
    Voucher,
    /// Reserved and captured at the till without a claim; the retailer is paid.
    Checkout,
    /// Over before it is submitted; an office reviews it, and the applicant is paid.
    Application,
}

/// The moment of a purchase at which a fact becomes known and a condition runs, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Claim,
    Reserve,
    Capture,
    Review,
}

impl Phase {
    pub const ALL: [Phase; 4] = [Phase::Claim, Phase::Reserve, Phase::Capture, Phase::Review];

    /// As it is written in files: `reserve`.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Claim => "claim",
            Phase::Reserve => "reserve",
            Phase::Capture => "capture",
            Phase::Review => "review",
        }
    }
}

/// Who supplies a fact. A request may carry only those of the caller's own side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Caller,
    Till,
    Documents,
    Vault,
    Goods,
    OldItem,
    Organisation,
    Registers,
    Book,
    Ports,
}

/// The type of a fact. Only the first seven can be read by a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Int,
    /// Money in whole fen, never negative.
    Fen,
    Text,
    Day,
    Moment,
    Region,
    /// The lines of an order, class and price each.
    Lines,
    /// A list of money.
    Fens,
    /// Class to count, or class to fen.
    Counts,
    Texts,
}

/// Who supplies a fact in each flow, and from which phase on it is known: voucher, checkout,
/// application; `None` where the flow never knows it.
pub(crate) type Known = [Option<(Source, Phase)>; 3];

/// The words of the table's last column.
pub(crate) mod known {
    use super::Known;
    use super::Phase::{Capture, Claim, Reserve, Review};
    use super::Source::*;

    pub const VAULT: Known = [Some((Vault, Claim)); 3];
    pub const CALLER: Known = [Some((Caller, Claim)); 3];
    pub const CLAIM: Known = [Some((Caller, Claim)), None, None];
    pub const VOUCHER: Known = [Some((Book, Claim)), None, None];
    pub const VOUCHER_END: Known = [Some((Book, Reserve)), None, None];
    pub const TILL: Known = or_documents((Till, Reserve));
    pub const HAND_OVER: Known = or_documents((Till, Capture));
    pub const MODEL: Known = or_documents((Goods, Reserve));
    pub const OLD_ITEM: Known = or_documents((OldItem, Reserve));
    pub const GOODS: Known = [Some((Goods, Reserve)); 3];
    pub const ORGANISATION: Known = [Some((Organisation, Reserve)); 3];
    pub const DOCUMENTS: Known = [Some((Documents, Reserve)); 3];
    pub const PORTS: Known = [Some((Ports, Review)); 3];
    pub const SUBMISSION: Known = [None, None, Some((Caller, Reserve))];
    pub const APPLICATION: Known = [None, None, Some((Documents, Reserve))];
    pub const REGISTERS: Known = [Some((Registers, Claim)); 3];

    /// In the till flows from there; in an application the applicant's documents say it.
    const fn or_documents(till: (super::Source, super::Phase)) -> Known {
        [Some(till), Some(till), Some((Documents, Reserve))]
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    pub name: &'static str,
    pub kind: Kind,
    /// Says who somebody is, or can be traced to a person or a thing. Such a fact never enters a
    /// leaf; of a condition that reads it only the outcome does.
    pub identifying: bool,
    pub(crate) known: Known,
}

impl Row {
    /// Source and first phase of this fact in a flow; `None` where the flow never knows it.
    pub fn in_flow(&self, flow: Flow) -> Option<(Source, Phase)> {
        self.known[flow as usize]
    }

    /// Whether registers or books know it, so that only typed forms may judge it.
    pub fn is_history(&self) -> bool {
        self.known == known::REGISTERS
    }
}

macro_rules! identifying {
    (open) => {
        false
    };
    (identifying) => {
        true
    };
}

macro_rules! fact_table {
    ($($fact:ident, $name:literal, $kind:ident, $open:ident, $known:ident;)*) => {
        /// The number of a fact: the slot in which [`Facts`] keeps it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Fact { $($fact),* }

        impl Fact {
            /// Every fact, in the order of the table.
            pub const ALL: &[Fact] = &[$(Fact::$fact),*];
        }

        /// The table, indexed by the number of the fact.
        pub(crate) const TABLE: &[$crate::programme::fact::Row] = &[$($crate::programme::fact::Row {
            name: $name,
            kind: $crate::programme::fact::Kind::$kind,
            identifying: identifying!($open),
            known: $crate::programme::fact::known::$known,
        }),*];
    };
}

static BY_NAME: LazyLock<HashMap<&'static str, Fact>> =
    LazyLock::new(|| Fact::ALL.iter().map(|fact| (fact.row().name, *fact)).collect());

impl Fact {
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The fact of a dotted name: `purchase.price_fen`.
    pub fn named(name: &str) -> Option<Fact> {
        BY_NAME.get(name).copied()
    }
}

/// A set of facts, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FactSet(u128);

const _: () = assert!(TABLE.len() <= 128, "a FactSet has 128 bits");

impl FactSet {
    pub fn insert(&mut self, fact: Fact) {
        self.0 |= 1 << fact as u8;
    }

    pub fn extend(&mut self, facts: &[Fact]) {
        facts.iter().for_each(|fact| self.insert(*fact));
    }

    pub fn iter(self) -> impl Iterator<Item = Fact> {
        Fact::ALL.iter().copied().filter(move |fact| self.0 >> (*fact as u8) & 1 == 1)
    }
}
