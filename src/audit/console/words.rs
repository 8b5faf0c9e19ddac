//! The console's words, in Chinese and in English.

use crate::audit::export::meaning;
use crate::book::model::Bucket;
use crate::http::problem::Language;

/// A word of the console in the reader's language.
#[derive(Clone, Copy, Debug)]
pub struct Words(pub Language);

const WORDS: &[(&str, &str, &str)] = &[
    ("title", "审计台", "Audit console"),
    ("books", "账簿", "Books"),
    ("book", "账簿", "Book"),
    ("entries", "分录", "Entries"),
    ("story", "经过", "Story"),
    ("refusals", "拒绝", "Refusals"),
    ("burn_down", "资金消耗", "Budget burn-down"),
    ("sums", "核销汇总", "Redemptions"),
    ("head", "日志头", "Head of the log"),
    ("size", "分录数", "Entries"),
    ("root", "根哈希", "Root hash"),
    ("state", "状态", "State"),
    ("day", "日期", "Day"),
    ("class", "品类", "Class"),
    ("count", "笔数", "Count"),
    ("yuan", "金额（元）", "Yuan"),
    ("code", "代码", "Code"),
    ("kind", "类型", "Type"),
    ("retailer", "商户", "Retailer"),
    ("subject", "化名", "Pseudonym"),
    ("thing", "编号", "Id"),
    ("since", "起始时间", "Since"),
    ("before", "截止时间", "Before"),
    ("at", "时间", "Time"),
    ("entry", "序号", "Entry"),
    ("actor", "操作者", "Actor"),
    ("filter", "筛选", "Filter"),
    ("next", "下一页", "Next page"),
    ("none", "没有记录", "Nothing here"),
    ("skip", "跳到正文", "Skip to the content"),
    ("other", "English", "中文"),
    ("derivation", "金额推导", "Derivation of the amount"),
    ("signed", "已签名的分录数", "Signed entries"),
    ("unsigned", "日志尚未签名", "The log is not signed yet"),
    ("quorum", "见证", "Witnesses"),
    ("not_required", "未要求见证", "no witness is required"),
    ("met", "见证已达法定数", "the quorum is met"),
    ("not_met", "见证未达法定数", "the quorum is not met"),
    ("cosigned", "已会签", "cosigned"),
    ("not_cosigned", "未会签", "not cosigned"),
    ("rows", "行", "rows"),
    ("recorded", "本次查阅已记入登记簿。", "This reading is on record in the register book."),
    ("days_chart", "每日余额图，数据见下表", "Balances by day; the numbers are in the table below"),
    (
        "bars_chart",
        "拒绝次数图，数据见下表",
        "Refusals by code; the numbers are in the table below",
    ),
];

impl Words {
    /// # Panics
    /// Never for the names in the templates: a test reads every page.
    pub fn get(&self, name: &str) -> &'static str {
        let found = WORDS.iter().find(|(of, ..)| *of == name);
        let (_, zh, en) = found.copied().unwrap_or(("", "？", "?"));
        if self.is_zh() { zh } else { en }
    }

    /// What a bucket is called.
    pub fn bucket(&self, bucket: Bucket) -> &'static str {
        let (zh, _) = meaning(bucket);
        if self.is_zh() { zh } else { bucket.name() }
    }

    pub fn is_zh(&self) -> bool {
        self.0 == Language::Chinese
    }

    /// For `lang` and for links: `zh` or `en`.
    pub fn tag(&self) -> &'static str {
        if self.is_zh() { "zh" } else { "en" }
    }

    pub fn other_tag(&self) -> &'static str {
        if self.is_zh() { "en" } else { "zh" }
    }
}
