//! Plain text for providers that want something else.

/// Plain text as HTML that looks the same: nothing in it is markup, and lines stay lines.
pub fn to_html(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' => html.push_str("<br>"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup_and_lines_stay_lines() {
        assert_eq!(
            to_html("a < b & \"c\"\r\n<script>'x'</script>\n"),
            "a &lt; b &amp; &quot;c&quot;<br>&lt;script&gt;&#39;x&#39;&lt;/script&gt;<br>"
        );
    }
}
