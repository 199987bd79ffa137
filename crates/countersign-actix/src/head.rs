//! A request of actix-web, as the core looks at it.

use std::net::IpAddr;

use actix_web::HttpMessage;
use actix_web::dev::{RequestHead, ServiceRequest};
use actix_web::http::Version;
use countersign::{Head, Peer, Tenant};
use http::HeaderName;

/// Borrowed for one step: it never lives across an await.
pub(crate) struct View<'r> {
    head: &'r RequestHead,
    peer: Option<IpAddr>,
    tenant: Option<Tenant>,
}

impl<'r> View<'r> {
    pub(crate) fn of(request: &'r ServiceRequest) -> Self {
        // What accepts connections by other means says so; else it is the end of the socket.
        let told = request.extensions().get::<Peer>().copied();
        let connected = || request.head().peer_addr.map(|address| Peer(address.ip()));
        Self {
            head: request.head(),
            tenant: request.extensions().get::<Tenant>().cloned(),
            peer: told.or_else(connected).map(|Peer(address)| address),
        }
    }
}

impl Head for View<'_> {
    fn method(&self) -> &str {
        self.head.method.as_str()
    }

    // As it arrived, and not as the router has decoded it.
    fn path(&self) -> &str {
        self.head.uri.path()
    }

    fn query(&self) -> Option<&str> {
        self.head.uri.query()
    }

    fn header<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        // Another release of `http` than actix-web's: names go over as text.
        let lines = self.head.headers.get_all(name.as_str());
        lines.map(|value| value.as_bytes())
    }

    fn authority(&self) -> Option<&str> {
        self.head
            .uri
            .authority()
            .map(|authority| authority.as_str())
    }

    fn is_multiplexed(&self) -> bool {
        self.head.version >= Version::HTTP_2
    }

    fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    fn tenant(&self) -> Option<&str> {
        self.tenant.as_ref().map(|Tenant(name)| name.as_str())
    }
}
