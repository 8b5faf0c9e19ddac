//! A neighbour over HTTP: the question is posted as JSON, the answer is JSON of the agreed form.

use super::model::{
    HoldingsAnswer, HoldingsQuestion, InvoiceAnswer, InvoiceQuestion, NoAnswer, VehicleAnswer,
    VehicleQuestion,
};
use super::{Holdings, InvoiceCheck, VehicleRegister};
use futures_util::future::BoxFuture;
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// The most bytes of an answer.
const LONGEST: usize = 64 * 1024;

/// One address. It is asked once: who asks again is a person, who sees that there was no answer.
pub(super) struct OverHttp {
    client: reqwest::Client,
    url: reqwest::Url,
    token: SecretString,
}

impl OverHttp {
    pub(super) fn new(url: &str, token: &SecretString, wait: Duration) -> Result<Self, String> {
        let url: reqwest::Url = url.parse().map_err(|_| "no URL".to_owned())?;
        if url.host_str().is_none() || !["http", "https"].contains(&url.scheme()) {
            return Err("no http or https URL".to_owned());
        }
        // A neighbour that sends us elsewhere would send an identity there.
        let client = reqwest::Client::builder().timeout(wait).redirect(Policy::none());
        let client = client.no_proxy().build().map_err(|error| error.to_string())?;
        Ok(OverHttp { client, url, token: token.clone() })
    }

    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    async fn ask<Q: Serialize, A: DeserializeOwned>(&self, question: &Q) -> Result<A, NoAnswer> {
        let mut request = self.client.post(self.url.clone()).json(question);
        if !self.token.expose_secret().is_empty() {
            request = request.bearer_auth(self.token.expose_secret());
        }
        let mut answer = request.send().await.map_err(why)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(NoAnswer::Refused);
        }
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(why)? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > LONGEST {
                return Err(NoAnswer::Malformed);
            }
        }
        serde_json::from_slice(&bytes).map_err(|_| NoAnswer::Malformed)
    }
}

/// The error's text may hold the URL and is not looked at.
fn why(error: reqwest::Error) -> NoAnswer {
    if error.is_timeout() { NoAnswer::TimedOut } else { NoAnswer::Unreachable }
}

impl VehicleRegister for OverHttp {
    fn vehicle<'a>(
        &'a self,
        question: &'a VehicleQuestion,
    ) -> BoxFuture<'a, Result<VehicleAnswer, NoAnswer>> {
        Box::pin(self.ask(question))
    }
}

impl InvoiceCheck for OverHttp {
    fn invoice<'a>(
        &'a self,
        question: &'a InvoiceQuestion,
    ) -> BoxFuture<'a, Result<InvoiceAnswer, NoAnswer>> {
        Box::pin(self.ask(question))
    }
}

impl Holdings for OverHttp {
    fn holdings<'a>(
        &'a self,
        question: &'a HoldingsQuestion,
    ) -> BoxFuture<'a, Result<HoldingsAnswer, NoAnswer>> {
        Box::pin(self.ask(question))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::port::model::Clear;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc;

    /// A neighbour that reads one question and says this, or says nothing and waits.
    fn neighbour(says: Option<&'static str>) -> (String, mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/ask", listener.local_addr().unwrap());
        let (heard, asked) = mpsc::channel();
        std::thread::spawn(move || {
            let (mut caller, _) = listener.accept().unwrap();
            heard.send(question(&mut caller)).unwrap();
            match says {
                Some(answer) => caller.write_all(answer.as_bytes()).unwrap(),
                // Until the caller has gone.
                None => while caller.read(&mut [0; 64]).is_ok_and(|read| read > 0) {},
            }
        });
        (url, asked)
    }

    /// Head and body of a request, by its Content-Length.
    fn question(caller: &mut TcpStream) -> String {
        let mut text = String::new();
        let mut piece = [0; 4096];
        loop {
            let read = caller.read(&mut piece).unwrap();
            text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_lowercase();
                let length = head.split("content-length: ").nth(1).unwrap();
                if body.len() >= length.lines().next().unwrap().parse::<usize>().unwrap() {
                    return text;
                }
            }
        }
    }

    async fn asked(url: &str) -> Result<VehicleAnswer, NoAnswer> {
        let port = OverHttp::new(url, &"s3cret".into(), Duration::from_millis(500)).unwrap();
        let (vin, holder) = (Clear::new("LSVAA49J132047371"), Clear::new("11010519491231002X"));
        port.vehicle(&VehicleQuestion { vin, holder }).await
    }

    fn answer(status: &str, body: &str) -> &'static str {
        let length = body.len();
        let text = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nlocation: /else\r\n\
             content-type: application/json\r\n\r\n{body}"
        );
        Box::leak(text.into_boxed_str())
    }

    #[tokio::test]
    async fn a_question_is_asked_and_its_answer_read() {
        let body = r#"{"is_known":true,"is_holder":true,"use":"private","more":1}"#;
        let (url, heard) = neighbour(Some(answer("200 OK", body)));
        let told = asked(&url).await.unwrap();
        assert_eq!((told.is_known, told.is_holder), (true, Some(true)));
        assert_eq!(told.use_.as_deref(), Some("private"));
        let question = heard.recv().unwrap();
        assert!(question.starts_with("POST /ask "), "{question}");
        assert!(question.to_lowercase().contains("authorization: bearer s3cret"), "{question}");
        assert!(question.contains(r#""vin":"LSVAA49J132047371""#), "{question}");
    }

    #[tokio::test]
    async fn whatever_else_comes_is_no_answer() {
        let long = format!(r#"{{"is_known":true,"more":"{}"}}"#, "x".repeat(LONGEST));
        for (says, why) in [
            (Some(answer("404 Not Found", "{}")), NoAnswer::Refused),
            (Some(answer("302 Found", r#"{"is_known":true}"#)), NoAnswer::Refused),
            (Some(answer("200 OK", "{}")), NoAnswer::Malformed),
            (Some(answer("200 OK", "<html>")), NoAnswer::Malformed),
            (Some(answer("200 OK", &long)), NoAnswer::Malformed),
            (None, NoAnswer::TimedOut),
        ] {
            let (url, _heard) = neighbour(says);
            assert_eq!(asked(&url).await, Err(why), "{says:.60?}");
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(asked(&format!("http://{free}/")).await, Err(NoAnswer::Unreachable));
    }

    #[test]
    fn only_an_address_is_one() {
        for bad in ["", "register", "ftp://host/", "unix:/x"] {
            let port = OverHttp::new(bad, &"".into(), Duration::from_secs(1));
            assert!(port.is_err(), "{bad}");
        }
    }
}
