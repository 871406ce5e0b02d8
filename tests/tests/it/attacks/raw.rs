//! Requests as no library would send them.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// How long an answer may take to end; a connection that stays open is then looked at as it is.
const PATIENCE: Duration = Duration::from_secs(3);

/// A way to a process of the hub.
pub(crate) struct Wire {
    at: String,
}

/// One answer of those on a connection.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    head: String,
    /// What followed the head, up to the next answer.
    pub(crate) body: String,
}

impl Answer {
    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// Whether the hub did what was asked.
    pub(crate) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Wire {
    /// To the process at this address.
    pub(crate) fn to(address: &str) -> Self {
        Self { at: address.trim_start_matches("http://").to_owned() }
    }

    /// Sends these bytes on a connection of their own; all answers that come back until the hub closes it.
    pub(crate) async fn send(&self, bytes: &[u8]) -> Vec<Answer> {
        let mut stream = TcpStream::connect(&self.at).await.unwrap();
        // The hub may have said no and closed before all is sent.
        stream.write_all(bytes).await.ok();
        let mut read = Vec::new();
        let mut part = vec![0; 16 * 1024];
        let all = async {
            while let Ok(count @ 1..) = stream.read(&mut part).await {
                read.extend_from_slice(&part[..count]);
            }
        };
        tokio::time::timeout(PATIENCE, all).await.ok();
        answers(&String::from_utf8_lossy(&read))
    }
}

fn answers(text: &str) -> Vec<Answer> {
    let answer = |part: &str| {
        let (head, body) = part.split_once("\r\n\r\n").unwrap_or((part, ""));
        let status = head.get(..3).and_then(|digits| digits.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    };
    text.split("HTTP/1.1 ").skip(1).map(answer).collect()
}

#[test]
fn answers_on_one_connection_are_told_apart() {
    let text = "HTTP/1.1 200 OK\r\nx: 1\r\n\r\n{}HTTP/1.1 404 Not Found\r\n\r\n";
    let found = answers(text);
    assert_eq!(found.iter().map(|one| one.status).collect::<Vec<_>>(), [200, 404]);
    assert_eq!((found[0].header("X"), found[0].body.as_str()), (Some("1"), "{}"));
}
