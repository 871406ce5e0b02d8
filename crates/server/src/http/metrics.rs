//! What the process counts of itself, for Prometheus (text format 0.0.4). Nothing of a workspace.

use axum::{http::header, response::IntoResponse};

/// How keys lie in memory.
pub(super) async fn metrics() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text(vault::unlocked_pages()))
}

fn text(unlocked_pages: u64) -> String {
    format!(
        "# HELP valetkey_unlocked_key_pages Pages of 16 KiB that hold keys and could not be locked in memory.\n\
         # TYPE valetkey_unlocked_key_pages counter\n\
         valetkey_unlocked_key_pages {unlocked_pages}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_its_name_its_kind_and_what_it_means() {
        let text = text(7);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("# HELP valetkey_unlocked_key_pages "), "{text}");
        assert_eq!(lines[1], "# TYPE valetkey_unlocked_key_pages counter");
        assert_eq!(lines[2..], ["valetkey_unlocked_key_pages 7"]);
        assert!(text.ends_with('\n'));
    }
}
