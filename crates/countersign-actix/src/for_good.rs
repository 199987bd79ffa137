//! A handler's word that no retry will help.

use actix_web::{HttpRequest, HttpResponse, Responder};
use countersign::FailedForGood;

/// Says that a delivery has failed for good: around whatever a handler answers, it has the delivery recorded as failed. Its duplicates are
/// answered 200, and it never runs again.
///
/// For what no retry can mend: an order that does not exist, an event about an account that was closed. What may work the next time, because
/// another service was down say, is answered with any status but 2xx and without this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct ForGood<R>(pub R);

impl<R: Responder> Responder for ForGood<R> {
    type Body = R::Body;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse<R::Body> {
        let mut response = self.0.respond_to(request);
        response.extensions_mut().insert(FailedForGood);
        response
    }
}
