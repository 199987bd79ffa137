//! Every case, against every server, for every service.

use countersign_testkit::hostile::{Finding, Verdict, cases};

use crate::actix_server::Actix;
use crate::answers::{answers, due};
use crate::app::Server;
use crate::axum_server::Axum;
use crate::hyper_server::Hyper;
use crate::server::start;
use crate::subject::{Service, Subject};

#[track_caller]
fn holds<S: Server>(service: Service) {
    let subject = Subject::new(service);
    let running = start::<S>(subject.clone());
    let mut peer = running.peer();
    let mut impatient = running.impatient_peer();
    let answers = answers();
    let mut wrong = Vec::new();
    for case in cases().unwrap() {
        let waits_for_ever = S::NEVER_ENDS.contains(&case.name());
        let peer = if waits_for_ever {
            &mut impatient
        } else {
            &mut peer
        };
        subject.settle();
        let finding = peer.play(&case);
        let mut complain = |what: String| wrong.push(format!("{}: {what}", case.name()));
        let is_at_fault = S::AT_FAULT.contains(&case.name());
        if is_at_fault != (finding.verdict == Verdict::Failed) {
            complain(format!("{finding:?}"));
        }
        let due = due(&answers, [S::NAME, service.name()], case.name());
        if !due.contains(&saw(&finding)) {
            complain(format!("{finding:?}, where {due:?} is known"));
        }
        let mut handled = subject.handled.lock().unwrap();
        let intruders = std::mem::take(&mut handled.intruders);
        if !intruders.is_empty() {
            complain(format!("the handler got {intruders:?}"));
        }
        // What a peer left behind may have been handled, or not; and so may what two of its acts race for.
        let has_left = finding.left_genuine || due.len() > 1;
        let (runs, accepted) = (handled.runs, finding.accepted);
        if !(accepted..=accepted + u64::from(has_left)).contains(&runs) {
            complain(format!("{runs} runs, {accepted} accepted"));
        }
        handled.over(has_left);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn saw(finding: &Finding) -> &str {
    match finding.verdict {
        Verdict::DoesNotApply => "not asked",
        _ => &finding.saw,
    }
}

#[test]
fn stripe_in_axum() {
    holds::<Axum>(Service::Stripe);
}

#[test]
fn github_in_axum() {
    holds::<Axum>(Service::Github);
}

#[test]
fn twilio_in_axum() {
    holds::<Axum>(Service::Twilio);
}

#[test]
fn stripe_in_hyper() {
    holds::<Hyper>(Service::Stripe);
}

#[test]
fn github_in_hyper() {
    holds::<Hyper>(Service::Github);
}

#[test]
fn twilio_in_hyper() {
    holds::<Hyper>(Service::Twilio);
}

#[test]
fn stripe_in_actix() {
    holds::<Actix>(Service::Stripe);
}

#[test]
fn github_in_actix() {
    holds::<Actix>(Service::Github);
}

#[test]
fn twilio_in_actix() {
    holds::<Actix>(Service::Twilio);
}
