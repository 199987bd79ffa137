//! The services of the demo: their schemes, secrets made up for it, bodies as they send them, and what they ask beside.

use countersign::danger::{Deduplicate, Weak};
use countersign::providers::{
    CLOUDEVENTS, GITHUB, INTERCOM, MAILCHIMP, MANDRILL, PAPERTRAIL, SHOPIFY, SLACK,
    STANDARD_WEBHOOKS, STRIPE, SVIX, TWILIO, WEBSUB, WOOCOMMERCE, WORDPRESS, ZAPIER, ZAPIER_HEADER,
    ZAPIER_QUERY, ZAPIER_WHITE_LABEL,
};
use countersign::scheme::{Grade, Repeats, Scheme};
use countersign::{MemoryStore, Once, Receiver, Secret, SettingError};

/// In front of every path, for services that sign the URL.
pub(crate) const PUBLIC_URL: &str = "https://demo.example";

/// What a WebSub hub may ask about.
const TOPIC: &str = "https://blog.example/feed";

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// One service and its receiver.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) scheme: Scheme,
    pub(crate) secret: &'static str,
    pub(crate) samples: &'static [Sample],
    pub(crate) questions: &'static [Question],
}

/// A body that the service sends.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) what: &'static str,
    pub(crate) media_type: &'static str,
    pub(crate) event: &'static str,
    pub(crate) body: &'static str,
}

/// A request that is no delivery.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) what: &'static str,
    pub(crate) method: &'static str,
    /// Behind the service's own path.
    pub(crate) query: &'static str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) body: &'static str,
    /// The secret that it is signed with, if it is signed.
    pub(crate) signed_with: Option<&'static str>,
    pub(crate) due: Reply,
}

/// What must come back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    /// Status 200 with this body.
    Answer(&'static str),
    /// A refusal with this status and code.
    Refusal(u16, &'static str),
}

impl Question {
    const BASE: Self = Self {
        what: "",
        method: "GET",
        query: "",
        headers: &[],
        body: "",
        signed_with: None,
        due: Reply::Answer(""),
    };
}

impl Service {
    pub(crate) fn path(&self) -> String {
        format!("/{}", self.scheme.name)
    }

    /// Are its deliveries told apart? Not where nothing is signed and there is no id.
    pub(crate) fn deduplicates(&self) -> bool {
        self.scheme.algorithm.signs_content() || !self.scheme.id.is_empty()
    }

    pub(crate) fn receiver(&self, clock: impl countersign::Clock) -> Result<Remembering, Failed> {
        let mut builder = Receiver::builder(self.scheme.clone(), Secret::new(self.secret)?)
            .public_url(PUBLIC_URL)
            .clock(clock);
        if self.scheme.grade == Grade::Token {
            builder = builder.accept_weak(Weak::NothingSigned);
        }
        if self.scheme == CLOUDEVENTS {
            builder = builder.config("allowed-origin", "sender.example");
        }
        if self.scheme == WEBSUB {
            builder = builder.consent(|question| async move {
                question.param("hub.topic").as_deref() == Some(TOPIC)
            });
        }
        let mut builder = builder.store(MemoryStore::single_process(1_000));
        if !self.deduplicates() {
            builder = builder.deduplicate(Deduplicate::Off);
        } else if self.scheme.repeats == Repeats::Possible {
            builder = builder.deduplicate(Deduplicate::ByContent);
        }
        Ok(builder.build()?)
    }
}

/// A receiver with the embedded store.
pub(crate) type Remembering = Receiver<Once<MemoryStore>>;

/// Why the demo's own settings are refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Secret(#[from] countersign::SecretError),
    #[error(transparent)]
    Setting(#[from] SettingError),
}

const BASE64_SECRET: &str = "whsec_ZGVtbyBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyE=";
const SLACK_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const TOKEN: &str = "demo-0123456789abcdef-token";

/// Every service, in the order in which they are shown.
pub(crate) const SERVICES: &[Service] = &[
    Service {
        scheme: STRIPE,
        secret: "whsec_demo0000stripe0000secret0000",
        samples: &[
            Sample {
                what: "snapshot event",
                media_type: JSON,
                event: "",
                body: r#"{"id":"evt_1","object":"event","type":"invoice.paid","account":"acct_1","data":{"object":{"id":"in_1","amount_paid":4200}}}"#,
            },
            Sample {
                what: "thin event",
                media_type: JSON,
                event: "",
                body: r#"{"id":"evt_2","object":"v2.core.event","type":"v1.billing.meter.error_report_triggered","context":"acct_1"}"#,
            },
        ],
        questions: &[],
    },
    Service {
        scheme: SLACK,
        secret: SLACK_SECRET,
        samples: &[
            Sample {
                what: "event",
                media_type: JSON,
                event: "",
                body: r#"{"type":"event_callback","event_id":"Ev1","team_id":"T1","api_app_id":"A1","event":{"type":"app_mention","text":"hello"}}"#,
            },
            Sample {
                what: "slash command",
                media_type: FORM,
                event: "",
                body: "command=%2Fweather&text=94070&team_id=T1&trigger_id=13345224609.738474920.8088930838d88f008e0",
            },
            Sample {
                what: "interactivity",
                media_type: FORM,
                event: "",
                body: "payload=%7B%22type%22%3A%22block_actions%22%2C%22team%22%3A%7B%22id%22%3A%22T1%22%7D%7D",
            },
        ],
        questions: &[
            Question {
                what: "url_verification",
                method: "POST",
                headers: &[("content-type", JSON)],
                body: r#"{"type":"url_verification","token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV"}"#,
                signed_with: Some(SLACK_SECRET),
                due: Reply::Answer("3eZbrw1aBm2rZgRNFdxV"),
                ..Question::BASE
            },
            Question {
                what: "url_verification, forged",
                method: "POST",
                headers: &[("content-type", JSON)],
                body: r#"{"type":"url_verification","token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV"}"#,
                signed_with: Some("00000000b10e8888abcd99yyyzzz85a5"),
                due: Reply::Refusal(401, "signature_mismatch"),
                ..Question::BASE
            },
            Question {
                what: "ssl_check, unsigned",
                method: "POST",
                headers: &[("content-type", FORM)],
                body: "ssl_check=1&token=x",
                ..Question::BASE
            },
            Question {
                what: "ssl_check with a command in it",
                method: "POST",
                headers: &[("content-type", FORM)],
                body: "ssl_check=1&token=x&command=%2Fpay",
                due: Reply::Refusal(401, "signature_missing"),
                ..Question::BASE
            },
        ],
    },
    Service {
        scheme: TWILIO,
        secret: "0123456789abcdef0123456789abcdef",
        samples: &[
            Sample {
                what: "message",
                media_type: FORM,
                event: "",
                body: "AccountSid=AC1&Body=Hello+there&From=%2B14158675309&MessageSid=SM1&NumMedia=0&To=%2B18005551212",
            },
            Sample {
                what: "JSON with bodySHA256",
                media_type: JSON,
                event: "",
                body: r#"[{"specversion":"1.0","type":"com.twilio.messaging.message.delivered"}]"#,
            },
        ],
        questions: &[],
    },
    Service {
        scheme: GITHUB,
        secret: "demo github webhook secret",
        samples: &[
            Sample {
                what: "push as JSON",
                media_type: JSON,
                event: "push",
                body: r#"{"ref":"refs/heads/main","repository":{"id":1},"installation":{"id":7}}"#,
            },
            Sample {
                what: "push as a form",
                media_type: FORM,
                event: "push",
                body: "payload=%7B%22ref%22%3A%22refs%2Fheads%2Fmain%22%2C%22installation%22%3A%7B%22id%22%3A7%7D%7D",
            },
            Sample {
                what: "ping",
                media_type: JSON,
                event: "ping",
                body: r#"{"zen":"Keep it logically awesome.","hook_id":1}"#,
            },
        ],
        questions: &[],
    },
    Service {
        scheme: ZAPIER,
        secret: "zap:demo-0123456789abcdef",
        samples: &[Sample {
            what: "JSON behind basic authentication",
            media_type: JSON,
            event: "",
            body: r#"{"name":"Ada","amount":"42"}"#,
        }],
        questions: &[],
    },
    Service {
        scheme: ZAPIER_HEADER,
        secret: TOKEN,
        samples: &[Sample {
            what: "form with a token in a header",
            media_type: FORM,
            event: "",
            body: "name=Ada&amount=42",
        }],
        questions: &[],
    },
    Service {
        scheme: ZAPIER_QUERY,
        secret: TOKEN,
        samples: &[Sample {
            what: "XML with a token in the URL",
            media_type: "application/xml",
            event: "",
            body: "<entry><name>Ada</name></entry>",
        }],
        questions: &[],
    },
    Service {
        scheme: ZAPIER_WHITE_LABEL,
        secret: BASE64_SECRET,
        samples: &[Sample {
            what: "connection event",
            media_type: JSON,
            event: "",
            body: r#"{"type":"connection.expiry_scheduled","data":{"connection_id":"1"}}"#,
        }],
        questions: &[],
    },
    Service {
        scheme: INTERCOM,
        secret: "demo-intercom-client-secret",
        samples: &[Sample {
            what: "notification",
            media_type: JSON,
            event: "",
            body: r#"{"type":"notification_event","id":"notif_1","topic":"conversation.user.created","app_id":"a1","delivery_attempts":1,"data":{}}"#,
        }],
        questions: &[Question {
            what: "HEAD probe",
            method: "HEAD",
            ..Question::BASE
        }],
    },
    Service {
        scheme: MAILCHIMP,
        secret: TOKEN,
        samples: &[Sample {
            what: "subscription",
            media_type: FORM,
            event: "",
            body: "type=subscribe&fired_at=2009-03-26+21%3A35%3A57&data%5Bid%5D=8a25ff1d98&data%5Blist_id%5D=a6b5da1054&data%5Bmerges%5D%5BEMAIL%5D=api%40example.com",
        }],
        questions: &[Question {
            what: "GET probe",
            ..Question::BASE
        }],
    },
    Service {
        scheme: MANDRILL,
        secret: "f7YEknp5hLvZVw6BNSaM6g",
        samples: &[Sample {
            what: "batch of events",
            media_type: FORM,
            event: "",
            body: "mandrill_events=%5B%7B%22event%22%3A%22send%22%2C%22_id%22%3A%221%22%2C%22ts%22%3A1700000000%7D%5D",
        }],
        questions: &[
            Question {
                what: "HEAD probe",
                method: "HEAD",
                ..Question::BASE
            },
            Question {
                what: "empty batch, public test key",
                method: "POST",
                headers: &[("content-type", FORM)],
                body: "mandrill_events=%5B%5D",
                signed_with: Some("test-webhook"),
                ..Question::BASE
            },
            Question {
                what: "a batch under the public test key",
                method: "POST",
                headers: &[("content-type", FORM)],
                body: "mandrill_events=%5B%7B%22event%22%3A%22send%22%7D%5D",
                signed_with: Some("test-webhook"),
                due: Reply::Refusal(401, "signature_mismatch"),
                ..Question::BASE
            },
        ],
    },
    Service {
        scheme: SHOPIFY,
        secret: "hush-demo-client-secret",
        samples: &[Sample {
            what: "order",
            media_type: JSON,
            event: "orders/create",
            body: r#"{"id":820982911946154508,"currency":"USD","total_price":"398.00"}"#,
        }],
        questions: &[],
    },
    Service {
        scheme: WORDPRESS,
        secret: TOKEN,
        samples: &[Sample {
            what: "published post",
            media_type: FORM,
            event: "",
            body: "hook=publish_post&ID=12&post_title=Hello",
        }],
        questions: &[],
    },
    Service {
        scheme: WOOCOMMERCE,
        secret: "ck demo woocommerce secret",
        samples: &[Sample {
            what: "order",
            media_type: JSON,
            event: "order.created",
            body: r#"{"id":727,"status":"processing","total":"29.35"}"#,
        }],
        questions: &[
            Question {
                what: "ping, unsigned",
                method: "POST",
                headers: &[("content-type", FORM)],
                body: "webhook_id=17",
                ..Question::BASE
            },
            Question {
                what: "ping with more in it",
                method: "POST",
                headers: &[("content-type", FORM)],
                body: "webhook_id=17&status=completed",
                due: Reply::Refusal(401, "signature_missing"),
                ..Question::BASE
            },
        ],
    },
    Service {
        scheme: PAPERTRAIL,
        secret: TOKEN,
        samples: &[Sample {
            what: "alert, JSON in a form field",
            media_type: FORM,
            event: "",
            body: "payload=%7B%22events%22%3A%5B%5D%2C%22saved_search%22%3A%7B%22id%22%3A42%7D%2C%22min_id%22%3A%227711561783320576%22%2C%22max_id%22%3A%227711582041804800%22%7D",
        }],
        questions: &[],
    },
    Service {
        scheme: STANDARD_WEBHOOKS,
        secret: BASE64_SECRET,
        samples: &[Sample {
            what: "event",
            media_type: JSON,
            event: "",
            body: r#"{"type":"contact.created","timestamp":"2026-01-01T00:00:00Z","data":{"id":"1f81eb52"}}"#,
        }],
        questions: &[],
    },
    Service {
        scheme: SVIX,
        secret: BASE64_SECRET,
        samples: &[Sample {
            what: "event",
            media_type: JSON,
            event: "",
            body: r#"{"type":"user.created","data":{"id":"user_1"}}"#,
        }],
        questions: &[],
    },
    Service {
        scheme: WEBSUB,
        secret: "demo-0123456789abcdef-hub-secret",
        samples: &[Sample {
            what: "feed",
            media_type: "application/atom+xml",
            event: "",
            body: "<feed><entry><id>1</id></entry></feed>",
        }],
        questions: &[
            Question {
                what: "is this subscription meant? yes",
                query: "?hub.mode=subscribe&hub.topic=https%3A%2F%2Fblog.example%2Ffeed&hub.challenge=abc123",
                due: Reply::Answer("abc123"),
                ..Question::BASE
            },
            Question {
                what: "is this subscription meant? no",
                query: "?hub.mode=subscribe&hub.topic=https%3A%2F%2Fother.example%2Ffeed&hub.challenge=abc123",
                due: Reply::Refusal(404, "not_agreed"),
                ..Question::BASE
            },
            Question {
                what: "a challenge that holds script",
                query: "?hub.mode=subscribe&hub.topic=https%3A%2F%2Fblog.example%2Ffeed&hub.challenge=%3Cscript%3E",
                due: Reply::Refusal(400, "field_malformed"),
                ..Question::BASE
            },
        ],
    },
    Service {
        scheme: CLOUDEVENTS,
        secret: TOKEN,
        samples: &[Sample {
            what: "event in binary mode",
            media_type: JSON,
            event: "com.example.done",
            body: r#"{"done":true}"#,
        }],
        questions: &[
            Question {
                what: "may this origin deliver? yes",
                method: "OPTIONS",
                headers: &[("webhook-request-origin", "sender.example")],
                ..Question::BASE
            },
            Question {
                what: "may this origin deliver? no",
                method: "OPTIONS",
                headers: &[("webhook-request-origin", "stranger.example")],
                due: Reply::Refusal(401, "signature_mismatch"),
                ..Question::BASE
            },
        ],
    },
];
