//! From a file's text to a programme, or to everything that is wrong with it.

use super::amount::Table;
use super::calendar::{DailyHours, Interval, VoucherEnd};
use super::complaint::{Complaint, Complaints};
use super::evaluate::Expect;
use super::fact::Flow;
use super::facts::Facts;
use super::format::{self, EndAt, File, SourceText};
use super::model::{
    ApplicationWindow, Cited, Group, OldItemOwner, OldItemPolicy, Opening, Programme,
    QualificationAfterRefund, RefundPolicy, RestoredOn, Round, Vouchers,
};
use super::parse_facts;
use super::{compile_amount, compile_rule};
use crate::kernel::class::Class;
use crate::kernel::money::Fen;
use crate::kernel::region::Region;
use crate::kernel::time::{Moment, day_start};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;

/// A worked example of a file.
#[derive(Debug)]
pub(crate) struct FileExample {
    pub span: Range<usize>,
    pub id: String,
    pub region: Region,
    pub class: Class,
    pub at: Moment,
    pub facts: Facts,
    pub expect: Expect,
}

/// A file that compiled.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub programme: Arc<Programme>,
    pub examples: Vec<FileExample>,
}

/// What every part of the compilation needs: complaints, sources, flow.
pub(crate) struct Workshop<'a> {
    pub complaints: Complaints<'a>,
    pub flow: Flow,
    pub classes: Vec<Class>,
    sources: BTreeSet<String>,
    named: BTreeSet<String>,
}

impl Workshop<'_> {
    /// Complains where a figure names a source that the file does not have.
    pub fn source(&mut self, span: &Range<usize>, source: &str) {
        if !self.sources.contains(source) {
            self.complaints.add(span.clone(), format!("[sources] has no {source:?}"));
        }
        self.named.insert(source.to_owned());
    }

    /// A day or moment.
    pub fn moment(&mut self, span: &Range<usize>, text: &str) -> Option<Moment> {
        let day = parse_facts::day(text).map(day_start);
        let moment = day.or_else(|| parse_facts::moment(text));
        if moment.is_none() {
            let reason = format!("{text:?} is neither a day nor a moment with offset");
            self.complaints.add(span.clone(), reason);
        }
        moment
    }

    fn window(&mut self, span: &Range<usize>, from: &str, until: &str) -> Interval {
        let (from, until) = (self.moment(span, from), self.moment(span, until));
        if from.zip(until).is_some_and(|(from, until)| until <= from) {
            self.complaints.add(span.clone(), "ends before it begins");
        }
        Interval { from, until }
    }

    /// Complains about classes that the file does not list.
    pub fn own_classes(&mut self, span: &Range<usize>, classes: &[Class]) {
        for class in classes.iter().filter(|class| !self.classes.contains(class)) {
            self.complaints.add(span.clone(), format!("{class} is not among the file's classes"));
        }
    }
}

/// Compiles one file.
///
/// # Errors
/// All complaints, in the order of the file.
pub(crate) fn compile(text: &str) -> Result<Compiled, Vec<Complaint>> {
    let mut complaints = Complaints::about(text);
    let file: File = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            complaints.add(error.span().unwrap_or(0..0), error.message());
            return Err(complaints.into_found());
        }
    };
    let mut shop = Workshop {
        complaints,
        flow: file.flow,
        classes: file.classes.get_ref().clone(),
        sources: file.sources.keys().cloned().collect(),
        named: BTreeSet::new(),
    };
    head(&mut shop, &file);
    let valid = validity(&mut shop, &file);
    let amounts = compile_amount::tables(&mut shop, &file.amounts);
    let rules = compile_rule::rules(&mut shop, &file.rules);
    let vouchers = vouchers(&mut shop, &file);
    let application = application(&mut shop, &file);
    let examples = examples(&mut shop, &file);
    let programme =
        assemble(&mut shop, text, &file, Parts { valid, amounts, rules, vouchers, application });
    for name in file.sources.keys().filter(|name| !shop.named.contains(*name)) {
        let span = file.sources[name].span();
        shop.complaints.add(span, format!("no figure names the source {name:?}"));
    }
    let found = shop.complaints.into_found();
    if found.is_empty() {
        Ok(Compiled { programme: Arc::new(programme), examples })
    } else {
        Err(found)
    }
}

struct Parts {
    valid: Interval,
    amounts: Vec<Table>,
    rules: Vec<super::model::Rule>,
    vouchers: Vouchers,
    application: ApplicationWindow,
}

fn assemble(shop: &mut Workshop, text: &str, file: &File, parts: Parts) -> Programme {
    let from = parts.valid.from.unwrap_or(Moment::MIN_UTC);
    let valid = file.valid.get_ref();
    let decides_from = valid.decides_from.as_deref();
    let decides_from = decides_from.and_then(|text| shop.moment(&file.valid.span(), text));
    let till = file.till.as_ref();
    Programme {
        id: file.id.get_ref().clone(),
        version: *file.version.get_ref(),
        hash: hex::encode(Sha256::digest(text.as_bytes())),
        text: text.to_owned(),
        title: (file.title.zh.clone(), file.title.en.clone()),
        region: file.region,
        flow: file.flow,
        goods: file.goods,
        classes: file.classes.get_ref().clone(),
        drops: file.drops.clone(),
        sources: file.sources.iter().map(cited).collect(),
        assumes: file.assumes.clone(),
        evidence: file.evidence.clone(),
        valid: parts.valid,
        decides_from: decides_from.unwrap_or(from),
        suspensions: windows(shop, &file.suspensions),
        groups: groups(shop, file),
        vouchers: parts.vouchers,
        reservation_minutes: till.map_or(0, |till| till.reservation_minutes),
        late_capture_minutes: till.map_or(0, |till| till.late_capture_minutes),
        application: parts.application,
        line_classes: order(shop, file),
        old_item: old_item(shop, file),
        refund: refund(shop, file),
        budget: budget(shop, file),
        funding: funding(shop, file),
        amounts: parts.amounts,
        rules: parts.rules,
    }
}

fn cited((key, source): (&String, &Spanned<format::SourceText>)) -> Cited {
    let SourceText { title, confidence } = source.get_ref();
    Cited { key: key.clone(), title: title.clone(), confidence: *confidence }
}

/// Id, version, classes, and the tables that each flow must have.
fn head(shop: &mut Workshop, file: &File) {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let id = file.id.get_ref();
    if id.is_empty() || id.len() > 64 || !id.bytes().all(word) {
        shop.complaints.add(file.id.span(), "an id is lower-case letters, digits and '-'");
    }
    if *file.version.get_ref() == 0 {
        shop.complaints.add(file.version.span(), "versions count from 1");
    }
    let classes = file.classes.get_ref();
    let distinct: BTreeSet<&Class> = classes.iter().collect();
    if classes.is_empty() && file.drops.is_empty() || distinct.len() != classes.len() {
        shop.complaints.add(file.classes.span(), "classes must be there, and each once");
    }
    for class in file.drops.iter().filter(|class| distinct.contains(class)) {
        shop.complaints.add(file.classes.span(), format!("{class} is both paid and dropped"));
    }
    let start = file.id.span();
    let needs: [(&str, bool, bool); 3] = [
        ("[voucher]", file.voucher.is_some(), file.flow == Flow::Voucher),
        ("[till]", file.till.is_some(), file.flow != Flow::Application),
        ("[application]", file.application.is_some(), file.flow == Flow::Application),
    ];
    for (table, there, needed) in needs {
        if there != needed {
            let verb = if needed { "needs" } else { "has no use for" };
            shop.complaints.add(start.clone(), format!("this flow {verb} {table}"));
        }
    }
}

fn validity(shop: &mut Workshop, file: &File) -> Interval {
    let span = file.valid.span();
    let valid = file.valid.get_ref();
    shop.source(&span, &valid.source);
    shop.window(&span, &valid.from, &valid.until)
}

fn windows(shop: &mut Workshop, windows: &[Spanned<format::Window>]) -> Vec<Interval> {
    let mut found = Vec::new();
    for window in windows {
        let (span, window) = (window.span(), window.get_ref());
        shop.source(&span, &window.source);
        found.push(shop.window(&span, &window.from, &window.until));
    }
    found
}

fn groups(shop: &mut Workshop, file: &File) -> Vec<Group> {
    let mut seen = BTreeSet::new();
    let mut groups = Vec::new();
    for group in &file.groups {
        let (span, group) = (group.span(), group.get_ref());
        if group.classes.iter().any(|class| !seen.insert(class.clone())) {
            shop.complaints.add(span.clone(), "a class stands in two groups");
        }
        if !group.classes.iter().any(|class| shop.classes.contains(class)) {
            shop.complaints.add(span, "no class of this group is among the file's classes");
        }
        groups.push(Group { name: group.name.clone(), classes: group.classes.clone() });
    }
    groups
}

fn vouchers(shop: &mut Workshop, file: &File) -> Vouchers {
    let Some(voucher) = &file.voucher else { return Vouchers::default() };
    let mut vouchers = Vouchers::default();
    if voucher.ends.get_ref().is_empty() {
        shop.complaints.add(voucher.ends.span(), "says no end for any voucher");
    }
    for end in voucher.ends.get_ref() {
        let (span, end) = (end.span(), end.get_ref());
        shop.source(&span, &end.source);
        let when = match (end.days, end.counting, end.at) {
            (Some(days), Some(counting), None) => VoucherEnd::Days(days, counting),
            (None, None, Some(EndAt::SameDay)) => VoucherEnd::SameDay,
            (None, None, Some(EndAt::Sunday)) => VoucherEnd::Sunday,
            (None, None, Some(EndAt::Programme)) => VoucherEnd::Programme,
            _ => {
                let reason = "an end is days with counting, or at: same_day, sunday, programme";
                shop.complaints.add(span, reason);
                continue;
            }
        };
        vouchers.ends.push((end.channel.clone(), when));
    }
    for opening in &voucher.opening {
        let (span, opening) = (opening.span(), opening.get_ref());
        shop.source(&span, &opening.source);
        let from = DailyHours::minutes(&opening.from);
        let until = DailyHours::minutes(&opening.until);
        match from.zip(until).filter(|(from, until)| from < until) {
            Some((from, until)) => vouchers.openings.push(Opening {
                hours: DailyHours { from, until },
                channel: opening.channel.clone(),
                except_rounds: opening.except_rounds,
            }),
            None => shop.complaints.add(span, "hours go from HH:MM to a later HH:MM, up to 24:00"),
        }
    }
    for round in &voucher.rounds {
        let (span, round) = (round.span(), round.get_ref());
        shop.source(&span, &round.source);
        let window = shop.window(&span, &round.from, &round.until);
        vouchers.rounds.push(Round { round: i64::from(round.round), window });
    }
    if let Some(transition) = &voucher.transition {
        let (span, transition) = (transition.span(), transition.get_ref());
        shop.source(&span, &transition.source);
        vouchers.void_before = shop.moment(&span, &transition.voids_claimed_before);
    }
    vouchers
}

fn application(shop: &mut Workshop, file: &File) -> ApplicationWindow {
    let Some(application) = &file.application else { return ApplicationWindow::default() };
    let (span, text) = (application.span(), application.get_ref());
    shop.source(&span, &text.source);
    let mut moment =
        |text: &Option<String>| text.as_deref().and_then(|text| shop.moment(&span, text));
    ApplicationWindow {
        opens: moment(&text.opens),
        closes: moment(&text.closes),
        corrections_until: moment(&text.corrections_until),
        without_answer: text.without_answer,
    }
}

fn order(shop: &mut Workshop, file: &File) -> Option<Vec<Class>> {
    let order = file.order.as_ref()?;
    shop.source(&order.span(), &order.get_ref().source);
    Some(order.get_ref().line_classes.clone())
}

fn old_item(shop: &mut Workshop, file: &File) -> OldItemPolicy {
    let old = file.old_item.get_ref();
    shop.source(&file.old_item.span(), &old.source);
    OldItemPolicy {
        needed: old.needed,
        whose: old.whose.unwrap_or(OldItemOwner::Claimant),
        classes: old.classes.clone(),
    }
}

fn refund(shop: &mut Workshop, file: &File) -> RefundPolicy {
    let (span, refund) = (file.refund.span(), file.refund.get_ref());
    shop.source(&span, &refund.source);
    if refund.qualification == QualificationAfterRefund::Kept && refund.restored_on.is_some() {
        shop.complaints.add(span, "a qualification that is kept is never restored");
    }
    RefundPolicy {
        qualification: refund.qualification,
        restored_on: refund.restored_on.unwrap_or(RestoredOn::AtOnce),
        return_days: refund.return_days,
    }
}

fn budget(shop: &mut Workshop, file: &File) -> Option<Fen> {
    let budget = file.budget.as_ref()?;
    shop.source(&budget.span(), &budget.get_ref().source);
    let total = budget.get_ref().total_fen;
    if !total.is_positive() {
        shop.complaints.add(budget.span(), "a budget is more than nothing");
    }
    Some(total)
}

fn funding(shop: &mut Workshop, file: &File) -> Vec<(String, super::Rate)> {
    let Some(funding) = &file.funding else { return Vec::new() };
    shop.source(&funding.span(), &funding.get_ref().source);
    let shares: Vec<_> = funding.get_ref().shares.clone().into_iter().collect();
    if !super::Rate::make_a_whole(shares.iter().map(|(_, rate)| *rate)) {
        shop.complaints.add(funding.span(), "the shares do not add up to 100%");
    }
    shares
}

fn examples(shop: &mut Workshop, file: &File) -> Vec<FileExample> {
    if file.examples.get_ref().is_empty() {
        shop.complaints.add(file.examples.span(), "a programme brings its own examples");
    }
    let mut examples = Vec::new();
    for spanned in file.examples.get_ref() {
        let (span, example) = (spanned.span(), spanned.get_ref());
        shop.source(&span, &example.source);
        let json = serde_json::to_value(&example.facts).map_err(|error| error.to_string());
        let json = shop.complaints.take(span.clone(), json);
        let facts = json.map(|json| Facts::from_json(&json));
        let facts = facts.and_then(|facts| shop.complaints.take(span.clone(), facts));
        let at = shop.moment(&span, &example.at);
        let expect = example.expect.get_ref().parse();
        let expect = shop.complaints.take(example.expect.span(), expect);
        let (Some(facts), Some(at), Some(expect)) = (facts, at, expect) else { continue };
        let region = example.region.unwrap_or(file.region);
        let (id, class) = (example.id.clone(), example.class.clone());
        examples.push(FileExample { span, id, region, class, at, facts, expect });
    }
    examples
}
