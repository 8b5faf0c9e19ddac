//! An HTTP/1.1 client that costs little, and the two ways to drive it: a closed loop, where each
//! connection sends when it has its answer, and an open one, where requests come at a rate whether
//! or not the service keeps up.

use anyhow::{Context, bail};
use futures_util::future::try_join_all;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// How long a connection may lie idle; the service closes one after five seconds.
const IDLE: Duration = Duration::from_secs(2);

/// A request as it goes over the wire, made before the clock runs.
pub type Request = Vec<u8>;

/// A POST of a JSON body under an idempotency key.
pub fn post(path: &str, token: &str, key: &str, body: &str) -> Request {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\
         idempotency-key: {key}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A GET.
pub fn get(path: &str, token: &str) -> Request {
    let head = format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n");
    (head + "\r\n").into_bytes()
}

/// One keep-alive connection, one request under way.
pub struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
    body_at: usize,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(address).await.context("no connection")?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, answer: Vec::with_capacity(8192), body_at: 0 })
    }

    /// The body of the last answer.
    pub fn body(&self) -> &[u8] {
        &self.answer[self.body_at..]
    }

    /// Sends a request and gives back the status once the answer is there whole.
    pub async fn send(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                bail!("the server closed the connection");
            }
            if let Some((status, body)) = whole(&self.answer)? {
                self.body_at = body;
                return Ok(status);
            }
        }
    }
}

/// What came of a run of requests.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    pub elapsed: Duration,
    /// Status and latency of every answer, the fastest first. In an open loop the latency counts
    /// from the moment at which the request was due, so that a client that falls behind hides
    /// nothing.
    given: Vec<(u16, Duration)>,
}

impl Answers {
    fn of(began: Instant, mut given: Vec<(u16, Duration)>) -> Answers {
        let elapsed = began.elapsed();
        given.sort_unstable_by_key(|(_, latency)| *latency);
        Answers { elapsed, given }
    }

    /// How many there were.
    pub fn total(&self) -> usize {
        self.given.len()
    }

    pub fn count(&self, status: u16) -> usize {
        self.given.iter().filter(|(given, _)| *given == status).count()
    }

    /// Answers by status.
    pub fn statuses(&self) -> BTreeMap<u16, usize> {
        let mut statuses = BTreeMap::new();
        self.given.iter().for_each(|(status, _)| *statuses.entry(*status).or_default() += 1);
        statuses
    }

    /// Answers of a status in a second.
    pub fn rate(&self, status: u16) -> f64 {
        self.count(status) as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency below which this share of the answers lies, in milliseconds.
    pub fn percentile(&self, share: f64) -> f64 {
        place(&self.given, share)
    }

    /// The same of the answers of one status.
    pub fn percentile_of(&self, status: u16, share: f64) -> f64 {
        let its: Vec<_> = self.given.iter().filter(|(it, _)| *it == status).copied().collect();
        place(&its, share)
    }
}

fn place(given: &[(u16, Duration)], share: f64) -> f64 {
    let last = given.len().saturating_sub(1);
    let place = (share * last as f64).round() as usize;
    given.get(place).map_or(0.0, |(_, latency)| latency.as_secs_f64() * 1e3)
}

/// Sends all requests over this many connections, each as soon as a connection is free.
pub async fn closed_loop(
    address: SocketAddr,
    connections: usize,
    requests: &[Request],
) -> anyhow::Result<Answers> {
    let next = Cell::new(0);
    let given = RefCell::new(Vec::with_capacity(requests.len()));
    let (next, given_to) = (&next, &given);
    let open = (0..connections.min(requests.len())).map(|_| Connection::open(address));
    let open = try_join_all(open).await?;
    let began = Instant::now();
    try_join_all(open.into_iter().map(|mut connection| async move {
        while let Some(request) = requests.get(next.replace(next.get() + 1)) {
            let sent = Instant::now();
            let status = connection.send(request).await?;
            given_to.borrow_mut().push((status, sent.elapsed()));
        }
        anyhow::Ok(())
    }))
    .await?;
    Ok(Answers::of(began, given.into_inner()))
}

/// Sends all requests at a rate, over as many of the connections as that takes. A request for
/// which no connection is free waits, and its waiting counts.
pub async fn open_loop(
    address: SocketAddr,
    connections: usize,
    rate: f64,
    requests: &[Request],
) -> anyhow::Result<Answers> {
    let (due, more, over) = (RefCell::new(VecDeque::new()), Notify::new(), Cell::new(false));
    let given = RefCell::new(Vec::with_capacity(requests.len()));
    let (due, more, over, given_to) = (&due, &more, &over, &given);
    let began = Instant::now();
    let clock = async {
        for n in 0..requests.len() {
            let at = began + Duration::from_secs_f64(n as f64 / rate);
            if at > Instant::now() {
                tokio::time::sleep_until(at.into()).await;
            }
            due.borrow_mut().push_back((n, at));
            more.notify_one();
        }
        over.set(true);
        more.notify_waiters();
        anyhow::Ok(())
    };
    let lane = || async move {
        let mut idle: Option<(Connection, Instant)> = None;
        loop {
            let woken = more.notified();
            let next = due.borrow_mut().pop_front();
            let Some((n, at)) = next else {
                if over.get() {
                    return anyhow::Ok(());
                }
                woken.await;
                continue;
            };
            let mut connection = match idle.take() {
                Some((connection, since)) if since.elapsed() < IDLE => connection,
                _ => Connection::open(address).await?,
            };
            let status = connection.send(&requests[n]).await?;
            given_to.borrow_mut().push((status, at.elapsed()));
            idle = Some((connection, Instant::now()));
        }
    };
    tokio::try_join!(clock, try_join_all((0..connections).map(|_| lane())))?;
    Ok(Answers::of(began, given.into_inner()))
}

/// Status and place of the body of an answer that has arrived whole; nothing while a part is
/// missing.
fn whole(answer: &[u8]) -> anyhow::Result<Option<(u16, usize)>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&answer[..end]).context("a head that is no text")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.context("no status line")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let length = length.context("an answer without content-length")?;
    Ok((answer.len() >= end + 4 + length).then_some((status, end + 4)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_when_it_is_whole() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(whole(answer).unwrap(), Some((201, 43)));
        assert_eq!(whole(&answer[..answer.len() - 1]).unwrap(), None);
        assert_eq!(whole(b"HTTP/1.1 2").unwrap(), None);
    }

    #[test]
    fn percentiles_are_of_the_sorted_latencies() {
        let status = |n: u64| if n > 10 { 201 } else { 503 };
        let given = (1..=100).rev().map(|n| (status(n), Duration::from_millis(n))).collect();
        let answers = Answers::of(Instant::now(), given);
        assert_eq!(answers.percentile(0.5).round(), 51.0);
        assert_eq!(answers.percentile(1.0), 100.0);
        assert_eq!(answers.percentile_of(503, 1.0), 10.0);
        assert_eq!(answers.statuses(), BTreeMap::from([(201, 90), (503, 10)]));
        assert_eq!(Answers::default().percentile(0.99), 0.0);
    }

    /// A service that answers one request after the other, each after five milliseconds.
    async fn slow_service() -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            while stream.read(&mut buffer).await.unwrap() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn an_open_loop_counts_the_time_for_which_a_request_had_to_wait() {
        let requests = vec![get("/", "t"); 20];
        let closed = closed_loop(slow_service().await, 1, &requests).await.unwrap();
        let open = open_loop(slow_service().await, 1, 2_000.0, &requests).await.unwrap();
        assert_eq!((closed.count(200), open.count(200)), (20, 20));
        // Due at 2,000 a second and served at 200: the last one waits for all before it.
        assert!(open.percentile(1.0) > 3.0 * closed.percentile(0.5), "{open:?}");
    }
}
