use std::net::IpAddr;
use std::sync::atomic::AtomicUsize;
use std::task::Wake;

use super::*;
use crate::request::Peer;
use crate::source::{Origin, Sources};

/// Counts how often it was woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Bell {
    fn rang(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn bodies(places: usize, bytes: u64) -> Bodies {
    Bodies::new(NonZero::new(places).unwrap(), bytes)
}

fn usage(bodies: &Bodies) -> (usize, usize, u64) {
    let usage = bodies.usage();
    (usage.reading, usage.waiting, usage.bytes)
}

fn may(place: &Place, bell: &Arc<Bell>) -> bool {
    let waker = Waker::from(Arc::clone(bell));
    place
        .poll_go_on(&mut Context::from_waker(&waker))
        .is_ready()
}

fn source(address: &str) -> Option<Source> {
    let peer: IpAddr = address.parse().unwrap();
    let request = http::Request::post("/").extension(Peer(peer));
    Origin::of(&request.body(()).unwrap(), Some(&Sources::direct()), true).source
}

const SHARE: u64 = defaults::BODY_SHARE;

#[test]
fn beyond_the_places_bodies_wait_in_order() {
    let bodies = bodies(2, 1).waiting(2);
    let bell = Arc::new(Bell::default());
    let places: Vec<_> = (0..4).map(|_| bodies.enter(None, true).unwrap()).collect();
    let going: Vec<_> = places.iter().map(|place| may(place, &bell)).collect();
    assert_eq!(going, [true, true, false, false]);
    assert_eq!(usage(&bodies), (2, 2, 0));
    let refused = bodies.enter(None, true).map(|_| ());
    assert_eq!(refused, Err(Refusal::TooManyBodies { limit: 2 }));

    let [first, second, third, fourth] = <[Place; 4]>::try_from(places).ok().unwrap();
    drop(second);
    assert_eq!((bell.rang(), usage(&bodies)), (1, (2, 1, 0)));
    assert!(may(&third, &bell) && !may(&fourth, &bell));
    // Nobody overtakes those who wait.
    let fifth = bodies.enter(None, true).unwrap();
    assert!(!may(&fifth, &bell));
    drop((first, third));
    assert_eq!((bell.rang(), usage(&bodies)), (3, (2, 0, 0)));
    assert!(may(&fourth, &bell) && may(&fifth, &bell));
    drop((fourth, fifth));
    assert_eq!(usage(&bodies), (0, 0, 0));
}

#[test]
fn who_stops_waiting_makes_room_for_others() {
    let bodies = bodies(1, 1).waiting(1);
    let bell = Arc::new(Bell::default());
    let first = bodies.enter(None, true).unwrap();
    let second = bodies.enter(None, true).unwrap();
    let full = bodies.enter(None, true).map(drop);
    assert_eq!(full, Err(Refusal::TooManyBodies { limit: 1 }));
    drop(second);
    assert_eq!(usage(&bodies), (1, 0, 0));
    let third = bodies.enter(None, true).unwrap();
    assert!(!may(&third, &bell));
    drop(first);
    assert!(may(&third, &bell));
}

/// A place that was granted and is dropped before anybody looked goes on to the next.
#[test]
fn a_place_that_nobody_took_is_not_lost() {
    let bodies = bodies(1, 1);
    let bell = Arc::new(Bell::default());
    let first = bodies.enter(None, true).unwrap();
    let second = bodies.enter(None, true).unwrap();
    let third = bodies.enter(None, true).unwrap();
    assert!(!may(&third, &bell));
    drop(first);
    drop(second);
    assert_eq!((bell.rang(), usage(&bodies)), (1, (1, 0, 0)));
    assert!(may(&third, &bell));
}

#[test]
fn small_bodies_go_on_while_large_ones_wait_for_bytes() {
    let bodies = bodies(4, 100);
    let (large_bell, small_bell) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    let mut large = bodies.enter(None, true).unwrap();
    let mut other = bodies.enter(None, true).unwrap();
    let mut small = bodies.enter(None, true).unwrap();
    small.hold(SHARE);
    other.hold(SHARE + 1);
    assert_eq!(usage(&bodies), (3, 0, 1));
    large.hold(SHARE + 98);
    assert_eq!(usage(&bodies), (3, 0, 99));
    assert!(may(&large, &large_bell), "one byte is left");
    // The piece that passes the bound has come in already.
    large.hold(SHARE + 600);
    assert_eq!(usage(&bodies), (3, 0, 601));
    // One goes on all the same, and only one.
    assert!(may(&large, &small_bell) && may(&large, &small_bell));
    assert!(!may(&other, &large_bell) && may(&small, &small_bell));
    drop(small);
    assert_eq!(large_bell.rang(), 0, "nothing came free");
    drop(large);
    assert_eq!((large_bell.rang(), usage(&bodies)), (1, (1, 0, 1)));
    assert!(may(&other, &large_bell));
    drop(other);
    assert_eq!(usage(&bodies), (0, 0, 0));
}

#[test]
fn what_waits_in_the_queue_counts_its_bytes_too() {
    let bodies = bodies(1, 10);
    let first = bodies.enter(None, true).unwrap();
    let mut second = bodies.enter(None, true).unwrap();
    second.hold(SHARE + 4);
    second.hold(SHARE + 4);
    assert_eq!(usage(&bodies), (1, 1, 4));
    drop(second);
    assert_eq!(usage(&bodies), (1, 0, 0));
    drop(first);
}

#[test]
fn what_was_counted_is_given_back_whole() {
    let bodies = bodies(1, 10);
    let mut place = bodies.enter(None, true).unwrap();
    place.hold(SHARE + 5);
    place.hold(SHARE + 3);
    assert_eq!(usage(&bodies), (1, 0, 5));
    drop(place);
    assert_eq!(usage(&bodies), (0, 0, 0));
}

#[test]
fn a_source_has_its_share_and_holds_up_nobody_else() {
    let bodies = bodies(3, 1).per_source(NonZero::new(2).unwrap());
    let bell = Arc::new(Bell::default());
    let (greedy, honest) = (source("192.0.2.1"), source("192.0.2.2"));
    let first = bodies.enter(greedy, true).unwrap();
    let second = bodies.enter(greedy, true).unwrap();
    let third = bodies.enter(greedy, true).unwrap();
    let fourth = bodies.enter(greedy, true).unwrap();
    let fifth = bodies.enter(greedy, true).map(drop);
    assert_eq!(
        fifth,
        Err(Refusal::TooManyBodies { limit: 3 }),
        "no more than its share in the queue"
    );
    drop(fourth);
    assert!(may(&first, &bell) && may(&second, &bell) && !may(&third, &bell));
    assert_eq!(usage(&bodies), (2, 1, 0));
    // Past the queue, in which nobody could go.
    let other = bodies.enter(honest, true).unwrap();
    assert!(may(&other, &bell));
    let late = bodies.enter(honest, true).unwrap();
    assert!(!may(&late, &bell));
    assert_eq!(usage(&bodies), (3, 2, 0));
    // The place of another is none of the greedy one's.
    drop(other);
    assert!(!may(&third, &bell) && may(&late, &bell));
    drop(first);
    assert!(may(&third, &bell));
    drop((second, third, late));
    assert_eq!(usage(&bodies), (0, 0, 0));
    assert!(bodies.state().shares.is_empty());
}

/// Without shares a source is not even looked at.
#[test]
fn without_shares_sources_are_alike() {
    let bodies = bodies(2, 1);
    let one = source("192.0.2.1");
    let _places = [
        bodies.enter(one, true).unwrap(),
        bodies.enter(one, true).unwrap(),
    ];
    assert!(bodies.state().shares.is_empty());
    assert_eq!(usage(&bodies), (2, 0, 0));
}

#[test]
fn threads_leave_no_place_behind_and_never_hold_more_than_there_are() {
    const THREADS: usize = 16;
    const TURNS: usize = 500;
    let bodies = bodies(3, 50).waiting(THREADS);
    let (reading, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let entered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for turn in 0..TURNS {
                    let mut place = bodies.enter(None, true).unwrap();
                    let bell = Arc::new(Bell::default());
                    while !may(&place, &bell) {
                        std::thread::yield_now();
                    }
                    let now = reading.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    // Long enough for others to be let in who should not.
                    (0..8).for_each(|_| std::thread::yield_now());
                    place.hold(SHARE + u64::try_from(turn % 40).unwrap());
                    entered.fetch_add(1, Ordering::SeqCst);
                    reading.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(entered.into_inner(), THREADS * TURNS);
    assert!(most.into_inner() <= 3);
    assert_eq!(usage(&bodies), (0, 0, 0));
    assert!(bodies.state().thirsty.is_empty());
}

#[test]
fn the_next_one_is_woken_and_nobody_else() {
    let bodies = bodies(1, 1);
    let (second_bell, third_bell) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    let first = bodies.enter(None, true).unwrap();
    let second = bodies.enter(None, true).unwrap();
    let third = bodies.enter(None, true).unwrap();
    assert!(!may(&second, &second_bell) && !may(&third, &third_bell));
    drop(first);
    assert_eq!((second_bell.rang(), third_bell.rang()), (1, 0));
    drop(second);
    assert_eq!((second_bell.rang(), third_bell.rang()), (1, 1));
    assert!(may(&third, &third_bell));
}

/// Three bodies that fill the room, of which the first goes on in place of all.
fn one_ahead(bodies: &Bodies, source: Option<Source>, held: [u64; 3]) -> [Place; 3] {
    let bell = Arc::new(Bell::default());
    let places = held.map(|held| {
        let mut place = bodies.enter(source, true).unwrap();
        place.hold(SHARE.saturating_add(held));
        place
    });
    let go_on = places.each_ref().map(|place| may(place, &bell));
    assert_eq!(go_on, [true, false, false]);
    places
}

#[test]
fn while_there_is_no_room_the_next_goes_on_when_the_one_ahead_has_ended() {
    let bell = Arc::new(Bell::default());
    let shared = bodies(4, 20).per_source(NonZero::new(3).unwrap());
    // All bytes, and the three quarters that a source may have.
    for (bodies, source, most) in [(bodies(4, 15), None, 15), (shared, source("192.0.2.1"), 15)] {
        let [first, second, third] = one_ahead(&bodies, source, [1, 8, 7]);
        drop(first);
        assert_eq!(usage(&bodies), (2, 0, most));
        assert!(may(&second, &bell) && !may(&third, &bell));
        drop((second, third));

        // Another's end is not the turn of a third.
        let [first, second, third] = one_ahead(&bodies, source, [8, 7, 1]);
        drop(third);
        assert_eq!(usage(&bodies), (2, 0, most));
        assert!(!may(&second, &bell) && may(&first, &bell));
        drop(second);
        assert_eq!(usage(&bodies), (1, 0, 8));
        drop(first);
        assert_eq!(usage(&bodies), (0, 0, 0));
        assert!(bodies.state().shares.is_empty());
    }
}

#[test]
fn a_source_has_the_same_part_of_the_bytes_as_of_the_places() {
    let bodies = bodies(4, 20).per_source(NonZero::new(2).unwrap());
    let bell = Arc::new(Bell::default());
    let greedy = source("192.0.2.1");
    let mut first = bodies.enter(greedy, true).unwrap();
    let mut second = bodies.enter(greedy, true).unwrap();
    first.hold(SHARE + 4);
    second.hold(SHARE + 5);
    assert!(
        may(&first, &bell) && may(&second, &bell),
        "a byte of ten is left"
    );
    first.hold(SHARE + 5);
    assert!(may(&first, &bell) && !may(&second, &bell));
    let mut other = bodies.enter(source("192.0.2.2"), true).unwrap();
    other.hold(SHARE + 9);
    assert!(may(&other, &bell), "a byte of twenty is left");
    drop((first, second, other));
    assert!(bodies.state().shares.is_empty());
}

#[test]
fn where_nothing_may_wait_there_is_a_place_or_none() {
    let bodies = bodies(1, 1);
    let first = bodies.enter(None, false).unwrap();
    let second = bodies.enter(None, false).map(drop);
    assert_eq!(second, Err(Refusal::TooManyBodies { limit: 1 }));
    assert_eq!(usage(&bodies), (1, 0, 0));
    drop(first);
    assert!(bodies.enter(None, false).is_ok());
}

/// A future may be polled by another task than before: the last one is woken.
#[test]
fn who_polled_last_is_woken() {
    let bodies = bodies(1, 1);
    let (old, new) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    let mut first = bodies.enter(None, true).unwrap();
    let mut second = bodies.enter(None, true).unwrap();
    assert!(!may(&second, &old) && !may(&second, &new));
    first.hold(SHARE + 1);
    drop(first);
    assert_eq!((old.rang(), new.rang()), (0, 1));
    second.hold(SHARE + 2);
    assert!(may(&second, &new), "it goes on for all");
    drop(second);

    // For bytes.
    let bodies = self::bodies(2, 1);
    let (old, new) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    let mut first = bodies.enter(None, true).unwrap();
    let mut second = bodies.enter(None, true).unwrap();
    first.hold(SHARE + 1);
    second.hold(SHARE + 1);
    assert!(may(&first, &old) && !may(&second, &old) && !may(&second, &new));
    drop(first);
    assert_eq!((old.rang(), new.rang()), (0, 1));
}

/// Who went on for all, and stalls, goes on for nobody once there was room again.
#[test]
fn a_turn_ends_when_there_is_room_again() {
    let bodies = bodies(3, 10);
    let bell = Arc::new(Bell::default());
    let mut places: Vec<_> = (0..3).map(|_| bodies.enter(None, true).unwrap()).collect();
    places[0].hold(SHARE + 4);
    places[1].hold(SHARE + 4);
    places[2].hold(SHARE + 4);
    assert!(may(&places[0], &bell) && !may(&places[1], &bell));
    drop(places.pop());
    places[1].hold(SHARE + 9);
    assert!(may(&places[1], &bell), "the first one has had its turn");
}

#[test]
fn a_turn_within_a_share_ends_when_there_is_room_again() {
    let bodies = bodies(4, 40).per_source(NonZero::new(3).unwrap());
    let bell = Arc::new(Bell::default());
    let one = source("192.0.2.1");
    let mut places: Vec<_> = (0..3).map(|_| bodies.enter(one, true).unwrap()).collect();
    for place in &mut places {
        place.hold(SHARE + 10);
    }
    assert!(may(&places[0], &bell) && !may(&places[1], &bell));
    drop(places.pop());
    places[1].hold(SHARE + 21);
    assert!(may(&places[1], &bell), "the first one has had its turn");
}
