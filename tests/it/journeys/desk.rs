//! The desk as pages, read as a browser without a script reads them.

use super::office::{Office, id};
use super::paper::Paper;
use crate::support::world::{Answer, World};
use serde_json::{Value, json};
use std::time::Duration;

/// A browser that follows nothing by itself and keeps one cookie.
pub(super) struct Browser<'a> {
    world: &'a World,
    http: reqwest::Client,
    cookies: String,
}

impl<'a> Browser<'a> {
    fn new(world: &'a World) -> Browser<'a> {
        let http =
            reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let http = http.pool_idle_timeout(Duration::from_secs(2)).build().expect("a client");
        Browser { world, http, cookies: String::new() }
    }

    pub(super) async fn signed_in(world: &'a World, token: &str) -> Browser<'a> {
        let mut browser = Browser::new(world);
        let answer = browser.posts("/desk/sign-in", &[("token", token)]).await;
        assert_eq!((answer.status, place(&answer)), (303, "/desk"));
        let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
        for word in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/", "__Host-"] {
            assert!(cookie.contains(word), "{cookie}");
        }
        browser.cookies = cookie.split(';').next().unwrap().to_owned();
        browser
    }

    pub(super) async fn gets(&self, path: &str) -> Answer {
        let request = self.http.get(format!("{}{path}", self.world.url));
        World::sent(request.header("cookie", &self.cookies)).await
    }

    async fn posts(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.posts_from(path, fields, &self.world.url).await
    }

    async fn posts_from(&self, path: &str, fields: &[(&str, &str)], origin: &str) -> Answer {
        let request = self.http.post(format!("{}{path}", self.world.url));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let pairs = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
        let request = request.body(pairs.collect::<Vec<_>>().join("&"));
        World::sent(request.header("cookie", &self.cookies).header("origin", origin)).await
    }

    /// Fills in a form of a page and sends it.
    pub(super) async fn submits(
        &self,
        page: &Answer,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let (key, proof) = hidden(&page.text, action);
        let mut all = vec![("key", key.as_str()), ("proof", proof.as_str())];
        all.extend(fields);
        self.posts(action, &all).await
    }
}

/// As a form writes a value: bytes that are no letters or digits in percent.
fn escaped(value: &str) -> String {
    let byte = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    value.bytes().map(byte).collect()
}

fn place(answer: &Answer) -> &str {
    answer.headers["location"].to_str().unwrap()
}

/// Key and proof of the form of a page that posts there.
fn hidden(page: &str, action: &str) -> (String, String) {
    let form = page.split(&format!("action=\"{action}\"")).nth(1).expect("the form is there");
    let value = |name: &str| {
        let field = form.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("a field");
        field.split('"').next().unwrap().to_owned()
    };
    (value("key"), value("proof"))
}

pub(super) struct Case {
    pub(super) office: Office,
    book: i32,
    application: String,
    person: String,
    paper: Paper,
}

impl Case {
    pub(super) async fn new() -> Case {
        let world = World::at("2025-06-10T10:00:00+08:00");
        world.publish(&["nation-car-scrap-2025"]).await;
        let book = world.book("310000", "car", 2025, 100_000).await;
        let office = Office::of(world).await;
        let person = office.registered(4711).await;
        let body = office.scrap(person, "310000", "2025-06-05", 150_000).await;
        let submitted = office.submits(person, &body).await.expect(201);
        let vin = body["papers"]["item"]["vin"].as_str().unwrap().to_owned();
        let application = id(&submitted);
        let person = office.world.person_token(person);
        let paper = Paper::invoice_of("INV-2025-0001", &vin, "2025-06-05", 14_000_000);
        paper.filed(&office.world, &person, &application).await;
        let photo =
            Paper { document: json!({"kind": "photo"}), media_type: "png", file: png(240, 140) };
        photo.filed(&office.world, &person, &application).await;
        Case { office, book, application, person, paper }
    }

    pub(super) fn page(&self) -> String {
        format!("/desk/applications/{}", self.application)
    }
}

/// A picture of one colour.
fn png(width: u32, height: u32) -> Vec<u8> {
    let crc = |bytes: &[u8]| {
        let mut crc = u32::MAX;
        for byte in bytes {
            crc ^= u32::from(*byte);
            (0..8).for_each(|_| crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()));
        }
        !crc
    };
    let chunk = |kind: &[u8], data: &[u8]| {
        let body = [kind, data].concat();
        let length = (data.len() as u32).to_be_bytes();
        [&length[..], &body, &crc(&body).to_be_bytes()].concat()
    };
    let rows: Vec<u8> = (0..height)
        .flat_map(|_| std::iter::once(0).chain((0..width).flat_map(|_| [90, 140, 190])))
        .collect();
    // zlib, stored: blocks of at most 65,535 bytes.
    let mut data = vec![0x78, 0x01];
    let blocks: Vec<&[u8]> = rows.chunks(65_535).collect();
    for (at, block) in blocks.iter().enumerate() {
        let length = block.len() as u16;
        data.push(u8::from(at + 1 == blocks.len()));
        data.extend(length.to_le_bytes());
        data.extend((!length).to_le_bytes());
        data.extend(*block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in &rows {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    data.extend(((b << 16) | a).to_be_bytes());
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let chunks = [chunk(b"IHDR", &head), chunk(b"IDAT", &data), chunk(b"IEND", b"")].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunks].concat()
}

#[actix_web::test]
async fn a_page_is_for_reviewers_who_signed_in_and_runs_nothing() {
    let case = Case::new().await;
    let world = &case.office.world;
    let nobody = Browser::new(world);
    for path in ["/desk", &case.page()] {
        let answer = nobody.gets(path).await;
        assert_eq!((answer.status, place(&answer)), (303, "/desk/sign-in"), "{path}");
    }
    for token in ["", "garbage", &case.person] {
        let refused = nobody.posts("/desk/sign-in", &[("token", token)]).await;
        assert!(refused.status == 403 && !refused.headers.contains_key("set-cookie"), "{token}");
    }
    // Another site seats nobody.
    let token = [("token", case.office.reviewer.as_str())];
    let refused = nobody.posts_from("/desk/sign-in", &token, "https://evil.example").await;
    assert_eq!(refused.status, 403);

    let browser = Browser::signed_in(world, &case.office.reviewer).await;
    let queue = browser.gets("/desk").await.expect(200);
    assert!(queue.text.contains(&case.page()) && queue.text.contains("剩3天"), "{}", queue.text);
    for path in ["/desk", &case.page(), "/desk/sign-in"] {
        let page = browser.gets(path).await.expect(200);
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(!page.text.contains("<script") && !page.text.contains(" style="), "{path}");
        assert_eq!(page.headers["cache-control"], "no-store");
    }
    // A bearer token of a gateway does as well; an API route takes no cookie.
    let request = world.request("GET", "/desk").bearer_auth(&case.office.reviewer);
    World::sent(request).await.expect(200);
    browser.gets("/v1/reviews?book=1").await.refused(401, "TOKEN_MISSING");
    let elsewhere =
        world.official_token(tradein::identity::role::Role::Reviewer, "320000/car", "elsewhere");
    let elsewhere = Browser::signed_in(world, &elsewhere).await;
    assert_eq!(elsewhere.gets(&case.page()).await.status, 404);
    assert!(!elsewhere.gets("/desk").await.expect(200).text.contains("310000/car"));
}

#[actix_web::test]
async fn a_form_is_ours_and_acts_once() {
    let case = Case::new().await;
    let world = &case.office.world;
    let browser = Browser::signed_in(world, &case.office.reviewer).await;
    let (page, take) = (browser.gets(&case.page()).await, format!("{}/take", case.page()));
    let (key, proof) = hidden(&page.text, &take);
    let back = format!("{}/hand-back", case.page());
    let other =
        world.official_token(tradein::identity::role::Role::Reviewer, "100000/*", "reviewer two");
    let other = Browser::signed_in(world, &other).await;
    for (who, action, fields) in [
        (&browser, &take, vec![]),
        (&browser, &take, vec![("key", key.as_str())]),
        (&browser, &take, vec![("key", key.as_str()), ("proof", "00")]),
        (&browser, &take, vec![("key", "another"), ("proof", proof.as_str())]),
        // Of another form, of another caller.
        (&browser, &back, vec![("key", key.as_str()), ("proof", proof.as_str())]),
        (&other, &take, vec![("key", key.as_str()), ("proof", proof.as_str())]),
    ] {
        assert_eq!(who.posts(action, &fields).await.status, 403, "{action} {fields:?}");
    }
    for _ in 0..2 {
        let taken = browser.submits(&page, &take, &[]).await;
        assert_eq!((taken.status, place(&taken)), (303, &*format!("{}?done=true", case.page())));
    }
    let taken = super::shop::last_entries(world, case.book, 2).await;
    assert_eq!(taken, ["document.received", "review.taken"], "pressed twice, taken once");
}

#[actix_web::test]
async fn an_application_is_decided_on_its_page() {
    let case = Case::new().await;
    let world = &case.office.world;
    let browser = Browser::signed_in(world, &case.office.reviewer).await;
    let act = |act: &str| format!("{}/{act}", case.page());
    let page = browser.gets(&case.page()).await.expect(200);
    assert!(!page.text.contains("INV-2025-0001"), "nothing of a document before it is taken");
    browser.submits(&page, &act("take"), &[]).await;
    let page = browser.gets(&case.page()).await.expect(200);
    assert!(page.text.contains("INV-2025-0001") && page.text.contains("不一致"), "{}", page.text);
    assert!(page.text.contains("定额20000.00元"));

    // The file, beside the facts, to him who has it.
    let show = page.text.split("href=\"?show=").nth(1).unwrap().split('#').next().unwrap();
    let page = browser.gets(&format!("{}?show={show}", case.page())).await.expect(200);
    let source = page.text.split("<iframe src=\"").nth(1).unwrap().split('"').next().unwrap();
    let file = browser.gets(source).await.expect(200);
    assert_eq!(file.text.as_bytes(), case.paper.file);
    assert_eq!(super::shop::last_entries(world, case.book, 1).await, ["document.opened"]);
    let second = Browser::signed_in(world, &case.office.second).await;
    assert_eq!(second.gets(source).await.status, 409);

    browser.submits(&page, &act("neighbours"), &[]).await;
    let page = browser.gets(&case.page()).await.expect(200);
    assert!(page.text.contains("机动车登记") && page.text.contains("现登记在申请人名下 是"));

    // What he forgets is told above the page; what he says comes to the applicant, and only text.
    let none = browser.submits(&page, &act("refuse"), &[("act", "reject")]).await;
    assert_eq!(none.status, 400, "{}", none.text);
    assert!(none.text.contains("role=\"alert\""));
    let said = "发票<b>不清晰</b>，请重新上传。";
    let because = [
        ("act", "request-correction"),
        ("reasons", "DOCUMENT_UNREADABLE"),
        ("reasons", "DOCUMENT_MISMATCH"),
        ("sentence", said),
    ];
    let asked = browser.submits(&none, &act("refuse"), &because).await;
    assert_eq!(asked.status, 303, "{}", asked.text);
    let page = browser.gets(&case.page()).await.expect(200);
    assert!(page.text.contains("发票&#60;b&#62;") && !page.text.contains("<b>不"), "{}", page.text);
    let path = format!("/v1/applications/{}", case.application);
    let seen: Value = world.get(&case.person, &path).await.expect(200).body;
    assert_eq!(seen["application"]["sentence"], said);
    assert_eq!(seen["application"]["reasons"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn approval_needs_a_second_person_on_the_page_too() {
    let case = Case::new().await;
    let world = &case.office.world;
    let browser = Browser::signed_in(world, &case.office.reviewer).await;
    let act = |act: &str| format!("{}/{act}", case.page());
    let page = browser.gets(&case.page()).await;
    browser.submits(&page, &act("take"), &[]).await;
    let page = browser.gets(&case.page()).await;
    let approved = browser.submits(&page, &act("approve"), &[("still_owned", "true")]).await;
    assert_eq!(approved.status, 303, "{}", approved.text);
    let page = browser.gets(&case.page()).await.expect(200);
    let alone = browser.submits(&page, &act("confirm"), &[]).await;
    assert_eq!(alone.status, 422, "{}", alone.text);
    let second = Browser::signed_in(world, &case.office.second).await;
    let page = second.gets(&case.page()).await;
    assert_eq!(second.submits(&page, &act("confirm"), &[]).await.status, 303);
    assert_eq!(case.office.money(case.book).await, (80_000, 0, 0, 20_000));
    // English where the browser asks for it, and where a person has chosen it.
    let english = world.request("GET", &case.page()).bearer_auth(&case.office.second);
    let english = World::sent(english.header("accept-language", "en")).await.expect(200);
    assert!(english.text.contains("<html lang=\"en\">") && english.text.contains("to be paid"));
    let chosen = second.gets("/desk/language/en").await;
    assert!(chosen.headers["set-cookie"].to_str().unwrap().contains("tradein-language=en"));
}
