//! From the text of a dashboard to the key of the HMAC.

use crate::encoding::from_base64_of_key;

/// Keys that are the whole text of the secret. None when there is no secret or one of them is blank.
pub(crate) fn text_keys(secrets: &[&str]) -> Option<Vec<Vec<u8>>> {
    keys(secrets, |text| Some(text.as_bytes().to_vec()))
}

/// Keys shown as base64, with or without `whsec_` before it. None as above, or when one of them is not that.
pub(crate) fn base64_keys(secrets: &[&str]) -> Option<Vec<Vec<u8>>> {
    keys(secrets, |text| {
        let text = text.strip_prefix("whsec_").unwrap_or(text);
        from_base64_of_key(text.as_bytes())
    })
}

fn keys(secrets: &[&str], derive: fn(&str) -> Option<Vec<u8>>) -> Option<Vec<Vec<u8>>> {
    if secrets.is_empty() {
        return None;
    }
    let mut keys = Vec::new();
    for text in secrets {
        if text.trim().is_empty() {
            return None;
        }
        let key = derive(text)?;
        if key.is_empty() {
            return None;
        }
        keys.push(key);
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::{base64_keys, text_keys};

    #[test]
    fn one_bad_secret_spoils_all() {
        assert_eq!(text_keys(&[]), None);
        for bad in ["", " ", "\t\n", "\u{a0}"] {
            assert_eq!(text_keys(&[bad]), None, "{bad:?}");
            assert_eq!(text_keys(&["good", bad]), None, "{bad:?}");
        }
        for bad in [
            "",
            " ",
            "whsec_",
            "whsec_ ",
            "Z",
            "whpk_Zm9v",
            "whsec_whsec_Zm9v",
            "WHSEC_Zm9v",
            " Zm9v",
        ] {
            assert_eq!(base64_keys(&["Zm9v", bad]), None, "{bad:?}");
        }
    }

    #[test]
    fn a_text_is_kept_whole_and_base64_is_decoded() {
        let text = "whsec_Zm9v";
        assert_eq!(
            text_keys(&[text, "é "]),
            Some(vec![text.into(), "é ".into()])
        );
        assert_eq!(
            base64_keys(&[text, "Zm8"]),
            Some(vec!["foo".into(), "fo".into()])
        );
    }
}
