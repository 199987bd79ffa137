//! How a sender may have spelled the URL that it signed.

use serde::{Deserialize, Serialize};

/// One spelling of the public URL in the signed content. Schemes whose sender is not consistent name several: each is tried, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UrlSpelling {
    /// The port.
    pub port: UrlPort,
    /// The query string.
    pub query: UrlQuery,
}

impl UrlSpelling {
    /// As configured and as it arrived.
    pub const PLAIN: Self = Self {
        port: UrlPort::AsConfigured,
        query: UrlQuery::AsArrived,
    };
}

/// The port in a spelling of the URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UrlPort {
    /// As the public URL has it.
    #[default]
    AsConfigured,
    /// Left out.
    Without,
    /// The public URL's, or the default one of its scheme (443 or 80) when it has none.
    With,
}

/// The query string in a spelling of the URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UrlQuery {
    /// Byte for byte.
    #[default]
    AsArrived,
    /// With the characters escaped that the WHATWG URL parser escapes in a query: controls, space, `"`, `#`, `<`, `>`, `'` and all
    /// that is not ASCII.
    Whatwg,
    /// Taken apart into parameters and written again in their order, every byte escaped but letters, digits and `-_.!~*'()`, as Node's
    /// `querystring` module writes them: a space becomes `%20`, and a name without a value gets its equals sign.
    Querystring,
}
