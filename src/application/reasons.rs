//! Why a correction is asked for, an application is rejected, or less is granted: a closed list,
//! since entries hold no free text, and the codes of the programme's own rules.

use crate::http::problem::Problem;
use crate::kernel::refusal::Refusal;
use crate::programme::Programme;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// What an office may find beside what the rules say.
const REASONS: &[Refusal] = &[
    Refusal::new("DOCUMENT_MISSING", "缺少材料", "a document is missing"),
    Refusal::new("DOCUMENT_UNREADABLE", "材料无法辨认", "a document cannot be read"),
    Refusal::new(
        "DOCUMENT_MISMATCH",
        "填报内容与材料不一致",
        "what was entered differs from the documents",
    ),
    Refusal::new("DOCUMENT_FORGED", "材料不真实", "a document is not genuine"),
    Refusal::new("REGISTER_MISMATCH", "与登记信息不一致", "a public register says otherwise"),
    Refusal::new("PAYEE_WRONG", "收款账户有误", "the account is wrong"),
    Refusal::new("NO_CORRECTION", "未按要求补正", "what was asked for was not corrected"),
];

/// Why less than the ceiling is granted.
const LOWER: &[Refusal] = &[
    Refusal::new("APPROVED_BASE", "按核定基数计算", "taken of the base that the office approved"),
    Refusal::new("COST_NOT_ELIGIBLE", "部分支出不予支持", "a part of the cost is not eligible"),
    Refusal::new("MILESTONE_PARTIAL", "阶段目标部分完成", "the milestone is reached in part"),
    Refusal::new("OTHER_SUPPORT", "已获其他财政支持", "other public money pays a part"),
];

/// Checks codes against the lists.
///
/// # Errors
/// 400 for none, for too many, or for one that is unknown.
pub fn check(codes: &[String], programme: &Programme) -> Result<Vec<String>, Problem> {
    let known = |code: &String| find(code, programme).is_some();
    let distinct: BTreeSet<&String> = codes.iter().collect();
    if codes.is_empty() || codes.len() > 10 || distinct.len() < codes.len() {
        let (zh, en) = ("应为1至10个不同的原因代码", "1 to 10 different codes");
        return Err(Problem::bad_field("reasons", zh, en));
    }
    match codes.iter().all(known) {
        true => Ok(codes.to_vec()),
        false => Err(Problem::bad_field("reasons", "未知的原因代码", "an unknown code")),
    }
}

/// The reason of a lower figure.
///
/// # Errors
/// 400 for one that is unknown.
pub fn lower(code: &str) -> Result<&'static str, Problem> {
    let found = LOWER.iter().find(|reason| reason.code == code);
    let found = found.and_then(|reason| match &reason.code {
        std::borrow::Cow::Borrowed(code) => Some(*code),
        std::borrow::Cow::Owned(_) => None,
    });
    found.ok_or_else(|| Problem::bad_field("reason", "未知的原因代码", "an unknown code"))
}

fn find<'a>(code: &str, programme: &'a Programme) -> Option<&'a Refusal> {
    let closed = REASONS.iter().chain(LOWER);
    closed.chain(programme.refusals()).find(|reason| reason.code == code)
}

/// Every reason for a correction or a rejection, those of the programme's rules last.
pub fn all(programme: &Programme) -> impl Iterator<Item = &Refusal> {
    let mut told = BTreeSet::new();
    REASONS.iter().chain(programme.refusals()).filter(move |it| told.insert(it.code.clone()))
}

/// Every reason for a lower figure.
pub fn lowers() -> impl Iterator<Item = &'static Refusal> {
    LOWER.iter()
}

/// Codes with their sentences, for the applicant.
pub fn told(codes: &[String], programme: &Programme) -> Json {
    let told = |code: &String| match find(code, programme) {
        Some(reason) => json!({"code": code, "zh": reason.zh, "en": reason.en}),
        None => json!({"code": code}),
    };
    codes.iter().map(told).collect()
}

/// A sentence for the applicant: at most 500 characters.
///
/// # Errors
/// 400 for one that is too long or has control characters.
pub fn sentence(text: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let control = |c: char| c.is_control() && c != '\n';
    if text.chars().count() > 500 || text.chars().any(control) {
        let (zh, en) = ("最多500个字符", "at most 500 characters");
        return Err(Problem::bad_field("sentence", zh, en));
    }
    Ok(Some(text.to_owned()))
}
