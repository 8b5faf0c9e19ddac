//! One process' worth of the service: a thread that serves on loopback until it is dropped.

use std::net::TcpListener;
use tokio::sync::oneshot;
use tradein::identity::token::Mint;
use tradein::infra::keys::KeyRing;
use tradein::infra::settings::Settings;
use tradein::kernel::time::Moment;
use tradein::wiring::Wiring;

pub struct Instance {
    pub wiring: Wiring,
    pub url: String,
    stop: Option<oneshot::Sender<()>>,
    served: Option<std::thread::JoinHandle<()>>,
}

impl Instance {
    /// A sandbox with the keys of `keys.file`, or those of every sandbox, at a moment.
    pub fn start(settings: Settings, mint: &Mint, now: Moment) -> Instance {
        let file = &settings.keys.file;
        let keys = match file.as_os_str().is_empty() {
            true => KeyRing::sandbox(),
            false => KeyRing::from_file(file, true).expect("a file of keys"),
        };
        let wiring = Wiring::sandbox(settings, keys, mint).expect("a sandbox");
        wiring.clock.set(now);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = wiring.clone();
        let served = std::thread::spawn(move || {
            let stop = async {
                let _ = stopped.await;
            };
            let done = actix_web::rt::System::new().block_on(serving.serve(listener, stop));
            done.expect("the service ends in order");
        });
        Instance { wiring, url, stop: Some(stop), served: Some(served) }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(served) = self.served.take() {
            let ended = served.join();
            if !std::thread::panicking() {
                ended.expect("the service ends in order");
            }
        }
    }
}
