//! A receiver on a still clock, and attempts as its sender makes them.

use actix_http::Request;
use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::test::TestRequest;
use actix_web::{Error, ResponseError};
use countersign_actix::providers::{GITHUB, INTERCOM};
use countersign_actix::{Countersign, Receiver, ReceiverBuilder, Scheme, Secret};
use countersign_testkit::{ManualClock, Sender};

pub(crate) const SECRET: &str = "0123456789abcdef";
pub(crate) const JSON: &str = "application/json";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) fn builder(scheme: Scheme, clock: &ManualClock) -> ReceiverBuilder {
    Receiver::builder(scheme, Secret::new(SECRET).unwrap()).clock(clock.clone())
}

pub(crate) fn clock() -> ManualClock {
    ManualClock::at_secs(1_700_000_000)
}

pub(crate) fn github() -> Countersign {
    Countersign::new(builder(GITHUB, &clock()).build().unwrap())
}

pub(crate) fn intercom() -> Countersign {
    Countersign::new(builder(INTERCOM, &clock()).build().unwrap())
}

/// Signed as its sender does.
pub(crate) fn signed(scheme: Scheme, path: &str, kind: &str, body: &[u8]) -> Request {
    let sender = Sender::new(scheme, SECRET).media_type(kind);
    let (head, body) = sender.send(body).into_parts();
    let mut request = TestRequest::post().uri(path);
    for (name, value) in &head.headers {
        request = request.append_header((name.as_str(), value.as_bytes()));
    }
    request.set_payload(body).to_request()
}

/// What a sender sees.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    #[track_caller]
    pub(crate) fn is(&self, status: u16, body: &str) {
        assert_eq!((self.status, self.body.as_str()), (status, body));
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub(crate) async fn send<S, B>(app: &S, request: Request) -> Reply
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    answered(app.call(request).await).await
}

/// An error is answered as actix-web's own dispatcher does.
pub(crate) async fn answered<B: MessageBody>(answer: Result<ServiceResponse<B>, Error>) -> Reply {
    let (head, body) = match answer {
        Ok(response) => {
            let (response, body) = response.into_parts().1.into_parts();
            (response, to_bytes(body).await.ok().unwrap())
        }
        Err(error) => {
            let error: &dyn ResponseError = error.as_response_error();
            let (response, body) = error.error_response().into_parts();
            (response, to_bytes(body).await.unwrap())
        }
    };
    Reply {
        status: head.status().as_u16(),
        headers: head.headers().clone(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}
