use super::*;

#[test]
fn a_key_is_parsed_as_it_is_printed() {
    let key = IdempotencyKey::from_bytes([0xA5; 32]);
    assert_eq!(key.to_string(), "a5".repeat(32));
    assert_eq!(key.to_string().parse(), Ok(key));
    for text in [
        "",
        "a5",
        &"A5".repeat(32),
        &"a5".repeat(33),
        &"g5".repeat(32),
    ] {
        assert_eq!(text.parse::<IdempotencyKey>(), Err(NoKey), "{text}");
    }
}
