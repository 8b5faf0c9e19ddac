//! What a person reads where a file gives no sentence of its own: for the calendar and for the
//! typed forms, whose codes mean the same everywhere.

use crate::kernel::refusal::Refusal;

/// The standing sentence of a code.
pub(crate) fn standing(code: &str) -> Option<&'static Refusal> {
    SENTENCES.iter().find(|refusal| refusal.code == code)
}

pub(crate) const NOT_COVERED: Refusal = Refusal::new(
    "CATEGORY_NOT_COVERED",
    "该品类此时不在本地补贴范围内；请查看本地现行方案的品类目录",
    "no programme in force here and now covers this class; see the list of classes",
);
pub(crate) const SUSPENDED: Refusal = Refusal::new(
    "PROGRAMME_SUSPENDED",
    "活动暂停领取；恢复后可再领取",
    "claiming is suspended; come back when it resumes",
);
pub(crate) const NOT_OPEN: Refusal = Refusal::new(
    "NOT_OPEN_YET",
    "尚未到开放时间；请在开放时间内办理",
    "it is not open at this moment; come back in the opening hours",
);
pub(crate) const WINDOW_MISSED: Refusal = Refusal::new(
    "CLAIM_WINDOW_MISSED",
    "中签后未在规定时间内领取，资格作废；可参加后续轮次",
    "the winners' claim window has closed and the win is forfeited; later rounds are open",
);
pub(crate) const EXPIRED: Refusal = Refusal::new(
    "VOUCHER_EXPIRED",
    "资格券已过有效期；如仍有名额可重新领取",
    "the voucher's validity has ended; claim again while there is quota",
);
pub(crate) const VOIDED: Refusal = Refusal::new(
    "VOUCHER_VOIDED_BY_RULE_CHANGE",
    "规则调整后原资格券作废；请按新规则重新领取",
    "the voucher was voided when the rules changed; claim again under the new ones",
);
pub(crate) const DEADLINE: Refusal = Refusal::new(
    "APPLICATION_DEADLINE_PASSED",
    "已过申请截止日期",
    "the last day for applications has passed",
);

const SENTENCES: &[Refusal] = &[
    Refusal::new(
        "QUOTA_EXHAUSTED",
        "本年度该品类的补贴次数或件数已用完",
        "the pieces or turns of this class and year are used up",
    ),
    Refusal::new(
        "QUOTA_NOT_RESTORED_AFTER_REFUND",
        "此前享受补贴的商品已退货，资格不予恢复",
        "an earlier subsidised purchase was refunded, and the qualification does not come back",
    ),
    Refusal::new(
        "CLAIMED_ELSEWHERE",
        "您已在外省领取或使用同品类资格",
        "you hold or have used this class in another province",
    ),
    Refusal::new(
        "LAPSE_LIMIT",
        "该品类和渠道逾期未使用次数已达上限，不能再领取",
        "too many vouchers of this class and channel were left unused; no more can be claimed",
    ),
    Refusal::new(
        "BUDGET_EXHAUSTED",
        "当日资金不足以支付全额补贴；请改日再来",
        "what is left of today's money does not cover the whole subsidy; come back another day",
    ),
    Refusal::new(
        "SERIAL_REUSED",
        "该商品序列号已享受过补贴",
        "this unit has been subsidised before",
    ),
    Refusal::new(
        "NEW_CAR_ALREADY_SUBSIDISED",
        "该新车已享受过报废更新或置换更新补贴",
        "this new car has already drawn a scrap or a replacement subsidy",
    ),
    Refusal::new(
        "OLD_ITEM_REUSED",
        "该旧品已用于享受补贴",
        "this old item has been handed in for a subsidy before",
    ),
    Refusal::new(
        "DWELLING_ALREADY_SUBSIDISED",
        "该住宅已享受过补贴",
        "this dwelling has already drawn the subsidy",
    ),
];
