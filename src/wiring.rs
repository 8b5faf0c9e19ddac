//! One process put together: what every handler and job shares, and the servers in front of it.

use crate::application::clock::Office;
use crate::application::port::Ports;
use crate::book::publish::{Log, LogFolder, LogKeys, Status};
use crate::book::role::{self, Checked};
use crate::book::{Books, ClerkSettings};
use crate::http::{extract, request};
use crate::identity::token::{Mint, RevokedFile, TokenSettings, Verifier, keys_of_file};
use crate::infra::blobs::Blobs;
use crate::infra::clock::Clock;
use crate::infra::keys::{KeyRing, Purpose};
use crate::infra::postgres::{self, ReadPool};
use crate::infra::redis::RedisDoor;
use crate::infra::settings::Settings;
use crate::jobs::{self, Jobs};
use crate::kernel::tlog::policy::Policy;
use crate::programme::Library;
use crate::redemption::reference::Reference;
use crate::register::gate::{Gate, GateSettings};
use crate::routes::{self, health::Draining};
use crate::voucher::seek::Seek;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpServer};
use anyhow::{Context, anyhow, bail};
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::ExposeSecret;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Everything that one process of the service shares. Cheap to clone.
#[derive(Clone)]
pub struct Wiring {
    pub settings: Arc<Settings>,
    pub clock: Arc<Clock>,
    pub keys: Arc<KeyRing>,
    pub verifier: Arc<Verifier>,
    pub pool: ReadPool,
    pub books: Arc<Books>,
    pub library: Arc<Library>,
    pub redis: Arc<RedisDoor>,
    pub gate: Gate,
    pub reference: Arc<Reference>,
    pub seek: Arc<Seek>,
    pub draining: Arc<Draining>,
    /// Nothing in a sandbox that publishes no logs.
    pub log: Option<Arc<Log>>,
    pub blobs: Arc<Blobs>,
    pub ports: Ports,
    pub office: Arc<Office>,
}

impl Wiring {
    /// Puts the process together. Neither database nor Redis need be there yet.
    ///
    /// # Errors
    /// Weak settings, or key files that cannot be used, in one sentence.
    pub fn new(settings: Settings) -> anyhow::Result<Wiring> {
        settings.check()?;
        let sandbox = settings.sandbox.enabled;
        let keys = match settings.keys.file.as_os_str().is_empty() {
            true => KeyRing::sandbox(),
            false => KeyRing::from_file(&settings.keys.file, sandbox)?,
        };
        let file = &settings.tokens.keys_file;
        let trusted = match file.as_os_str().is_empty() {
            true => Vec::new(),
            false => {
                let text = std::fs::read_to_string(file).with_context(|| {
                    format!("tokens.keys_file {} cannot be read", file.display())
                })?;
                keys_of_file(&text)?
            }
        };
        let audience = &settings.tokens.audience;
        let tokens = match sandbox {
            true => TokenSettings::of_sandbox(audience, trusted),
            false => TokenSettings::of(audience, trusted),
        };
        Wiring::with(settings, keys, tokens)
    }

    /// A sandbox whose tokens a mint of its own signs.
    pub fn sandbox(mut settings: Settings, keys: KeyRing, mint: &Mint) -> anyhow::Result<Wiring> {
        settings.sandbox.enabled = true;
        settings.check()?;
        let tokens = TokenSettings::sandbox(&settings.tokens.audience, mint.trusted());
        Wiring::with(settings, keys, tokens)
    }

    fn with(settings: Settings, keys: KeyRing, tokens: TokenSettings) -> anyhow::Result<Wiring> {
        let sandbox = settings.sandbox.enabled;
        let verifier = Arc::new(Verifier::new(tokens, sandbox)?);
        if let Some(mut file) = revoked_file(&settings)
            && let Some(revoked) = file.changed()?
        {
            verifier.revoke(revoked);
        }
        let clock = Arc::new(Clock::default());
        if let Some(moment) = settings.sandbox.start()? {
            clock.set(moment);
        }
        let url = settings.database.url.expose_secret();
        let timeouts = settings.database.timeouts();
        let pool = postgres::read_pool(url, settings.database.read_pool, timeouts);
        let clerks = ClerkSettings {
            database_url: url.to_owned(),
            timeouts,
            batch: settings.book.batch,
            queue: settings.book.queue,
            clock: clock.clone(),
        };
        let keys = Arc::new(keys);
        let log = published_logs(&settings, &keys)?.map(Arc::new);
        let redis_url = settings.redis.url.expose_secret();
        let tag_key = *keys.current(Purpose::RedisTag).1.expose();
        let gate =
            Gate::new(redis_url, tag_key, pool.clone(), clock.clone(), GateSettings::default())
                .context("REDIS_URL is no address of Redis")?;
        let blobs = Blobs::open(&settings.files).context("files.folder or files.bucket")?;
        Ok(Wiring {
            gate,
            blobs: Arc::new(blobs),
            ports: Ports::open(&settings.ports, sandbox)?,
            office: Arc::new(Office::new(settings.clocks.working_days()?, &settings.clocks)),
            books: Arc::new(Books::new(clerks, pool.clone())),
            library: Arc::new(Library::new(pool.clone())),
            reference: Arc::new(Reference::new(pool.clone())),
            seek: Arc::new(Seek::new(url, timeouts)),
            redis: Arc::new(RedisDoor::new(settings.redis.url.expose_secret())),
            draining: Arc::new(Draining::default()),
            keys,
            log,
            settings: Arc::new(settings),
            verifier,
            clock,
            pool,
        })
    }

    pub fn jobs(&self) -> Jobs {
        Jobs {
            books: self.books.clone(),
            pool: self.pool.clone(),
            clock: self.clock.clone(),
            gate: self.gate.clone(),
            log: self.log.clone(),
        }
    }

    /// Gives an app its shared data and its routes.
    pub fn configure(&self, cfg: &mut ServiceConfig) {
        cfg.app_data(Data::from(self.clock.clone()))
            .app_data(Data::from(self.keys.clone()))
            .app_data(Data::from(self.verifier.clone()))
            .app_data(Data::from(self.books.clone()))
            .app_data(Data::from(self.library.clone()))
            .app_data(Data::from(self.reference.clone()))
            .app_data(Data::from(self.seek.clone()))
            .app_data(Data::from(self.redis.clone()))
            .app_data(Data::from(self.draining.clone()))
            .app_data(Data::from(self.settings.clone()))
            .app_data(Data::new(self.log.clone()))
            .app_data(Data::from(self.blobs.clone()))
            .app_data(Data::from(self.office.clone()))
            .app_data(Data::new(self.ports.clone()))
            .app_data(Data::new(self.gate.clone()))
            .app_data(Data::new(self.pool.clone()))
            .app_data(web::PayloadConfig::new(extract::BODY_LIMIT))
            .app_data(web::QueryConfig::default().error_handler(extract::bad_query));
        routes::routes(cfg);
    }

    /// Serves until told to stop: then `/readyz` falls first, requests under way are answered,
    /// and the process ends.
    ///
    /// # Errors
    /// A role of the database that could change the ledger, in one sentence: before anything is
    /// served, or, where the database was away then, as soon as it is back.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let checked = role::check(&self.pool).await;
        if let Checked::Flawed(sentence) = checked {
            bail!(sentence);
        }
        let (workers, drain) = (self.settings.http.workers, self.settings.http.drain_seconds);
        let leave = Duration::from_secs(self.settings.http.leave_seconds);
        let wiring = self.clone();
        let server = HttpServer::new(move || {
            let wiring = wiring.clone();
            App::new().wrap(from_fn(request::handle)).configure(move |cfg| wiring.configure(cfg))
        })
        .workers(workers)
        .shutdown_timeout(drain)
        .disable_signals()
        .listen(listener)?
        .run();
        let handle = server.handle();
        let mut serving = tokio::spawn(server);
        let every = Duration::from_secs(self.settings.book.sweep_seconds);
        let mut running = vec![
            tokio::spawn(self.jobs().sweep_for_ever(every)),
            tokio::spawn(self.jobs().watch_for_ever()),
        ];
        if let Some(file) = revoked_file(&self.settings) {
            running.push(tokio::spawn(jobs::revoke_for_ever(file, self.verifier.clone())));
        }
        if let Some(log) = &self.log {
            let every = Duration::from_secs(self.settings.log.heads_seconds);
            running.push(tokio::spawn(self.jobs().publish_for_ever(log.clone())));
            running.push(tokio::spawn(self.jobs().witness_for_ever(log.clone())));
            running.push(tokio::spawn(self.jobs().list_heads_for_ever(log.clone(), every)));
        }
        let ended = tokio::select! {
            ended = &mut serving => ended?.map_err(anyhow::Error::from),
            sentence = role::flaw_found(&self.pool, checked) => {
                handle.stop(false).await;
                serving.await??;
                Err(anyhow!(sentence))
            }
            () = stop => {
                self.draining.0.store(true, Ordering::Relaxed);
                tokio::time::sleep(leave).await;
                handle.stop(true).await;
                serving.await?.map_err(anyhow::Error::from)
            }
        };
        running.iter().for_each(JoinHandle::abort);
        ended
    }
}

/// The published logs, where the settings name a store for them.
///
/// # Errors
/// A store, a name or a policy that cannot be used, in one sentence.
pub fn published_logs(settings: &Settings, keys: &Arc<KeyRing>) -> anyhow::Result<Option<Log>> {
    let Settings { log, .. } = settings;
    if log.folder.as_os_str().is_empty() {
        return Ok(None);
    }
    let folder = LogFolder::open(&log.folder)
        .with_context(|| format!("log.folder {} cannot be used", log.folder.display()))?;
    let origin = if log.origin.is_empty() { "tradein.sandbox" } else { &log.origin };
    let keys = LogKeys::new(keys.clone(), origin)?;
    let file = &log.policy_file;
    let policy = match file.as_os_str().is_empty() {
        true => Policy::default(),
        false => std::fs::read_to_string(file)
            .map_err(anyhow::Error::from)
            .and_then(|text| Ok(text.parse::<Policy>()?))
            .with_context(|| format!("log.policy_file {} cannot be used", file.display()))?,
    };
    Ok(Some(Log { folder, keys, policy, status: Status::default() }))
}

fn revoked_file(settings: &Settings) -> Option<RevokedFile> {
    let path = &settings.tokens.revoked_file;
    (!path.as_os_str().is_empty()).then(|| RevokedFile::new(path.clone()))
}

/// Between two times that histograms sum up what they have collected.
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves `/metrics` on the private address. What histograms collect is summed up in between:
/// where nobody asks, it would grow with every request.
pub fn serve_metrics(
    listener: TcpListener,
    handle: PrometheusHandle,
) -> std::io::Result<actix_web::dev::Server> {
    let upkeep = handle.clone();
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    let server = HttpServer::new(move || {
        let handle = handle.clone();
        let render = move || {
            let handle = handle.clone();
            async move { handle.render() }
        };
        App::new().route("/metrics", web::get().to(render))
    });
    Ok(server.workers(1).disable_signals().listen(listener)?.run())
}
