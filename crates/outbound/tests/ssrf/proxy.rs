//! The environment names no proxy for us.

use outbound::{Limits, Outbound};

use crate::support::{config, get, saying};

/// Runs this file's other test in a process of its own, whose environment names a proxy: a listener
/// that nobody may come to.
#[test]
fn a_proxy_of_the_environment_is_not_used() {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = format!("http://{}", proxy.local_addr().unwrap());
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "proxy::in_a_process_with_a_proxy", "--ignored", "--nocapture"]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    {
        child.env(name, &place);
    }
    for name in ["no_proxy", "NO_PROXY", "REQUEST_METHOD"] {
        child.env_remove(name);
    }
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    proxy.set_nonblocking(true).unwrap();
    assert_eq!(proxy.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
#[ignore = "a part of the test above"]
async fn in_a_process_with_a_proxy() {
    let server = saying("HTTP/1.1 204 No Content\r\n\r\n").await;
    let out = Outbound::network(&config(&["127.0.0.1"])).unwrap();
    let url = format!("http://{server}/");
    assert_eq!(out.send(get(&url), Limits::default()).await.unwrap().status(), 204);
    let connection = out.connect(&get(&url), Limits::default()).await.unwrap();
    assert_eq!(connection.send(get(&url)).await.unwrap().status(), 204);
}
