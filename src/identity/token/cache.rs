//! Verified tokens, by SHA-256 of their text: a verification is paid once per token, not once per
//! request.

use super::Actor;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// SHA-256 of a token's text.
pub type TokenDigest = [u8; 32];

/// Locks are held for a map look-up, so a few shards suffice.
const SHARDS: usize = 16;

/// A bounded map in two generations per shard. New entries go to the young one; when that is full
/// the old one is dropped and the young one becomes old; an old entry that is asked for becomes
/// young again. So the bound holds without a clock, a list or a scan, and what is in use stays.
pub struct Cache {
    shards: [Mutex<Generations>; SHARDS],
    /// Entries of one generation of one shard.
    most: usize,
}

#[derive(Default)]
struct Generations {
    young: HashMap<TokenDigest, Arc<Actor>>,
    old: HashMap<TokenDigest, Arc<Actor>>,
}

impl Cache {
    /// Holds at most `capacity` tokens, rounded up to a multiple of 32.
    pub fn new(capacity: usize) -> Cache {
        let most = capacity.div_ceil(SHARDS * 2).max(1);
        Cache { shards: Default::default(), most }
    }

    pub fn get(&self, digest: &TokenDigest) -> Option<Arc<Actor>> {
        let mut shard = self.shard(digest);
        if let Some(actor) = shard.young.get(digest) {
            return Some(actor.clone());
        }
        let actor = shard.old.remove(digest)?;
        self.store(&mut shard, *digest, actor.clone());
        Some(actor)
    }

    pub fn put(&self, digest: TokenDigest, actor: Arc<Actor>) {
        self.store(&mut self.shard(&digest), digest, actor);
    }

    fn store(&self, shard: &mut Generations, digest: TokenDigest, actor: Arc<Actor>) {
        if shard.young.len() >= self.most {
            shard.old = std::mem::take(&mut shard.young);
        }
        shard.young.insert(digest, actor);
    }

    fn shard(&self, digest: &TokenDigest) -> std::sync::MutexGuard<'_, Generations> {
        let shard = &self.shards[digest[0] as usize % SHARDS];
        // Nothing that runs under the lock can leave a map half changed.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let sizes = self.shards.iter().map(|s| s.lock().unwrap());
        sizes.map(|s| s.young.len() + s.old.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::model::PersonId;
    use crate::identity::role::Role;
    use crate::identity::token::{LoginId, Standing};
    use chrono::DateTime;
    use uuid::Uuid;

    fn actor(number: u128) -> Arc<Actor> {
        Arc::new(Actor {
            role: Role::Person,
            standing: Standing::Person(PersonId::from(Uuid::from_u128(number))),
            login: LoginId::from([0; 16]),
            token_id: number.to_string(),
            key_id: "k".into(),
            not_before: DateTime::UNIX_EPOCH,
            expires: DateTime::UNIX_EPOCH,
        })
    }

    fn digest(number: u32) -> TokenDigest {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&number.to_le_bytes());
        digest
    }

    #[test]
    fn stays_bounded_and_keeps_what_is_used() {
        let cache = Cache::new(320);
        cache.put(digest(0), actor(0));
        for number in 1..10_000 {
            cache.put(digest(number), actor(number.into()));
            assert_eq!(cache.get(&digest(0)).unwrap().token_id, "0", "after {number}");
        }
        assert!(cache.len() <= 320 && cache.len() >= 160, "{}", cache.len());
        assert_eq!(cache.get(&digest(1)), None, "unused for long");
        assert_eq!(cache.get(&digest(9_999)).unwrap().token_id, "9999");
    }
}
