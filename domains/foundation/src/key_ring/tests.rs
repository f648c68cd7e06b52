use super::*;

const OLD: [u8; KEY_BYTES] = [1; KEY_BYTES];
const NEW: [u8; KEY_BYTES] = [2; KEY_BYTES];

fn ring(keys: &[(&str, &[u8; KEY_BYTES])]) -> KeyRing {
    KeyRing::new(keys.iter().map(|(id, key)| ((*id).to_owned(), *key)))
}

fn plain() -> SecretString {
    SecretString::from("sk-live-a-secret")
}

fn aad() -> Aad<'static> {
    Aad {
        purpose: "credential",
        id: Uuid::from_u128(1),
        owner: Uuid::from_u128(2),
        kind: "http_bearer",
        revision: 3,
    }
}

fn opened(ring: &KeyRing, aad: &Aad<'_>, sealed: &Sealed) -> Result<String, KeyRingError> {
    ring.open(aad, sealed).map(|plain| plain.expose_secret().to_owned())
}

#[test]
fn a_sealed_text_opens_for_what_it_belongs_to_and_shows_nothing() {
    let ring = ring(&[("old", &OLD)]);
    let sealed = ring.seal(&aad(), &plain()).expect("sealed");

    assert_eq!(opened(&ring, &aad(), &sealed).as_deref(), Ok("sk-live-a-secret"));
    assert_eq!((sealed.key_id(), sealed.as_str().split('.').count()), (Some("old"), 6));
    assert!(sealed.as_str().starts_with(&Sealed::prefix_of("old")));
    assert_ne!(ring.seal(&aad(), &plain()), Ok(sealed.clone()), "each has its own key and nonces");
    assert_eq!(format!("{ring:?} {sealed:?}"), r#"["old"] Sealed(Some("old"))"#);
}

#[test]
fn a_text_that_was_sealed_for_something_else_does_not_open() {
    let ring = ring(&[("old", &OLD)]);
    let sealed = ring.seal(&aad(), &plain()).expect("sealed");

    for other in [
        Aad { purpose: "webhook", ..aad() },
        Aad { id: Uuid::from_u128(9), ..aad() },
        Aad { owner: Uuid::from_u128(9), ..aad() },
        Aad { kind: "http_basic", ..aad() },
        Aad { revision: 2, ..aad() },
    ] {
        assert_eq!(opened(&ring, &other, &sealed), Err(KeyRingError::Refused), "{other:?}");
    }
}

#[test]
fn values_with_separators_are_not_taken_for_others() {
    let one = Aad { purpose: "a|b", kind: "c", ..aad() };
    let other = Aad { purpose: "a", kind: "b|c", ..aad() };

    assert_ne!(one.bytes(), other.bytes());
}

#[test]
fn every_changed_bit_is_noticed() {
    let ring = ring(&[("old", &OLD)]);
    let sealed = ring.seal(&aad(), &plain()).expect("sealed");
    let open_changed = |change: &dyn Fn(&mut Envelope<'_>)| {
        let mut envelope = Envelope::read(&sealed).expect("an envelope");
        change(&mut envelope);
        opened(&ring, &aad(), &envelope.seal())
    };
    let length = |of: &dyn Fn(&Envelope<'_>) -> usize| of(&Envelope::read(&sealed).expect("an envelope"));

    for bit in 0..8 * length(&|envelope| envelope.ciphertext.len()) {
        let found = open_changed(&|envelope| envelope.ciphertext[bit / 8] ^= 1 << (bit % 8));
        assert_eq!(found, Err(KeyRingError::Refused), "bit {bit} of the ciphertext");
    }
    for bit in 0..8 * length(&|envelope| envelope.wrapped.len()) {
        let found = open_changed(&|envelope| envelope.wrapped[bit / 8] ^= 1 << (bit % 8));
        assert_eq!(found, Err(KeyRingError::Refused), "bit {bit} of the data key");
    }
    for bit in 0..8 * NONCE_BYTES {
        let found = open_changed(&|envelope| envelope.nonce[bit / 8] ^= 1 << (bit % 8));
        assert_eq!(found, Err(KeyRingError::Refused), "bit {bit} of the nonce");
        let found = open_changed(&|envelope| envelope.wrap_nonce[bit / 8] ^= 1 << (bit % 8));
        assert_eq!(found, Err(KeyRingError::Refused), "bit {bit} of the nonce of the data key");
    }
}

#[test]
fn the_data_key_of_another_text_does_not_open_this_one() {
    let ring = ring(&[("old", &OLD)]);
    let (one, other) = (ring.seal(&aad(), &plain()), ring.seal(&aad(), &plain()));
    let (one, other) = (one.expect("sealed"), other.expect("sealed"));
    let other = Envelope::read(&other).expect("an envelope");
    let mixed = Envelope {
        wrapped: other.wrapped,
        wrap_nonce: other.wrap_nonce,
        ..Envelope::read(&one).expect("an envelope")
    };

    assert_eq!(opened(&ring, &aad(), &mixed.seal()), Err(KeyRingError::Refused));
}

#[test]
fn damaged_texts_and_unknown_keys_are_told_apart() {
    let (old, new) = (ring(&[("old", &OLD)]), ring(&[("new", &NEW)]));
    let sealed = old.seal(&aad(), &plain()).expect("sealed");
    let unknown = KeyRingError::UnknownKey("old".to_owned());

    assert_eq!(unknown.to_string(), r#"the key "old" is not in CREDENTIAL_KEYS"#);
    assert_eq!(opened(&new, &aad(), &sealed), Err(unknown.clone()));
    assert_eq!(new.rewrap(&sealed), Err(unknown));
    assert_eq!(opened(&ring(&[("old", &NEW)]), &aad(), &sealed), Err(KeyRingError::Refused));
    let extended = format!("{}.x", sealed.as_str());
    for text in ["", "v1", "v2.old.a.b.c.d", "v1.old.a.b.c.d", "v1.old.!.b.c.d", extended.as_str()] {
        let damaged = Sealed::from_stored(text.to_owned());
        assert_eq!(opened(&old, &aad(), &damaged), Err(KeyRingError::Malformed), "{text:?}");
    }
}

#[test]
fn a_ring_without_keys_seals_nothing() {
    let empty = KeyRing::default();
    let sealed = ring(&[("old", &OLD)]).seal(&aad(), &plain()).expect("sealed");

    assert!(empty.is_empty());
    assert_eq!(empty.seal(&aad(), &plain()), Err(KeyRingError::NoKey));
    assert_eq!(empty.rewrap(&sealed), Err(KeyRingError::NoKey));
    assert_eq!(empty.writing_key(), Err(KeyRingError::NoKey));
}

#[test]
fn a_rotation_wraps_the_data_key_again_and_leaves_the_text() {
    let (old, both, new) =
        (ring(&[("old", &OLD)]), ring(&[("new", &NEW), ("old", &OLD)]), ring(&[("new", &NEW)]));
    let sealed = old.seal(&aad(), &plain()).expect("sealed");

    let rotated = both.rewrap(&sealed).expect("the old key is there").expect("another key");

    assert_eq!(rotated.key_id(), Some("new"));
    assert_eq!(opened(&new, &aad(), &rotated).as_deref(), Ok("sk-live-a-secret"));
    assert_eq!(rotated.as_str().rsplit('.').next(), sealed.as_str().rsplit('.').next());
    assert_eq!(both.rewrap(&rotated), Ok(None), "it is done");
    assert_eq!(both.writing_key(), Ok("new"));
}
