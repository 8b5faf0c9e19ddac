//! Takes the copies of a bucket out of Redis.

use crate::register::model::BucketNo;
use redis::{Connection, RedisResult};

/// Removes every entry of the people of one bucket. A missing one means "load from Postgres", so
/// this costs those people one read each.
///
/// # Errors
/// Redis is away.
pub fn forget_bucket(connection: &mut Connection, bucket: BucketNo) -> RedisResult<()> {
    let pattern = format!("{{b{bucket}}}:*");
    let mut cursor = 0u64;
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1_000);
        let (next, keys): (u64, Vec<Vec<u8>>) = scan.query(connection)?;
        for key in keys {
            redis::cmd("UNLINK").arg(key).exec(connection)?;
        }
        cursor = next;
        if cursor == 0 {
            return Ok(());
        }
    }
}
