//! Secrets in files, as orchestrators mount them. The core's one door to the file system.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::{Secret, SecretError};
use crate::defaults::MAX_SECRET_FILE;

impl Secret {
    /// Reads a file and labels the secret with the file's name. One line end after the secret is dropped; blanks before and after that are
    /// refused, as everywhere. It blocks for as long as the file system takes, so name a file and not a pipe.
    ///
    /// # Errors
    /// [`SecretError::NotReadable`] when it cannot be opened or read, is over 64 KiB or is not UTF-8, and those of [`Secret::new`].
    ///
    /// ```
    /// use countersign::{Secret, SecretError};
    /// let missing = Secret::from_file("/run/secrets/no-such-secret").unwrap_err();
    /// assert_eq!(missing.to_string(), "the file /run/secrets/no-such-secret cannot be read: entity not found");
    /// ```
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, SecretError> {
        let path = path.as_ref();
        let text = read(path).map_err(|error| SecretError::NotReadable {
            path: path.display().to_string(),
            kind: error.kind(),
        })?;
        let ends = ["\r\n", "\n"].iter();
        let line = ends.filter_map(|end| text.strip_suffix(end)).next();
        let line = line.unwrap_or(&text);
        let label = path.file_name().unwrap_or(path.as_os_str());
        Ok(Self::new(line)?.label(label.to_string_lossy()))
    }
}

fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let most = u64::try_from(MAX_SECRET_FILE).unwrap_or(u64::MAX);
    // With room for all of it and for the byte too many, so that no piece of a secret is left behind where it was moved from.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET_FILE.saturating_add(1)));
    let mut file = File::open(path)?.take(most.saturating_add(1));
    file.read_to_end(&mut bytes)?;
    if bytes.len() > MAX_SECRET_FILE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A file of this test's own, gone at its end.
    struct Written(PathBuf);

    impl Written {
        fn new(name: &str, content: &[u8]) -> Self {
            let folder = std::env::temp_dir().join(format!("countersign-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            let path = folder.join(name);
            std::fs::write(&path, content).unwrap();
            Self(path)
        }
    }

    impl Drop for Written {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
            // The last one finds it empty.
            let _ = self.0.parent().map(std::fs::remove_dir);
        }
    }

    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

    fn text(name: &str, content: &[u8]) -> Result<(String, Option<String>), SecretError> {
        let written = Written::new(name, content);
        Secret::from_file(&written.0).map(|secret| (secret.text.to_string(), secret.label))
    }

    #[test]
    fn one_line_end_is_dropped() {
        for end in ["", "\n", "\r\n"] {
            let found = text("one-line-end", format!("{SECRET}{end}").as_bytes());
            let label = Some("one-line-end".to_owned());
            assert_eq!(found, Ok((SECRET.to_owned(), label)), "{end:?}");
        }
        for around in [
            format!("{SECRET}\n\n"),
            format!("{SECRET}\r"),
            format!(" {SECRET}\n"),
            format!("{SECRET} \n"),
            format!("\u{feff}{SECRET}\n"),
        ] {
            let found = text("padded", around.as_bytes());
            assert_eq!(found, Err(SecretError::Padded), "{around:?}");
        }
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        assert_eq!(text("empty", b""), Err(SecretError::Empty));
        assert_eq!(text("line", b"\n"), Err(SecretError::Empty));
        assert_eq!(text("null", b"null\n"), Err(SecretError::Placeholder));
    }

    #[test]
    fn what_cannot_be_read_says_why_and_nothing_of_it() {
        let refused = |name: &str, content: &[u8]| match text(name, content) {
            Err(SecretError::NotReadable { path, kind }) => {
                assert!(path.ends_with(name), "{path}");
                Ok(kind)
            }
            other => Err(other),
        };
        let latin1 = [SECRET.as_bytes(), b"\xe9"].concat();
        assert_eq!(refused("latin-1", &latin1), Ok(io::ErrorKind::InvalidData));
        let most = "0123456789abcdef".repeat(MAX_SECRET_FILE / 16);
        assert_eq!(
            text("most", most.as_bytes()).map(|(text, _)| text),
            Ok(most.clone())
        );
        let more = format!("{most}0");
        assert_eq!(
            refused("more", more.as_bytes()),
            Ok(io::ErrorKind::FileTooLarge)
        );
        let missing = Secret::from_file("/no-such-folder/secret").unwrap_err();
        let kind = io::ErrorKind::NotFound;
        let path = "/no-such-folder/secret".to_owned();
        assert_eq!(missing, SecretError::NotReadable { path, kind });
    }
}
