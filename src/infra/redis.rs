//! The door to Redis, as far as it is nobody's business: whether it is there.

use redis::Client;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use std::time::Duration;
use tokio::sync::OnceCell;

/// Asks Redis whether it is there, over one connection that mends itself.
pub struct RedisDoor {
    client: Option<Client>,
    connection: OnceCell<ConnectionManager>,
}

const PATIENCE: Duration = Duration::from_millis(500);

impl RedisDoor {
    pub fn new(url: &str) -> RedisDoor {
        RedisDoor { client: Client::open(url).ok(), connection: OnceCell::new() }
    }

    pub async fn is_reachable(&self) -> bool {
        let asked = async {
            let client = self.client.clone()?;
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(PATIENCE))
                .set_response_timeout(Some(PATIENCE))
                .set_number_of_retries(1);
            let connect = || ConnectionManager::new_with_config(client, config);
            let mut connection = self.connection.get_or_try_init(connect).await.ok()?.clone();
            redis::cmd("PING").query_async::<String>(&mut connection).await.ok()
        };
        tokio::time::timeout(PATIENCE * 2, asked).await.ok().flatten().is_some()
    }
}
