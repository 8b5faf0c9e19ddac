//! A door before PostgreSQL that loses what is said about a COMMIT.

use crate::support::TestDb;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// What becomes of the next COMMIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Pass,
    /// It reaches the server, and its answer is lost.
    LoseTheAnswer,
    /// The connection ends before it reaches the server.
    LoseTheCommit,
}

#[derive(Clone)]
pub struct Proxy {
    pub url: String,
    next: Arc<Mutex<Next>>,
    lost: Arc<AtomicU32>,
}

#[derive(QueryableByName)]
struct Where {
    #[diesel(sql_type = Text)]
    folder: String,
    #[diesel(sql_type = Text)]
    port: String,
    #[diesel(sql_type = Text)]
    database: String,
    #[diesel(sql_type = Text)]
    user: String,
}

/// `COMMIT` as a simple query.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

impl Proxy {
    pub fn before(db: &TestDb) -> Proxy {
        let text = "SELECT trim(split_part(current_setting('unix_socket_directories'), ',', 1)) \
                    AS folder, current_setting('port') AS port, \
                    current_database()::text AS database, 'tradein_app' AS user";
        let mut superuser = connect(&db.superuser_url());
        let it: Where = sql_query(text).get_result(&mut superuser).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let url = format!(
            "postgresql://{}@{at}/{}?sslmode=disable&gssencmode=disable",
            it.user, it.database
        );
        let socket = format!("{}/.s.PGSQL.{}", it.folder, it.port);
        let proxy = Proxy { url, next: Arc::new(Mutex::new(Next::Pass)), lost: Arc::default() };
        let serving = proxy.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = UnixStream::connect(&socket).expect("the server's socket");
                serving.clone().join(client, server);
            }
        });
        proxy
    }

    pub fn next(&self, next: Next) {
        *self.next.lock().unwrap() = next;
    }

    /// How many commits were lost.
    pub fn lost(&self) -> u32 {
        self.lost.load(Ordering::SeqCst)
    }

    fn join(self, mut client: TcpStream, mut server: UnixStream) {
        let (mut to_client, mut from_server) =
            (client.try_clone().unwrap(), server.try_clone().unwrap());
        let losing = Arc::new(AtomicU32::new(0));
        let deaf = losing.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok(read @ 1..) = from_server.read(&mut buffer) {
                if deaf.load(Ordering::SeqCst) != 0 {
                    break;
                }
                if to_client.write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            let _ = to_client.shutdown(Shutdown::Both);
        });
        std::thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok(read @ 1..) = client.read(&mut buffer) {
                let said = &buffer[..read];
                let next = match said.windows(COMMIT.len()).any(|part| part == COMMIT) {
                    true => std::mem::replace(&mut *self.next.lock().unwrap(), Next::Pass),
                    false => Next::Pass,
                };
                if next != Next::Pass {
                    losing.store(1, Ordering::SeqCst);
                    self.lost.fetch_add(1, Ordering::SeqCst);
                }
                if next == Next::LoseTheCommit {
                    break;
                }
                if server.write_all(said).is_err() {
                    break;
                }
            }
            let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
        });
    }
}

fn connect(url: &str) -> diesel::PgConnection {
    diesel::Connection::establish(url).unwrap()
}
