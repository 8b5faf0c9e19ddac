//! A logical database of Redis for one test.

use super::Servers;
use std::sync::{Arc, Condvar, Mutex, OnceLock};

/// A logical database of its own, empty at the start. `FLUSHDB` harms nobody else; a test that
/// wants `FLUSHALL` or a restart takes private servers.
pub struct TestRedis {
    servers: Arc<Servers>,
    number: u32,
    shared: bool,
}

/// The numbers that no test uses now. A test that finds none waits for one.
struct Free {
    numbers: Mutex<Vec<u32>>,
    given_back: Condvar,
}

impl TestRedis {
    /// On the server that all tests share.
    pub fn new() -> TestRedis {
        let servers = Servers::shared();
        let free = free(&servers);
        let numbers = free.numbers.lock().expect("nobody panics while holding it");
        let mut numbers = free
            .given_back
            .wait_while(numbers, |numbers| numbers.is_empty())
            .expect("nobody panics while holding it");
        let number = numbers.pop().expect("it was waited for");
        drop(numbers);
        let redis = TestRedis { servers, number, shared: true };
        redis.flush();
        redis
    }

    /// On a server that this test may break, where it is alone.
    pub fn on(servers: Arc<Servers>) -> TestRedis {
        let redis = TestRedis { servers, number: 0, shared: false };
        redis.flush();
        redis
    }

    pub fn url(&self) -> String {
        self.servers.redis_url(self.number)
    }

    /// A blocking connection, for what a test itself wants to see or break.
    pub fn connect(&self) -> redis::Connection {
        redis::Client::open(self.url())
            .and_then(|client| client.get_connection())
            .expect("the test's Redis takes a connection")
    }

    fn flush(&self) {
        let flushed = redis::cmd("FLUSHDB").exec(&mut self.connect());
        flushed.expect("the test's Redis takes a command");
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        if self.shared {
            let free = free(&self.servers);
            free.numbers.lock().expect("nobody panics while holding it").push(self.number);
            free.given_back.notify_one();
        }
    }
}

fn free(servers: &Servers) -> &'static Free {
    static FREE: OnceLock<Free> = OnceLock::new();
    FREE.get_or_init(|| {
        let count: (String, u32) = redis::Client::open(servers.redis_url(0))
            .and_then(|client| client.get_connection())
            .and_then(|mut connection| {
                redis::cmd("CONFIG").arg("GET").arg("databases").query(&mut connection)
            })
            .expect("Redis says how many databases it has");
        Free { numbers: Mutex::new((0..count.1).rev().collect()), given_back: Condvar::new() }
    })
}
