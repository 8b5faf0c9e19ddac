//! A caller of the interface, as a till, an app or an office has one.

use anyhow::Context;
use reqwest::header::HeaderMap;
use serde_json::Value;
use uuid::Uuid;

/// Somebody with a token.
#[derive(Clone, Debug)]
pub struct Who {
    pub name: String,
    pub token: String,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Call {
    path: String,
    /// Nothing for a GET.
    body: Option<Value>,
    key: String,
}

impl Call {
    pub fn get(path: impl Into<String>) -> Call {
        Call { path: path.into(), body: None, key: String::new() }
    }

    /// With a fresh `Idempotency-Key`; the same call sent again has the same one.
    pub fn post(path: impl Into<String>, body: Value) -> Call {
        Call { path: path.into(), body: Some(body), key: Uuid::now_v7().to_string() }
    }
}

/// An answer, read whole.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub replayed: bool,
    pub text: String,
    pub body: Value,
}

impl Answer {
    /// The code of a refusal. A voucher has a `code`, too, which is another thing.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().filter(|_| self.status >= 400).unwrap_or_default()
    }

    pub fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }

    /// A text in the body, by its path: `/voucher/id`.
    pub fn text_at(&self, pointer: &str) -> String {
        let found = self.body.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    }

    /// Fen in the body, by their path.
    pub fn fen_at(&self, pointer: &str) -> i64 {
        self.body.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
    }
}

/// What sends requests.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    pub fn new(url: &str) -> anyhow::Result<Client> {
        Ok(Client { http: reqwest::Client::builder().no_proxy().build()?, url: url.to_owned() })
    }

    pub async fn send(&self, who: &Who, call: &Call) -> anyhow::Result<Answer> {
        let address = format!("{}{}", self.url, call.path);
        let request = match &call.body {
            None => self.http.get(address),
            Some(body) => self.http.post(address).header("idempotency-key", &call.key).json(body),
        };
        let sent = request.bearer_auth(&who.token).send().await;
        let response = sent.with_context(|| format!("no answer to {}", call.path))?;
        let status = response.status().as_u16();
        let replayed = is_replayed(response.headers());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, replayed, text, body })
    }

    /// Sends what is no part of a story and must succeed.
    pub async fn must(&self, who: &Who, call: Call) -> anyhow::Result<Answer> {
        let answer = self.send(who, &call).await?;
        anyhow::ensure!(answer.status < 300, "{} was answered {}", call.path, answer.text);
        Ok(answer)
    }
}

fn is_replayed(headers: &HeaderMap) -> bool {
    headers.contains_key(crate::book::REPLAYED)
}
