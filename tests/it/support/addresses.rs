//! Other users and databases in an address that somebody gave us.

/// The same server, for another user (with a password) and another database.
pub fn postgres(url: &str, user: &str, database: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("TRADEIN_TEST_DATABASE_URL is an address");
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    format!("{scheme}://{user}@{host}/{database}{query}")
}

/// The user with the password, as far as the address says them.
pub fn user(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?']).next().unwrap_or(authority);
    authority.rsplit_once('@').map_or("", |(user, _)| user)
}

/// The same server, another logical database.
pub fn redis(url: &str, database: u32) -> String {
    let url = url.split('?').next().expect("splitting gives at least one part");
    let (scheme, rest) = url.split_once("://").expect("TRADEIN_TEST_REDIS_URL is an address");
    if scheme.ends_with("unix") {
        return format!("{url}?db={database}");
    }
    let authority = rest.split('/').next().expect("splitting gives at least one part");
    format!("{scheme}://{authority}/{database}")
}

#[test]
fn addresses_change_only_where_they_are_told_to() {
    for (given, expected) in [
        ("postgres://root:pw@db:5432/postgres", "postgres://app:x@db:5432/mine"),
        ("postgres://db", "postgres://app:x@db/mine"),
        ("postgresql://me@/x?host=%2Frun", "postgresql://app:x@/mine?host=%2Frun"),
    ] {
        assert_eq!(postgres(given, "app:x", "mine"), expected);
    }
    assert_eq!(user("postgres://root:pw@db:5432/postgres"), "root:pw");
    assert_eq!(user("postgres://db/x?options=a@b"), "");
    for (given, expected) in [
        ("redis://:pw@cache:6379/0", "redis://:pw@cache:6379/7"),
        ("redis://cache", "redis://cache/7"),
        ("redis+unix:///run/redis.sock?db=1", "redis+unix:///run/redis.sock?db=7"),
    ] {
        assert_eq!(redis(given, 7), expected);
    }
}
