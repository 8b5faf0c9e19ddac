//! Grants to firms: ceilings, approved bases, interest by the year under one cap, parts.

use super::office::{Office, id, stands};
use super::shop::codes;
use crate::support::world::{Answer, World};
use serde_json::{Value, json};
use tradein::identity::role::Role;

struct Firm {
    office: Office,
    token: String,
    books: Vec<i32>,
}

impl Firm {
    async fn at(moment: &str) -> Firm {
        let world = World::at(moment);
        world.publish(&["shanghai-grants-2024"]).await;
        let mut books = Vec::new();
        for year in 2024..=2027 {
            books.push(world.book("310000", "grant", year, 100_000_000).await);
        }
        let firm = world.organisation("enterprise", &[]).await;
        let token = world.organisation_token(Role::Enterprise, firm);
        Firm { office: Office::of(world).await, token, books }
    }

    async fn applies(&self, class: &str, first: Option<&str>, grant: Value) -> Answer {
        let mut body = json!({"region": "310000", "class": class, "papers": {"grant": grant},
            "payee": {"account": "3100 1234 5678 9012", "bank": "中国工商银行上海市分行"}});
        if let Some(first) = first {
            body["first"] = json!(first);
        }
        self.office.world.post(&self.token, "/v1/applications", body).await
    }

    async fn granted(&self, answer: &Answer, body: Value) -> Answer {
        let approved =
            self.office.acts(&self.office.reviewer, &id(answer), "approve", body).await.expect(200);
        assert_eq!(approved.body["application"]["state"], "approved", "above the limit");
        let done = self.office.acts(&self.office.second, &id(answer), "confirm", json!({})).await;
        done.expect(200)
    }
}

fn interest(year: i32, yuan: i64, day: &str) -> Value {
    json!({"interest": {"year": year, "fen": yuan * 100}, "investment_fen": 50_000_000_00i64,
        "documents_on": day, "asset": "LINE-7"})
}

#[actix_web::test]
async fn three_years_of_interest_reach_their_cap_in_the_third() {
    let class = "grant.techrenov_loan";
    let firm = Firm::at("2024-12-28T10:00:00+08:00").await;
    let year = |n: i32| interest(2023 + n, 16_000_000, &format!("{}-12-25", 2023 + n));
    let first = firm.applies(class, None, year(1)).await.expect(201);
    assert_eq!(stands(&first), ("submitted", 8_000_000_00));
    let first_id = id(&first);
    // The next year waits until this one is decided.
    firm.office.world.now_is("2025-12-28T10:00:00+08:00");
    let early = firm.applies(class, Some(&first_id), year(2)).await;
    early.refused(409, "EARLIER_PART_OPEN");
    firm.granted(&first, json!({})).await;
    let skipped = firm.applies(class, Some(&first_id), interest(2026, 1, "2025-12-25")).await;
    skipped.refused(422, "INTEREST_YEAR_NOT_NEXT");
    let second = firm.applies(class, Some(&first_id), year(2)).await.expect(201);
    assert_eq!(stands(&second), ("submitted", 8_000_000_00));
    assert_eq!(second.body["application"]["part_no"], 2);
    firm.granted(&second, json!({})).await;
    firm.office.world.now_is("2026-12-28T10:00:00+08:00");
    let third = firm.applies(class, Some(&first_id), year(3)).await.expect(201);
    assert_eq!(stands(&third), ("submitted", 4_000_000_00), "20 million in all");
    firm.granted(&third, json!({})).await;
    // Each year draws from the book of its year.
    for (book, payable) in firm.books.iter().zip([8_000_000, 8_000_000, 4_000_000, 0]) {
        assert_eq!(firm.office.money(*book).await, (100_000_000 - payable, 0, 0, payable));
    }
    firm.office.world.now_is("2027-12-28T10:00:00+08:00");
    let fourth = firm.applies(class, Some(&first_id), year(4)).await;
    fourth.refused(422, "GRANT_USED_UP");
    // One asset draws for a loan or for a lease.
    let lease = json!({"base_fen": 30_000_000_00i64, "investment_fen": 50_000_000_00i64,
        "documents_on": "2027-12-01", "asset": "line-7"});
    let lease = firm.applies("grant.techrenov_lease", None, lease).await;
    lease.refused(422, "ASSET_ALREADY_SUPPORTED");
}

#[actix_web::test]
async fn a_fourth_year_is_not_covered_though_the_cap_is_far() {
    let class = "grant.catalogue_buyer_loan";
    let firm = Firm::at("2024-12-28T10:00:00+08:00").await;
    let mut first = None;
    for year in 2024..=2027 {
        firm.office.world.now_is(&format!("{year}-12-28T10:00:00+08:00"));
        let grant = interest(year, 100_000, &format!("{year}-12-25"));
        let answer = firm.applies(class, first.as_deref(), grant).await;
        if year == 2027 {
            answer.refused(422, "GRANT_USED_UP");
            continue;
        }
        let answer = answer.expect(201);
        assert_eq!(stands(&answer), ("submitted", 50_000_00));
        firm.granted(&answer, json!({})).await;
        first.get_or_insert(id(&answer));
    }
}

#[actix_web::test]
async fn a_reviewer_grants_less_than_a_ceiling_and_says_why() {
    let firm = Firm::at("2024-12-28T10:00:00+08:00").await;
    let grant = json!({"base_fen": 2_000_000_00, "documents_on": "2024-12-01"});
    let submitted = firm.applies("grant.new_material_cert", None, grant).await.expect(201);
    assert_eq!(stands(&submitted), ("submitted", 600_000_00));
    let approve = async |body| {
        firm.office.acts(&firm.office.reviewer, &id(&submitted), "approve", body).await
    };
    approve(json!({"amount_fen": 400_000_00})).await.refused(400, "BAD_REQUEST");
    approve(json!({"amount_fen": 600_000_01, "reason": "OTHER_SUPPORT"}))
        .await
        .refused(400, "BAD_REQUEST");
    let lower = json!({"amount_fen": 400_000_00, "reason": "COST_NOT_ELIGIBLE"});
    assert_eq!(stands(&approve(lower).await.expect(200)), ("approved", 400_000_00));
    assert_eq!(firm.office.money(firm.books[0]).await, (99_600_000, 0, 400_000, 0));
    // Below the investment that the section asks for; and without a base.
    let small = json!({"base_fen": 1_000_000_00, "investment_fen": 19_999_999_99i64,
        "documents_on": "2024-12-01", "asset": "LINE-8"});
    let no = firm.applies("grant.techrenov_lease", None, small).await.expect(422);
    assert_eq!(codes(&no), ["INVESTMENT_BELOW_MINIMUM"]);
    let wrong = interest(2024, 1_000_000, "2024-12-01");
    firm.applies("grant.new_material_cert", None, wrong).await.refused(422, "BASE_UNKNOWN");
}

#[actix_web::test]
async fn an_approved_base_and_milestones_stay_under_one_cap() {
    let class = "grant.energy_centre";
    let firm = Firm::at("2024-12-28T10:00:00+08:00").await;
    let base = |yuan: i64, day: &str| json!({"base_fen": yuan * 100, "documents_on": day});
    let first = firm.applies(class, None, base(30_000_000, "2024-12-01")).await.expect(201);
    assert_eq!(stands(&first), ("submitted", 6_000_000_00));
    // The office accepts 25 of the 30 million: 20 per cent of that.
    let fixed = json!({"amount_fen": 1_00, "reason": "OTHER_SUPPORT"});
    let no = firm.office.acts(&firm.office.reviewer, &id(&first), "approve", fixed).await;
    no.refused(400, "BAD_REQUEST");
    let done = firm.granted(&first, json!({"approved_base_fen": 25_000_000_00i64})).await;
    assert_eq!(stands(&done), ("payable", 5_000_000_00));
    let first_id = id(&first);
    let next = firm.applies(class, Some(&first_id), base(30_000_000, "2024-12-20")).await;
    assert_eq!(stands(&next.clone().expect(201)), ("submitted", 5_000_000_00), "10 in all");
    // A part that is rejected gives its share back.
    let because = json!({"reasons": ["DOCUMENT_MISSING"]});
    let id = id(&next);
    firm.office.acts(&firm.office.reviewer, &id, "reject", because).await.expect(200);
    let again = firm.applies(class, Some(&first_id), base(10_000_000, "2024-12-20")).await;
    let again = again.expect(201);
    assert_eq!(stands(&again), ("submitted", 2_000_000_00));
    firm.granted(&again, json!({})).await;
    let last = firm.applies(class, Some(&first_id), base(90_000_000, "2024-12-20")).await;
    assert_eq!(stands(&last.expect(201)), ("submitted", 3_000_000_00));
    assert_eq!(firm.office.money(firm.books[0]).await, (90_000_000, 3_000_000, 0, 7_000_000));
}

#[actix_web::test]
async fn somebody_elses_grant_is_not_continued() {
    let firm = Firm::at("2024-12-28T10:00:00+08:00").await;
    let grant = || json!({"base_fen": 2_000_000_00, "documents_on": "2024-12-01"});
    let first = firm.applies("grant.new_material_cert", None, grant()).await.expect(201);
    firm.granted(&first, json!({})).await;
    let stranger = firm.office.world.organisation("enterprise", &[]).await;
    let other =
        Firm { token: firm.office.world.organisation_token(Role::Enterprise, stranger), ..firm };
    let no = other.applies("grant.new_material_cert", Some(&id(&first)), grant()).await;
    no.refused(404, "NOT_FOUND");
    let path = format!("/v1/applications/{}", id(&first));
    other.office.world.get(&other.token, &path).await.refused(404, "NOT_FOUND");
    // A firm that was suspended applies for nothing.
    let admin = other.office.world.official_token(Role::ProgrammeAdmin, "100000/*", "admin");
    let path = format!("/v1/organisations/{stranger}/status");
    let body = json!({"status": "suspended"});
    other.office.world.post(&admin, &path, body).await.expect(200);
    let no = other.applies("grant.new_material_cert", None, grant()).await;
    no.refused(422, "APPLICANT_NOT_ACTIVE");
}
