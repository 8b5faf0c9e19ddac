//! Which entries an auditor asks for.

use crate::identity::model::OrganisationId;
use crate::kernel::class::Class;
use crate::kernel::id::PublicId;
use crate::kernel::time::Moment;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// Entries that one request looks at.
pub const MOST_SCANNED: u64 = 50_000;

/// Rows of one answer at the most; of files more.
const MOST_ROWS: u32 = 200;
const MOST_ROWS_OF_FILES: u32 = 10_000;

/// How a table is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    #[default]
    Json,
    /// A line of JSON a row, the last one about the whole.
    Jsonl,
    /// UTF-8 with a byte-order mark.
    Csv,
    Xlsx,
}

/// Filters, all of which an entry must pass.
#[derive(Clone, Debug, Default, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// The first position; `next` of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// Rows: at most 200, of files 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Not before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub since: Option<Moment>,
    /// Before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub before: Option<Moment>,
    /// An entry type, or with a dot at its end all of a slice: `redemption.captured`, `voucher.`.
    #[param(inline)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Name>,
    /// A class, or a family with all of its classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub class: Option<Class>,
    /// The retailer: `org_0_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub retailer: Option<OrganisationId>,
    /// A pseudonym of this book.
    #[param(inline)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Name>,
    /// What the entry is about: `vch_17_…`, `rdm_17_…`.
    #[param(inline)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thing: Option<Name>,
    /// Fen at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_fen: Option<i64>,
    /// Fen at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_fen: Option<i64>,
    #[param(inline)]
    #[serde(default)]
    pub format: Format,
}

/// A short word of letters, digits, `.`, `_` and `-`: filters stand in the log of readings, where
/// nothing free is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl TryFrom<String> for Name {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Name, &'static str> {
        let known = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        match (1..=64).contains(&text.len()) && text.bytes().all(known) {
            true => Ok(Name(text)),
            false => Err("1 to 64 letters, digits, '.', '_' or '-'"),
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How many rows an answer of a format has.
pub fn rows(limit: Option<u32>, format: Format) -> usize {
    let most = if format == Format::Json { MOST_ROWS } else { MOST_ROWS_OF_FILES };
    let limit = limit.unwrap_or(if format == Format::Json { 50 } else { most });
    limit.clamp(1, most) as usize
}

impl Filter {
    /// Whether a leaf passes everything but the place.
    pub fn passes(&self, leaf: &Value) -> bool {
        let text = |name: &str| leaf[name].as_str().unwrap_or_default();
        let said = |name: &str| leaf["data"][name].as_str().unwrap_or_default();
        let at: Option<Moment> = text("at").parse().ok();
        let fen = amount(leaf);
        let kind = |kind: &Name| match kind.0.ends_with('.') {
            true => text("kind").starts_with(&kind.0),
            false => text("kind") == kind.0,
        };
        let class = |class: &Class| {
            let is = said("class");
            let family = is.strip_prefix(class.as_str());
            family.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let retailer = |id: &OrganisationId| {
            let actor = text("actor").split_once(':').map(|(_, actor)| actor);
            said("retailer") == id.to_string() || actor == Some(&id.uuid().simple().to_string())
        };
        let thing = |id: &Name| {
            let id = id.0.parse::<PublicId>().map(|id| id.id.simple().to_string());
            id.is_ok_and(|id| text("about") == id || said("voucher") == id)
        };
        self.since.is_none_or(|since| at >= Some(since))
            && self.before.is_none_or(|before| at < Some(before))
            && self.kind.as_ref().is_none_or(kind)
            && self.class.as_ref().is_none_or(class)
            && self.retailer.as_ref().is_none_or(retailer)
            && self.subject.as_ref().is_none_or(|subject| text("subj") == subject.0)
            && self.thing.as_ref().is_none_or(thing)
            && self.min_fen.is_none_or(|least| fen >= least)
            && self.max_fen.is_none_or(|most| fen <= most)
    }
}

/// What an entry is about in fen: the amount that it names, its hold, or what its legs move.
pub fn amount(leaf: &Value) -> i64 {
    let named = |name: &str| leaf["data"][name].as_i64();
    let legs = leaf["legs"].as_array().into_iter().flatten();
    let moved = legs.filter_map(|leg| leg[1].as_i64()).filter(|fen| *fen > 0).sum();
    named("amount_fen").or(named("hold_fen")).unwrap_or(moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_filter_lets_its_own_pass_and_others_not() {
        let leaf = json!({"at": "2025-06-10T04:00:00.000000Z", "kind": "voucher.claimed",
            "about": "0198".to_owned() + &"0".repeat(28), "subj": "ab".repeat(16),
            "actor": "retailer:".to_owned() + &"1".repeat(32),
            "legs": [["available", -500], ["held", 500]], "data": {"class": "appliance.tv"}});
        let thing = format!("vch_1_0198{}", "0".repeat(28));
        for (query, passes) in [
            (json!({}), true),
            (json!({"since": "2025-06-10T12:00:00+08:00"}), true),
            (json!({"since": "2025-06-10T12:00:01+08:00"}), false),
            (json!({"before": "2025-06-10T12:00:00+08:00"}), false),
            (json!({"before": "2025-06-10T12:00:01+08:00"}), true),
            (json!({"kind": "voucher."}), true),
            (json!({"kind": "voucher.claimed"}), true),
            (json!({"kind": "voucher"}), false),
            (json!({"class": "appliance"}), true),
            (json!({"class": "appliance.tv"}), true),
            (json!({"class": "appliance.washer"}), false),
            (json!({"retailer": format!("org_0_{}", "1".repeat(32))}), true),
            (json!({"retailer": format!("org_0_{}", "2".repeat(32))}), false),
            (json!({"subject": "ab".repeat(16)}), true),
            (json!({"subject": "cd".repeat(16)}), false),
            (json!({"thing": thing}), true),
            (json!({"thing": thing.replace("0198", "0199")}), false),
            (json!({"min_fen": 500, "max_fen": 500}), true),
            (json!({"min_fen": 501}), false),
            (json!({"max_fen": 499}), false),
        ] {
            let filter: Filter = serde_json::from_value(query.clone()).expect("a filter");
            assert_eq!(filter.passes(&leaf), passes, "{query}");
        }
        for query in [json!({"subject": "=1+1"}), json!({"kind": "x y"}), json!({"other": 1})] {
            assert!(serde_json::from_value::<Filter>(query).is_err());
        }
    }
}
