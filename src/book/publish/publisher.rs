//! The publisher of a process: it holds the lease where it can, and keeps every log signed.

use super::status::Standing;
use super::step::{self, NoStep};
use super::{Log, store};
use crate::infra::postgres::ReadPool;
use crate::kernel::id::BookNo;
use diesel::PgConnection;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Between two looks at the heads: a change is signed well within a second.
pub const LOOK: Duration = Duration::from_millis(400);
/// How long the lease runs after the process that holds it has fallen silent.
const LEASE_SECONDS: i32 = 6;
const RENEW: Duration = Duration::from_secs(2);
/// So often the store is compared with the database where nothing has changed.
const COMPARE: Duration = Duration::from_secs(30);

pub struct Publisher {
    log: Arc<Log>,
    pool: ReadPool,
    holder: Uuid,
    lease: Option<Lease>,
    /// Size and root that are signed, by book; forgotten from time to time.
    signed: HashMap<BookNo, (u64, Vec<u8>)>,
    compared: Instant,
}

#[derive(Clone, Copy)]
struct Lease {
    fence: u64,
    renewed: Instant,
}

impl Publisher {
    pub fn new(log: Arc<Log>, pool: ReadPool) -> Publisher {
        let holder = Uuid::now_v7();
        let (lease, signed, compared) = (None, HashMap::new(), Instant::now());
        Publisher { log, pool, holder, lease, signed, compared }
    }

    /// Publishes until the process ends.
    pub async fn run_for_ever(mut self) {
        loop {
            let looked = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            match looked.await {
                Ok(publisher) => self = publisher,
                Err(error) => {
                    tracing::error!(%error, "log.publisher_panicked");
                    return;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Looks once: takes or renews the lease, and publishes what has changed.
    pub fn look(&mut self) {
        let done = self.pool.get().map_err(|error| error.to_string());
        let done = done.and_then(|mut c| self.look_with(&mut c).map_err(|error| error.to_string()));
        if let Err(error) = &done {
            tracing::warn!(%error, "log.not_published");
            self.stand_back();
        }
        self.log.status.troubles(done.err());
    }

    fn look_with(&mut self, connection: &mut PgConnection) -> Result<(), NoStep> {
        let Some(fence) = self.hold_lease(connection)? else {
            self.stand_back();
            return Ok(());
        };
        self.log.status.stands(Standing::Publisher(fence));
        if self.compared.elapsed() > COMPARE {
            self.signed.clear();
            self.compared = Instant::now();
        }
        let mut unsigned = 0;
        for head in store::all_heads(connection)? {
            let signed = self.signed.get(&head.book.no);
            if signed.is_some_and(|(size, root)| *size == head.size && *root == head.root) {
                continue;
            }
            unsigned += head.size.saturating_sub(signed.map_or(0, |(size, _)| *size));
            self.publish(connection, fence, head)?;
        }
        metrics::gauge!("tradein_log_unsigned_entries").set(unsigned as f64);
        Ok(())
    }

    fn publish(
        &mut self,
        connection: &mut PgConnection,
        fence: u64,
        head: store::BookHead,
    ) -> Result<(), NoStep> {
        let (no, book) = (head.book.no, head.book.name.clone());
        match step::publish(&self.log, connection, fence, &head) {
            Ok((_, is_new)) => {
                if self.log.status.halts(no, None) {
                    tracing::info!(book, "log.goes_on");
                }
                if is_new {
                    metrics::counter!("tradein_log_signed_total").increment(1);
                }
                self.signed.insert(no, (head.size, head.root));
                Ok(())
            }
            Err(NoStep::Halt(halt)) => {
                self.signed.remove(&no);
                if self.log.status.halts(no, Some(&halt)) {
                    tracing::error!(book, code = halt.code(), detail = %halt, "log.halted");
                }
                // The other books go on.
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The number under which this process publishes; nothing while another one does.
    fn hold_lease(&mut self, connection: &mut PgConnection) -> Result<Option<u64>, NoStep> {
        if let Some(lease) = self.lease.filter(|lease| lease.renewed.elapsed() < RENEW) {
            return Ok(Some(lease.fence));
        }
        let store_fence = self.log.folder.fence()?;
        let taken = store::take_lease(connection, self.holder, store_fence, LEASE_SECONDS)?;
        let Some(fence) = taken else { return Ok(None) };
        if self.lease.is_none_or(|lease| lease.fence != fence) {
            // Everything that an earlier holder believes is void from here on.
            self.log.folder.raise_fence(fence)?;
            self.signed.clear();
            tracing::info!(fence, "log.publisher");
        }
        self.lease = Some(Lease { fence, renewed: Instant::now() });
        Ok(Some(fence))
    }

    fn stand_back(&mut self) {
        self.lease = None;
        self.signed.clear();
        self.log.status.stands(Standing::Standby);
    }
}

impl Drop for Publisher {
    /// Lets another process take over at once. Where that fails, the lease runs out.
    fn drop(&mut self) {
        if self.lease.is_some()
            && let Some(mut connection) = self.pool.try_get()
        {
            let _ = store::give_up_lease(&mut connection, self.holder);
        }
    }
}
