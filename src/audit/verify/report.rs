//! What a verification counted, and the first thing that is wrong.

use std::fmt;

/// What is checked, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    Signatures,
    Tree,
    Since,
    Order,
    Schema,
    Postings,
    Buckets,
    Rules,
    States,
    Amounts,
    Slots,
    Marks,
}

impl Check {
    pub const ALL: [Check; 12] = [
        Check::Signatures,
        Check::Tree,
        Check::Since,
        Check::Order,
        Check::Schema,
        Check::Postings,
        Check::Buckets,
        Check::Rules,
        Check::States,
        Check::Amounts,
        Check::Slots,
        Check::Marks,
    ];

    /// Its name in a line for people, in English and Chinese.
    pub fn name(self) -> (&'static str, &'static str) {
        match self {
            Check::Signatures => ("signatures", "签名"),
            Check::Tree => ("tree", "默克尔树"),
            Check::Since => ("since", "与旧检查点一致"),
            Check::Order => ("order and time", "次序与时间"),
            Check::Schema => ("schema", "格式"),
            Check::Postings => ("postings", "借贷平衡"),
            Check::Buckets => ("buckets", "余额不为负"),
            Check::Rules => ("rule texts", "规则文本"),
            Check::States => ("states", "状态流转"),
            Check::Amounts => ("amounts", "金额复算"),
            Check::Slots => ("slots", "限额"),
            Check::Marks => ("marks", "唯一标识"),
        }
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub check: Check,
    /// The entry in which it shows; nothing where it is about no entry.
    pub entry: Option<u64>,
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry {
            Some(entry) => write!(f, "entry {entry}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// One check, done.
#[derive(Clone, Debug, Default)]
struct Done {
    counted: Option<String>,
    faults: u64,
    first: Option<Fault>,
}

/// What came of a verification.
#[derive(Clone, Debug)]
pub struct Report {
    /// `310000/appliance/2026`, or `register`.
    pub book: String,
    pub size: u64,
    done: [Done; Check::ALL.len()],
}

impl Report {
    pub(super) fn new(size: u64) -> Report {
        Report { book: String::new(), size, done: Default::default() }
    }

    /// Says what a check counted; a check that counts nothing is not told.
    pub(super) fn counted(&mut self, check: Check, what: impl Into<String>) {
        self.done[check as usize].counted = Some(what.into());
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        let done = &mut self.done[fault.check as usize];
        done.faults += 1;
        let place = |fault: &Fault| fault.entry.unwrap_or(u64::MAX);
        if done.first.as_ref().is_none_or(|first| place(&fault) < place(first)) {
            done.first = Some(fault);
        }
    }

    pub(super) fn say(&mut self, check: Check, entry: Option<u64>, what: impl Into<String>) {
        self.fault(Fault { check, entry, what: what.into() });
    }

    pub fn is_good(&self) -> bool {
        self.done.iter().all(|done| done.faults == 0)
    }

    /// The first thing that is wrong of a check.
    pub fn first_of(&self, check: Check) -> Option<&Fault> {
        self.done[check as usize].first.as_ref()
    }

    /// The first bad entry of all checks; of what is about no entry the first check's.
    pub fn first(&self) -> Option<&Fault> {
        let faults = self.done.iter().filter_map(|done| done.first.as_ref());
        faults.min_by_key(|fault| fault.entry.unwrap_or(u64::MAX))
    }

    /// One line for each check that was made.
    pub fn lines(&self) -> Vec<String> {
        let line = |check: Check| {
            let done = &self.done[check as usize];
            let (en, zh) = check.name();
            match (&done.first, &done.counted) {
                (Some(first), _) => Some(format!(
                    "BAD  {en} {zh}: {first}{}",
                    if done.faults > 1 {
                        format!(" (and {} more)", done.faults - 1)
                    } else {
                        String::new()
                    }
                )),
                (None, Some(counted)) => Some(format!("ok   {en} {zh}: {counted}")),
                (None, None) => None,
            }
        };
        Check::ALL.into_iter().filter_map(line).collect()
    }
}

/// Why nothing could be said.
#[derive(Debug, thiserror::Error)]
pub enum CannotCheck {
    #[error("{path} cannot be read: {why}")]
    Unreadable { path: String, why: String },
    #[error("{0}")]
    Unfit(String),
}
