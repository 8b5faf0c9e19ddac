//! What the rules say: a programme is a TOML file, and this module reads, checks and applies it.
//!
//! **A file is one version of one programme**, immutable once published and named by the SHA-256
//! of its bytes. `format.rs` is the file's shape, key by key; `compile.rs` turns it into a
//! [`Programme`] or into [`Complaint`]s with line numbers. Every figure names a source of the
//! file, every source its confidence, and the file brings worked examples that must pass.
//!
//! **Resolution** ([`Programmes::resolve`]): the city's programme, else its province's, else the
//! nation's. One that lists the class, or names it under `drops`, shadows the wider ones for its
//! whole validity, also while suspended. Of several versions of one programme the highest acts.
//!
//! **Order of judgement.** Phases in turn. In a phase the calendar comes first (suspension ends
//! the search; then opening hours, draw windows, deadlines, a voucher's end), then the rules in
//! the order of the file, last the amount. All refusals that apply are reported in that order; a
//! rule may supersede codes of others.
//!
//! **Conditions** are CEL. They see facts by the names below. A day is written as text,
//! `old_item.registered_on <= "2013-06-30"`, a place as its six digits in
//! `within(purchase.delivery_region, "320000")`; both become integers when the file is read. A
//! condition runs in the first phase in which all its facts can be known. Where a fact is absent
//! and the answer depends on it, the condition does not apply, unless it is `required`.
//!
//! **Two halves.** [`Programme::screen`] is everything that reads only facts and the moment.
//! [`judge`] is everything that depends on what the person already holds: integers only, on rows
//! that the caller has locked. Both are pure and total: no facts make them panic.
//!
//! **Applications** are submitted (phases `claim` and `reserve` together) and reviewed (`review`).
//! `checkout` has no claim of its own: its one reservation runs `claim` and `reserve`.
//!
//! Cost: one full screening of an appliance purchase takes some microseconds; see `workload.rs`.

#[macro_use]
mod fact;

mod accessors;
mod amount;
mod arithmetic;
mod calendar;
mod check;
mod compile;
mod compile_amount;
mod compile_rule;
mod complaint;
mod condition;
mod derivation;
mod evaluate;
mod examples;
mod expression;
mod facts;
mod format;
mod judge;
pub mod goods;
pub mod library;
mod model;
mod parse_facts;
pub mod publish;
mod resolve;
mod screen;
mod sentence;
pub mod store;
mod workload;

pub use amount::shares;
pub use arithmetic::{Rate, Rounding, RoundingMode};
pub use calendar::Interval;
pub use check::{Checked, check};
pub use complaint::Complaint;
pub use derivation::{Derivation, Step};
pub use evaluate::{Evaluation, Expect};
pub use examples::{Difference, Outcome, run_examples};
pub use fact::{Flow, Kind, Phase, Row, Source};
pub use facts::{FactError, Facts, Line, Value};
pub use judge::{Judged, Standing, Term, TermKind, judge};
pub use library::{Library, PROGRAMMES, SUBMISSION, Screened, Shelf};
pub use model::*;
pub use resolve::{Programmes, Resolution};
pub use screen::{Refused, Screening};
pub use workload::Workload;

fact_table! {
    // number, name, type, open or identifying, and who knows it from when on (`fact.rs`)
    PersonId, "person.id", Text, identifying, VAULT;
    PersonAge, "person.age", Int, identifying, VAULT;
    PersonLocation, "person.location", Region, open, CALLER;
    VoucherClaimedAt, "voucher.claimed_at", Moment, open, VOUCHER;
    VoucherChannel, "voucher.channel", Text, open, CLAIM;
    VoucherLotteryRound, "voucher.lottery_round", Int, open, VOUCHER;
    VoucherUntil, "voucher.until", Moment, open, VOUCHER_END;
    PriceFen, "purchase.price_fen", Fen, open, TILL;
    ListPriceFen, "purchase.list_price_fen", Fen, open, TILL;
    FiledPriceFen, "purchase.filed_price_fen", Fen, open, GOODS;
    PurchaseChannel, "purchase.channel", Text, open, TILL;
    PaymentChannel, "purchase.payment_channel", Text, open, TILL;
    Payer, "purchase.payer", Text, identifying, TILL;
    Recipient, "purchase.recipient", Text, identifying, TILL;
    DeliveryRegion, "purchase.delivery_region", Region, open, TILL;
    MixedBasket, "purchase.mixed_basket", Bool, open, TILL;
    Items, "purchase.items", Lines, open, TILL;
    InvoiceBuyer, "invoice.buyer", Text, identifying, HAND_OVER;
    InvoiceLines, "invoice.lines", Int, open, HAND_OVER;
    InvoiceSubsidisedLines, "invoice.subsidised_lines", Int, open, HAND_OVER;
    InvoiceIssuedOn, "invoice.issued_on", Day, open, HAND_OVER;
    InvoiceRegion, "invoice.region", Region, open, HAND_OVER;
    Gtin, "item.gtin", Text, open, TILL;
    Serial, "item.serial", Text, identifying, TILL;
    Imei, "item.imei", Text, identifying, TILL;
    Vin, "item.vin", Text, identifying, TILL;
    EnergyLabel, "item.energy_label", Int, open, GOODS;
    WaterLabel, "item.water_label", Int, open, GOODS;
    LabelScheme, "item.label_scheme", Bool, open, GOODS;
    CentralSet, "item.central_set", Bool, open, GOODS;
    InCatalogue, "item.in_catalogue", Bool, open, MODEL;
    Ccc, "item.ccc", Bool, open, MODEL;
    Battery, "item.battery", Text, open, MODEL;
    Power, "item.power", Text, open, MODEL;
    DisplacementMl, "item.displacement_ml", Int, open, MODEL;
    Emission, "item.emission", Text, open, MODEL;
    OpenedAndChecked, "item.opened_and_checked", Bool, open, HAND_OVER;
    RegisteredOn, "item.registered_on", Day, open, HAND_OVER;
    RegistrationRegion, "item.registration_region", Region, open, HAND_OVER;
    StillOwned, "item.still_owned", Bool, open, PORTS;
    OldOwner, "old_item.owner", Text, identifying, OLD_ITEM;
    OldFuel, "old_item.fuel", Text, open, OLD_ITEM;
    OldUse, "old_item.use", Text, open, OLD_ITEM;
    OldRegisteredOn, "old_item.registered_on", Day, open, OLD_ITEM;
    OldInNameSince, "old_item.in_name_since", Day, open, OLD_ITEM;
    OldPlateRegion, "old_item.plate_region", Region, open, OLD_ITEM;
    OldBattery, "old_item.battery", Text, open, OLD_ITEM;
    OldBatteryReturned, "old_item.battery_returned", Bool, open, OLD_ITEM;
    OldBatteryChecked, "old_item.battery_health_checked", Bool, open, OLD_ITEM;
    OldScrapCertificateOn, "old_item.scrap_certificate_on", Day, open, OLD_ITEM;
    OldDeregisteredOn, "old_item.deregistered_on", Day, open, OLD_ITEM;
    OldTransferredOn, "old_item.transferred_on", Day, open, OLD_ITEM;
    MerchantStatus, "merchant.status", Text, open, ORGANISATION;
    DwellingAcceptedOn, "dwelling.accepted_on", Day, open, DOCUMENTS;
    AppliedAt, "application.applied_at", Moment, open, SUBMISSION;
    GrantBaseFen, "grant.base_fen", Fen, open, APPLICATION;
    GrantInterestFen, "grant.interest_by_year_fen", Fens, open, APPLICATION;
    GrantInvestmentFen, "grant.investment_fen", Fen, open, APPLICATION;
    // What the registers and books know. Typed forms judge it on locked rows; a condition that
    // reads it is refused at publication. Only examples and replays hand it in as facts.
    Redeemed, "history.redeemed", Counts, open, REGISTERS;
    RedeemedLastYear, "history.redeemed_last_year", Counts, open, REGISTERS;
    Refunded, "history.refunded", Counts, open, REGISTERS;
    RefundedChannels, "history.refunded_payment_channels", Texts, open, REGISTERS;
    UsedChannels, "history.payment_channels", Texts, open, REGISTERS;
    ClaimedElsewhere, "history.claimed_elsewhere", Bool, open, REGISTERS;
    PaidFen, "history.paid_fen", Counts, open, REGISTERS;
    Lapsed, "history.lapsed", Int, open, REGISTERS;
    SerialSubsidised, "history.serial_subsidised", Bool, open, REGISTERS;
    VinSubsidisedAs, "history.vin_subsidised_as", Text, open, REGISTERS;
    DwellingSubsidised, "dwelling.subsidised", Bool, open, REGISTERS;
    LeftTodayFen, "budget.left_today_fen", Fen, open, REGISTERS;
}
