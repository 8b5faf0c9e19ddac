//! `tradein caps`.

use super::world::{KEY, World, person};
use std::process::{Command, Output};

fn caps(world: &World, what: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tradein"))
        .args(["caps", what])
        .env("DATABASE_URL", world.db.app_url())
        .env("REDIS_URL", world.redis.url())
        .env("TRADEIN_SANDBOX__ENABLED", "true")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn check_fails_only_where_redis_would_refuse_wrongly() {
    let world = World::new();
    let gate = world.gate().await;
    for n in 1..=3 {
        world.grant(person(n), 3, None).unwrap();
    }
    let warmed = caps(&world, "warm");
    assert!(warmed.status.success(), "{warmed:?}");
    let checked = caps(&world, "check");
    assert!(checked.status.success(), "{checked:?}");
    assert!(said(&checked).contains("3 quota rows, 3 of them in Redis"), "{checked:?}");

    // A commit that Redis was not told of: too low, and safe.
    world.grant(person(1), 3, None).unwrap();
    let lower = caps(&world, "check");
    assert!(lower.status.success(), "{lower:?}");
    assert!(said(&lower).starts_with("downward"), "{lower:?}");

    // Too high.
    gate.confirm(person(2), KEY, 3, 9, None).await;
    let higher = caps(&world, "check");
    assert_eq!(higher.status.code(), Some(1), "{higher:?}");
    assert!(said(&higher).contains("1 wrong upward"), "{higher:?}");
    assert!(!said(&higher).contains(&person(2).id.to_string()));
}
