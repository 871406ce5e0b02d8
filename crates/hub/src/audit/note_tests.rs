use proptest::prelude::*;
use signed_note::{Note, StandardVerifier, VerifierList};

use super::*;

fn signer() -> Signer {
    Signer::new("keys.example.com", &[7; 32])
}

fn said(size: i64) -> Checkpoint {
    Checkpoint { origin: signer().origin("ws_1"), size, hash: [9; 32], anchor: false }
}

/// Whether another implementation takes the note for signed with this key.
fn others_take(note: &str, key: &VerifierKey) -> bool {
    let Ok(verifier) = StandardVerifier::new(&key.to_string()) else { return false };
    let Ok(note) = Note::from_bytes(note.as_bytes()) else { return false };
    note.verify(&VerifierList::new(vec![Box::new(verifier)])).is_ok()
}

#[test]
fn a_note_has_the_form_of_c2sp() {
    let note = signer().sign(&said(1));
    let (text, signature) = note.split_once("\n\n").unwrap();
    assert_eq!(text, "keys.example.com/ws/ws_1\n1\nCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=");
    assert!(signature.starts_with("\u{2014} keys.example.com ") && signature.ends_with("=\n"));
    let anchor = Checkpoint { anchor: true, ..said(1) };
    assert_eq!(anchor.text(), format!("{text}\nanchor\n"));
}

#[test]
fn another_implementation_takes_our_notes_and_keys() {
    let key = signer().verifier_key();
    for what in [said(1), Checkpoint { anchor: true, ..said(2) }] {
        assert!(others_take(&signer().sign(&what), &key));
    }
    let other = Signer::new("keys.example.com", &[8; 32]).verifier_key();
    assert!(!others_take(&signer().sign(&said(1)), &other));
}

#[test]
fn a_key_is_read_as_it_is_written() {
    let key = signer().verifier_key();
    assert_eq!(key.to_string().parse(), Ok(key.clone()));
    let text = key.to_string();
    for bad in [
        text.replace("keys", "kays"),
        text.replace("+Ae", "+Au"),
        text.replacen('+', " ", 1),
        String::new(),
    ] {
        assert_eq!(bad.parse::<VerifierKey>(), Err(NoteError::NotAKey), "{bad}");
    }
}

#[test]
fn what_a_note_says_is_told_only_to_its_signers_key() {
    let note = signer().sign(&said(12));
    assert_eq!(signer().verifier_key().open(&note), Ok(said(12)));
    let other = Signer::new("keys.example.com", &[8; 32]).verifier_key();
    assert_eq!(other.open(&note), Err(NoteError::OtherKey));
    let forged = note.replacen("\n12\n", "\n13\n", 1);
    assert_eq!(signer().verifier_key().open(&forged), Err(NoteError::BadSignature));
}

#[test]
fn a_hub_that_moved_to_another_host_is_known_by_its_key() {
    let former = Signer::new("old.example.com", &[7; 32]);
    let note = former.sign(&Checkpoint { origin: former.origin("ws_1"), ..said(3) });
    assert_eq!(signer().verifier_key().open(&note).unwrap().origin, "old.example.com/ws/ws_1");
}

#[test]
fn a_cosignature_of_somebody_else_does_no_harm() {
    let note = signer().sign(&said(1));
    let other = Signer::new("witness.example", &[8; 32]).sign(&said(1));
    let cosigned = note.clone() + other.rsplit_once("\n\n").unwrap().1;
    assert_eq!(signer().verifier_key().open(&cosigned), Ok(said(1)));
    let longer = format!("{note}\u{2014} witness.example AAAAAAE=\n");
    assert_eq!(signer().verifier_key().open(&longer), Ok(said(1)));
}

#[test]
fn a_signed_text_that_is_no_checkpoint_is_refused() {
    let key = SigningKey::from_bytes(&[7; 32]);
    for text in ["hello\n", "o\n01\nCQk=\n", "o\n1\nCQk=\n", "\n1\n\n"] {
        let mut signed = key_id("n", &key.verifying_key()).to_vec();
        signed.extend(key.sign(text.as_bytes()).to_bytes());
        let note = format!("{text}\n\u{2014} n {}\n", BASE64.encode(&signed));
        assert_eq!(signer().verifier_key().open(&note), Err(NoteError::NotOfAChain), "{text}");
    }
}

#[test]
fn a_host_that_can_be_no_name_becomes_one() {
    let key = Signer::new("a+b c", &[7; 32]).verifier_key();
    assert!(key.to_string().starts_with("a-b-c+"));
    assert_eq!(key.to_string().parse(), Ok(key));
}

proptest! {
    #[test]
    fn a_note_that_was_changed_anywhere_says_nothing_else(
        at in any::<proptest::sample::Index>(), with in any::<char>()
    ) {
        let note = signer().sign(&said(77));
        let mut letters: Vec<char> = note.chars().collect();
        let at = at.index(letters.len());
        prop_assume!(letters[at] != with);
        letters[at] = with;
        let changed: String = letters.into_iter().collect();
        let opened = signer().verifier_key().open(&changed);
        prop_assert!(opened.is_err(), "{changed:?} is taken: {opened:?}");
    }

    #[test]
    fn nothing_that_is_fed_to_it_breaks_it(note in "[a\n\u{2014} 1=+]{0,200}", key in ".{0,80}") {
        prop_assert!(signer().verifier_key().open(&note).is_err());
        prop_assert!(key.parse::<VerifierKey>().is_err());
    }
}

#[test]
fn the_note_in_the_documentation_is_signed_with_the_key_there() {
    let page = include_str!("../../../../docs/audit.md");
    let what =
        Checkpoint { origin: signer().origin("ws_01k9x2q7b3n5v8z0c4d6f1g2h3"), ..said(10_023) };
    let note = signer().sign(&what);
    assert!(page.contains(&note), "{note}");
    assert!(page.contains(&signer().verifier_key().to_string()));
}
