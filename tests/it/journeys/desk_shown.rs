//! The desk in a real browser, headless, where one is there.

use super::desk::{Browser, Case};
use crate::support::Scratch;
use crate::support::chromium::Chromium;
use std::path::PathBuf;

#[actix_web::test]
async fn chromium_shows_the_pages() {
    let Some(chromium) = Chromium::found() else { return };
    let case = Case::new().await;
    let world = &case.office.world;
    let browser = Browser::signed_in(world, &case.office.reviewer).await;
    let page = browser.gets(&case.page()).await;
    browser.submits(&page, &format!("{}/take", case.page()), &[]).await;
    let page = browser.gets(&case.page()).await;
    browser.submits(&page, &format!("{}/neighbours", case.page()), &[]).await;
    let page = browser.gets(&case.page()).await;
    let photo = page.text.split("href=\"?show=").nth(2).unwrap().split('#').next().unwrap();
    // Chromium has no way to be handed a header or an HttpOnly cookie at its command line: what
    // stands between it and the service is the gateway of the sign-on, which sends the token.
    let gateway = gateway(world.url.clone(), case.office.reviewer.clone());
    let scratch = Scratch::new();
    let shots = std::env::var_os("TRADEIN_SHOTS").map(PathBuf::from);
    for (name, path) in [
        ("queue", "/desk".to_owned()),
        ("application", format!("{}?show={photo}", case.page())),
        ("sign-in", "/desk/sign-in".to_owned()),
    ] {
        let url = format!("{gateway}{path}");
        let (shown, at) = (chromium.clone(), url.clone());
        let dom = tokio::task::spawn_blocking(move || shown.page(&at)).await.expect("a page");
        assert!(dom.contains("<main id=\"main\"") && dom.contains("审核台"), "{name}: {dom}");
        let picture = shots.as_deref().unwrap_or(scratch.path()).join(format!("{name}.png"));
        let (shown, place) = (chromium.clone(), picture.clone());
        let shot = move || shown.picture(&url, &place);
        tokio::task::spawn_blocking(shot).await.expect("a picture");
        let bytes = std::fs::metadata(&picture).expect("the picture is there").len();
        assert!(bytes > 10_000, "{name}: an empty page has {bytes} bytes");
    }
}

/// A gateway as a bureau has one: it adds the access token of whoever it has signed in.
fn gateway(service: String, token: String) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    listener.set_nonblocking(true).expect("a listener of the runtime");
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let passes = move |socket: tokio::net::TcpStream| {
        let (http, service, token) = (http.clone(), service.clone(), token.clone());
        async move { pass(socket, &http, &service, &token).await }
    };
    actix_web::rt::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            actix_web::rt::spawn(passes(socket));
        }
    });
    url
}

async fn pass(
    mut socket: tokio::net::TcpStream,
    http: &reqwest::Client,
    service: &str,
    token: &str,
) -> Option<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    let path = std::str::from_utf8(&head).ok()?.split(' ').nth(1)?.to_owned();
    let answer = http.get(format!("{service}{path}")).bearer_auth(token).send().await.ok()?;
    let mut text = format!("HTTP/1.1 {}\r\nconnection: close\r\n", answer.status());
    for name in ["content-type", "content-security-policy", "location"] {
        if let Some(value) = answer.headers().get(name) {
            text += &format!("{name}: {}\r\n", value.to_str().ok()?);
        }
    }
    let body = answer.bytes().await.ok()?;
    text += &format!("content-length: {}\r\n\r\n", body.len());
    socket.write_all(&[text.as_bytes(), &body].concat()).await.ok()
}
