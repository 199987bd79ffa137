//! What is read from files and from standard input, bodies above all.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// 256 MiB: the most that a receiver can be set to.
pub(crate) const MOST_BODY: u64 = 256 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
#[error("{file}: {reason}")]
pub(crate) struct InputError {
    file: String,
    pub(crate) reason: io::Error,
}

/// Reads a file, or standard input where it is `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, InputError> {
    read_at_most(path, MOST_BODY)
}

/// As [`read`], with a limit in bytes.
pub(crate) fn read_at_most(path: &Path, limit: u64) -> Result<Vec<u8>, InputError> {
    let result = if is_stdin(path) {
        take(io::stdin().lock(), limit)
    } else {
        File::open(path).and_then(|file| take(file, limit))
    };
    result.map_err(|reason| InputError {
        file: path.display().to_string(),
        reason,
    })
}

/// Is it the name of standard input?
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn take(from: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        let reason = format!("longer than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}
