//! The durations of responses.

use std::time::{Duration, Instant};

use atelier_tests::{AppSetup, Client, in_time};

/// Sign-ins of each sort per round: as many failures as an account has without a wait.
const ROUND: usize = 15;

/// The duration of a sign-in with a wrong password. Each has another address, so that none has
/// to wait.
async fn refused(client: &Client, email: &str, from: usize) -> Duration {
    let client = client.with_header("x-forwarded-for", &format!("2001:db8:{from:x}::1"));
    let begun = Instant::now();
    let _wrong = client.login(email, "wrong horse battery").await.refused(401, "BAD_CREDENTIALS");
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_duration_of_a_sign_in_does_not_reveal_accounts() {
    let setup = AppSetup::embedded().with(|settings| {
        settings.server.trusted_proxies = vec!["127.0.0.1".parse().expect("a network")];
    });
    let app = setup.start().await;
    let client = app.client();
    for number in 0..ROUND {
        let _person = client.register(&format!("known{number}@example.org")).await;
    }
    let mut known = Vec::new();
    for number in 0..5 {
        known.push(refused(&client, &format!("known{number}@example.org"), number).await);
    }
    // Much less than a hash, which a lookup without an account would save.
    let noise = median(known) / 4;

    in_time(noise, async || {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for number in 0..ROUND {
            known.push(refused(&client, &format!("known{number}@example.org"), 2 * number).await);
            unknown.push(refused(&client, &format!("unknown{number}@example.org"), 2 * number + 1).await);
        }
        median(known).abs_diff(median(unknown))
    })
    .await;
    app.finish().await;
}
