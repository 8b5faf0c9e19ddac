//! The publisher of a world under load, switched on and off by the round.

use crate::book::publish::publisher::{LOOK, Publisher};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

/// A publisher that is at rest.
pub struct Press(Publisher);

/// One that publishes, as the service's own does, until it is stopped.
pub struct Running {
    stop: Sender<()>,
    thread: JoinHandle<Publisher>,
}

impl Press {
    pub fn new(publisher: Publisher) -> Press {
        Press(publisher)
    }

    /// Publishes what has been left, so that a round does not pay for another one.
    pub fn catch_up(&mut self) {
        self.0.look();
    }

    pub fn run(self) -> Running {
        let mut publisher = self.0;
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                publisher.look();
            }
            // What came last belongs to the round as well.
            publisher.look();
            publisher
        });
        Running { stop, thread }
    }
}

impl Running {
    pub fn stop(self) -> anyhow::Result<Press> {
        let _ = self.stop.send(());
        let publisher = self.thread.join();
        publisher.map(Press).map_err(|_| anyhow::anyhow!("the publisher panicked"))
    }
}
