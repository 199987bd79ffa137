//! What strangers sent, made fit for a terminal.

/// Control characters, marks that change the direction of text, and bytes that are no text become escapes; line ends and tabs stay.
pub(crate) fn text(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\n' | '\t' => out.push(letter),
                _ if is_unprintable(letter) => out.extend(letter.escape_default()),
                _ => out.push(letter),
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// As [`text`], in one line.
pub(crate) fn line(bytes: &[u8]) -> String {
    text(bytes).replace('\n', "\\n").replace('\t', "\\t")
}

/// Does it steer a terminal, or change how its neighbours are read?
pub(crate) fn is_unprintable(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_steers_it() {
        assert_eq!(text(b"a\x1b[31mred\r\n\x07"), "a\\u{1b}[31mred\\r\n\\u{7}");
        assert_eq!(text("\u{202e}x\u{9b}m".as_bytes()), "\\u{202e}x\\u{9b}m");
        assert_eq!(
            text("gr\u{fc}n\t\u{1f600}".as_bytes()),
            "gr\u{fc}n\t\u{1f600}"
        );
        assert_eq!(text(b"\xff\xc3ok"), "\\xff\\xc3ok");
        assert_eq!(line(b"a\nb\tc"), "a\\nb\\tc");
    }
}
