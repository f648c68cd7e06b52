use atelier_tests::{PrivateRedis, TestRedis};

async fn set(server: &atelier_tests::RedisServer, key: &str) {
    let mut connection = server.connect().await;
    redis::cmd("SET").arg(key).arg(1).exec_async(&mut connection).await.expect("Redis takes a key");
}

#[tokio::test]
async fn a_test_sees_and_deletes_only_its_own_keys() {
    let (one, two) = (TestRedis::create(), TestRedis::create());
    set(&one.server, &format!("{}:a", one.prefix)).await;
    set(&one.server, &format!("{{{}}}:b", one.prefix)).await;
    set(&two.server, &format!("{}:a", two.prefix)).await;
    assert_eq!(one.list_keys().await.len(), 2);
    one.flush().await;
    assert!(one.list_keys().await.is_empty());
    assert_eq!(two.list_keys().await, [format!("{}:a", two.prefix)]);
}

#[tokio::test]
async fn dropping_a_prefix_deletes_its_keys() {
    let redis = TestRedis::create();
    let (server, prefix) = (redis.server.clone(), redis.prefix.clone());
    set(&server, &format!("{prefix}:a")).await;
    drop(redis);
    assert!(server.list_keys(&prefix).await.is_empty());
}

#[tokio::test]
async fn a_private_server_counts_commands_and_comes_back_empty() {
    let mut redis = PrivateRedis::start();
    let before = redis.server.count_commands().await;
    set(&redis.server, "a").await;
    set(&redis.server, "b").await;
    assert!(redis.server.count_commands().await >= before + 2);
    assert_eq!(redis.server.list_command_counts().await.get("set"), Some(&2));

    redis.kill();
    let client = redis::Client::open(redis.server.url.as_str()).expect("the URL is valid");
    assert!(client.get_multiplexed_async_connection().await.is_err());
    redis.restart();
    assert!(redis.server.list_keys("").await.is_empty());

    set(&redis.server, "c").await;
    redis.server.flush_all().await;
    assert!(redis.server.list_keys("").await.is_empty());
}
