//! A redirect is an answer.

use outbound::Limits;
use url::Url;

use crate::support::{PUBLIC, Watched, get, saying};

/// Wherever they lead, and whatever their kind.
#[tokio::test]
async fn a_redirect_inside_is_handed_back_and_nothing_else_is_opened() {
    for status in [301, 302, 303, 307, 308] {
        for place in [
            "http://169.254.169.254/latest/meta-data/",
            "https://127.0.0.1/",
            "file:///etc/passwd",
            "//metadata.google.internal/",
            "/again",
        ] {
            let answer = format!(
                "HTTP/1.1 {status} Elsewhere\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n"
            );
            let net = Watched::new(|_, _| vec![PUBLIC]).leading_to(saying(answer).await);
            let out = net.outbound(&["provider.example"]);
            let url: Url = "http://provider.example/".parse().unwrap();

            let kept = out.send(get(url.as_str()), Limits::default()).await.unwrap();
            let connection = out.connect(&get(url.as_str()), Limits::default()).await.unwrap();
            let once = connection.send(get(url.as_str())).await.unwrap();

            for answer in [kept, once] {
                assert_eq!(answer.status(), status);
                assert_eq!(answer.headers()["location"], place);
            }
            assert_eq!(net.take().opened, [(PUBLIC, 80).into(); 2]);
        }
    }
}
