//! Inputs are text, so that a seed can be read and a crash explained. Whatever the fuzzer makes of it still means something.

/// The first line without its end, and everything behind it.
#[must_use]
pub fn first_line(input: &[u8]) -> (&[u8], &[u8]) {
    split_at(input, b"\n").unwrap_or((input, b""))
}

/// Both sides of the first `mark`.
#[must_use]
pub fn split_at<'a>(input: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = input
        .windows(mark.len())
        .position(|window| window == mark)?;
    Some((&input[..at], &input[at + mark.len()..]))
}

/// The words of a line.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty())
}

/// The entry of this name. Any other word stands for one of them too.
///
/// # Panics
/// When the table is empty.
#[must_use]
pub fn choose<'t, T>(table: &'t [(&str, T)], word: Option<&[u8]>) -> &'t T {
    let word = word.unwrap_or_default();
    let named = table.iter().find(|(name, _)| name.as_bytes() == word);
    let sum: usize = word.iter().map(|byte| usize::from(*byte)).sum();
    &named.unwrap_or(&table[sum % table.len()]).1
}

/// A number, or zero.
#[must_use]
pub fn number(word: Option<&[u8]>) -> i64 {
    word.and_then(|word| std::str::from_utf8(word).ok()?.parse().ok())
        .unwrap_or_default()
}

/// A position among `count`, wherever the number points.
#[must_use]
pub fn position(word: Option<&[u8]>, count: usize) -> Option<usize> {
    let number = usize::try_from(number(word).unsigned_abs()).unwrap_or_default();
    number.checked_rem(count)
}
