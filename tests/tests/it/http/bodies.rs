//! Bodies beyond the bound, from clients that send on while they are refused.

use atelier_tests::AppSetup;
use futures::stream;

const PIECE: usize = 64 * 1_024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_too_much_is_told_so_and_not_cut_off() {
    let app = AppSetup::embedded().with(|settings| settings.server.max_body_bytes = 1_024).start().await;
    let ada = app.client().register("ada@example.org").await;
    let post = |body: reqwest::Body| ada.client.post("/api/projects").body("application/json", body).send();
    for megabytes in [1, 4, 7] {
        let pieces = megabytes * 1_024 * 1_024 / PIECE;
        let whole = vec![b' '; pieces * PIECE];
        let streamed = stream::iter((0..pieces).map(|_| Ok::<_, std::io::Error>(vec![b' '; PIECE])));

        let _refused = post(whole.into()).await.refused(413, "PAYLOAD_TOO_LARGE");
        let _refused = post(reqwest::Body::wrap_stream(streamed)).await.refused(413, "PAYLOAD_TOO_LARGE");
    }
    app.finish().await;
}
