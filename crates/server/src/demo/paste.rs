//! What `make run` prints: what to try, ready to paste.

use std::path::Path;

use super::{ACME, PLATFORM, note, terminal::Style};

/// Where things are.
pub(super) struct Places<'a> {
    /// The hub.
    pub(super) hub: &'a str,
    /// The data directory, from the root: what is pasted works in any folder.
    pub(super) data: &'a Path,
}

/// A text as one word of a shell's line.
fn quoted(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-".contains(&b);
    if text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The value of a member of JSON that a shell variable or file holds; nothing where it has none.
fn member(name: &str) -> String {
    format!(r#"sed -n 's/.*"{name}":"\([^"]*\)".*/\1/p'"#)
}

/// Asks for a token as the agent. The key is read where it lies: it is in no scrollback and no history.
fn ask(places: &Places<'_>) -> Vec<String> {
    let note = note::path(places.data);
    vec![
        format!("AGENT_KEY=$({} {})", member("agent_key"), quoted(&note.display().to_string())),
        format!(
            r#"ANSWER=$(curl -sS {}/v1/token -H "Authorization: Bearer $AGENT_KEY" \"#,
            places.hub
        ),
        r"  -H 'Content-Type: application/json' \".to_owned(),
        r#"  -d '{"provider":"acme","end_user":{"id":"ana"},"reason":"look up a contact"}')"#
            .to_owned(),
        r#"printf '%s\n' "$ANSWER""#.to_owned(),
    ]
}

/// Uses the token, if the answer has one.
fn call() -> Vec<String> {
    vec![
        format!(r#"TOKEN=$(printf '%s\n' "$ANSWER" | {})"#, member("access_token")),
        r#"if [ -n "$TOKEN" ]; then"#.to_owned(),
        format!(
            r#"  curl -sS '{ACME}/api/v1/contacts?limit=1' -H "Authorization: Bearer $TOKEN"; echo"#
        ),
        "else".to_owned(),
        "  echo 'There is no token in that answer: link an account (1), then ask again (2).'"
            .to_owned(),
        "fi".to_owned(),
    ]
}

/// Everything that there is to say.
pub(super) fn lines(style: &Style, places: &Places<'_>, is_new: bool) -> Vec<String> {
    let hub = places.hub;
    let mut all = vec![String::new()];
    all.push(format!(
        "  {}  {}",
        style.good("Valetkey is running."),
        style.dim("Ctrl-C stops it.")
    ));
    if is_new {
        all.push(style.dim("  A demo workspace was set up through the API: a client and an integration for Acme, an agent, a policy."));
    }
    let mut part = |title: &str, lines: Vec<String>| {
        all.push(String::new());
        all.push(format!("  {}", style.bold(title)));
        all.extend(lines.into_iter().map(|line| format!("     {line}")));
    };
    let page = style.link(&format!("{PLATFORM}/connect?user=ana"));
    part("1. Link an account, as a person would: open", vec![page]);
    part("2. Ask for access, as an agent would: paste", ask(places));
    part("3. Use it at Acme's CRM, while it is good (Acme's tokens live 20 s): paste", call());
    part("Or let it walk by itself, in another terminal", vec!["make demo AUTO=1".to_owned()]);
    part(
        "Look around",
        vec![
            format!("API docs       {}", style.link(&format!("{hub}/docs"))),
            format!("Demo platform  {}", style.link(PLATFORM)),
            format!("Acme           {}", style.link(ACME)),
        ],
    );
    let data = places.data.display();
    part(
        "Where things are",
        vec![
            format!("{data}/valetkey.db   the database (SQLite)"),
            format!(
                "{data}/valetkey.key  the key that seals it: back it up, apart from the database"
            ),
            format!("{data}/platform.key  the platform's API key"),
            format!("{data}/demo.json     the demo agent's API key"),
        ],
    );
    all.push(String::new());
    all
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use base::{OsRng, random_token};

    use super::*;

    /// What a shell prints for these lines, with a `curl` that prints its last argument.
    fn run(before: &str, lines: &[String], after: &str) -> String {
        let curl = "curl() { for last; do :; done; printf '%s' \"<$last>\"; }";
        let script = format!("{curl}\n{before}\n{}\n{after}\n", lines.join("\n"));
        let done = Command::new("sh").args(["-euc", &script]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    #[test]
    fn the_agents_key_is_read_from_its_file_and_not_printed() {
        let folder = std::env::temp_dir().join(format!("it's a {}", random_token(&OsRng)));
        fs::create_dir(&folder).unwrap();
        let note = note::Note {
            hub: "http://hub".into(),
            workspace: "ws_1".into(),
            agent_key: "vk_agent_a_b-c".into(),
        };
        note.write(&folder).unwrap();
        let lines = ask(&Places { hub: "http://hub", data: &folder });
        assert!(!lines.concat().contains("vk_agent"));
        let printed = run("", &lines, "printf 'key %s' \"$AGENT_KEY\"");
        fs::remove_dir_all(folder).unwrap();
        assert!(printed.contains(r#"<{"provider":"acme","end_user":{"id":"ana"}"#), "{printed}");
        assert!(printed.ends_with("key vk_agent_a_b-c"), "{printed}");
    }

    #[test]
    fn a_token_in_the_answer_is_used() {
        let answer = r#"ANSWER='{"status":"issued","access_token":"acme_at_1","apply":{"headers":{"authorization":"Bearer acme_at_1"}}}'"#;
        assert_eq!(run(answer, &call(), ""), "<Authorization: Bearer acme_at_1>\n");
    }

    #[test]
    fn an_answer_without_a_token_is_said_to_have_none() {
        for answer in [
            r#"{"status":"connect_required","connect_url":"http://hub/connect/x"}"#,
            r#"{"status":"issued","access_token":null}"#,
            "",
        ] {
            let printed = run(&format!("ANSWER='{answer}'"), &call(), "");
            assert!(printed.starts_with("There is no token in that answer"), "{printed}");
        }
    }
}
