//! What codes and values are called on a page.

use super::Tongue;
use crate::application::clock::{ClockState, Reading};
use crate::application::port::model::{Answer, Neighbour, NoAnswer};
use crate::kernel::time::{Moment, shanghai};
use crate::programme::{Fact, Value};
use serde_json::Value as Json;

/// A clock, as a word and for its style.
pub struct ClockText {
    pub state: &'static str,
    pub text: String,
}

pub fn clock(l: Tongue, reading: &Reading) -> ClockText {
    let (days, due) = (reading.days_left, reading.due_on);
    let on = due.map(|day| day.format("%m-%d").to_string()).unwrap_or_default();
    let late = -days;
    let (state, zh, en) = match reading.state {
        ClockState::Running => {
            ("running", format!("剩{days}天（至{on}）"), format!("{days} days left (to {on})"))
        }
        ClockState::Stopped => {
            ("stopped", format!("暂停，剩{days}天"), format!("stopped, {days} days left"))
        }
        ClockState::Met => ("met", "按时".to_owned(), "in time".to_owned()),
        ClockState::Overdue => ("overdue", format!("超时{late}天"), format!("{late} days overdue")),
    };
    ClockText { state, text: l.say(&zh, &en).to_owned() }
}

/// A moment as people in China read it.
pub fn moment(at: Moment) -> String {
    at.with_timezone(&shanghai()).format("%Y-%m-%d %H:%M").to_string()
}

/// The value of a fact: yuan, not fen.
pub fn value(l: Tongue, value: &Value) -> String {
    match value {
        Value::Bool(true) => l.say("是", "yes").to_owned(),
        Value::Bool(false) => l.say("否", "no").to_owned(),
        Value::Fen(fen) => format!("{fen} {}", l.say("元", "yuan")),
        Value::Moment(at) => moment(*at),
        Value::Text(text) => text.to_string(),
        Value::Day(day) => day.to_string(),
        Value::Region(region) => region.to_string(),
        other => other.to_json().to_string(),
    }
}

pub fn fact(l: Tongue, fact: Fact) -> String {
    named(l, fact.row().name)
}

/// What a field is called; its own name where it has no other.
pub fn named(l: Tongue, name: &str) -> String {
    let found = NAMES.iter().find(|(own, ..)| *own == name);
    found.map_or_else(|| name.to_owned(), |(_, zh, en)| l.say(zh, en).to_owned())
}

const NAMES: &[(&str, &str, &str)] = &[
    ("person.id", "申请人编号", "applicant's id"),
    ("person.age", "申请人年龄", "applicant's age"),
    ("person.location", "申请人所在地", "applicant's place"),
    ("purchase.price_fen", "购买价格", "price"),
    ("invoice.buyer", "发票抬头", "buyer on the invoice"),
    ("invoice.issued_on", "开票日期", "invoice issued on"),
    ("invoice.region", "开票地", "place of the invoice"),
    ("item.vin", "新车车辆识别代号", "VIN of the new car"),
    ("item.power", "新车动力", "power of the new car"),
    ("item.displacement_ml", "排量（毫升）", "displacement (ml)"),
    ("item.emission", "排放标准", "emission stage"),
    ("item.in_catalogue", "在免征目录内", "in the tax catalogue"),
    ("item.registered_on", "新车注册登记日期", "new car registered on"),
    ("item.registration_region", "新车登记地", "place of registration"),
    ("item.still_owned", "新车仍在名下", "still owned"),
    ("old_item.owner", "旧车所有人", "owner of the old car"),
    ("old_item.fuel", "旧车燃料", "fuel of the old car"),
    ("old_item.use", "旧车使用性质", "use of the old car"),
    ("old_item.registered_on", "旧车注册登记日期", "old car registered on"),
    ("old_item.in_name_since", "旧车登记在名下日期", "in the name since"),
    ("old_item.plate_region", "旧车号牌所在地", "place of the old plate"),
    ("old_item.scrap_certificate_on", "交售日期（回收证明）", "handed over (certificate)"),
    ("old_item.deregistered_on", "旧车注销日期", "old car deregistered on"),
    ("old_item.transferred_on", "旧车过户日期", "old car transferred on"),
    ("dwelling.accepted_on", "验收日期", "accepted on"),
    ("application.applied_at", "提交时间", "submitted at"),
    ("number", "号码", "number"),
    ("issued_on", "日期", "issued on"),
    ("total_fen", "金额（分）", "total (fen)"),
    ("vin", "车辆识别代号", "VIN"),
    ("region", "地区", "region"),
    ("handed_over_on", "交售日期", "handed over on"),
    ("deregistered_on", "注销日期", "deregistered on"),
    ("registered_on", "注册登记日期", "registered on"),
    ("transferred_on", "过户日期", "transferred on"),
    ("in_name_since", "登记在名下日期", "in the name since"),
    ("signed_on", "签订日期", "signed on"),
    ("asset", "设备或项目", "asset"),
    ("contract", "合同编号", "contract"),
    ("years", "分年利息", "interest by year"),
    ("accepted_on", "验收日期", "accepted on"),
    ("is_known", "有此车辆登记", "such a vehicle is registered"),
    ("is_holder", "现登记在申请人名下", "in the applicant's name now"),
    ("use", "使用性质", "use"),
    ("is_genuine", "发票真实", "the invoice is genuine"),
    ("is_void", "已作废或红冲", "cancelled"),
    ("drawn", "外省已享受", "drawn elsewhere"),
];

/// Who was asked.
pub fn neighbour(l: Tongue, neighbour: Neighbour) -> &'static str {
    match neighbour {
        Neighbour::VehicleRegister => l.say("机动车登记", "Vehicle register"),
        Neighbour::InvoiceCheck => l.say("发票查验", "Invoice check"),
        Neighbour::Holdings => l.say("全国享受记录", "National holdings"),
    }
}

/// What it said, in a line.
pub fn said(l: Tongue, answer: &Answer) -> String {
    let fields = match &answer.said {
        Ok(Json::Object(fields)) => fields,
        Ok(other) => return other.to_string(),
        Err(none) => return no_answer(l, *none).to_owned(),
    };
    let text = |value: &Json| match value {
        Json::Bool(true) => l.say("是", "yes").to_owned(),
        Json::Bool(false) => l.say("否", "no").to_owned(),
        Json::String(text) => text.clone(),
        Json::Array(items) if items.is_empty() => l.say("无", "nothing").to_owned(),
        other => other.to_string(),
    };
    let told = fields.iter().filter(|(_, value)| !value.is_null());
    let line = told.map(|(name, value)| format!("{} {}", named(l, name), text(value)));
    line.collect::<Vec<_>>().join(l.say("；", "; "))
}

fn no_answer(l: Tongue, none: NoAnswer) -> &'static str {
    match none {
        NoAnswer::NotConnected => l.say("未接入，无结果", "not connected: no answer"),
        NoAnswer::Unreachable => l.say("无法连接，无结果", "unreachable: no answer"),
        NoAnswer::TimedOut => l.say("超时，无结果", "timed out: no answer"),
        NoAnswer::Refused => l.say("对方拒绝，无结果", "refused: no answer"),
        NoAnswer::Malformed => l.say("返回内容有误，无结果", "malformed: no answer"),
    }
}
