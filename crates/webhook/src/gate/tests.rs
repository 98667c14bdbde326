#![allow(clippy::unwrap_used)]
use std::time::Duration;

use futures_util::FutureExt as _;

use super::*;

fn gate(reviews: usize, waiting: usize) -> Gate {
    Gate::new(Bounds {
        reviews,
        waiting,
        bytes: 100,
    })
}

fn now(gate: &Gate, namespace: &str) -> Place {
    gate.enter(namespace).now_or_never().unwrap().unwrap()
}

/// Somebody who waits, on a task of its own.
fn waits(
    gate: &Gate,
    namespace: &'static str,
) -> tokio::task::JoinHandle<Result<Place, Overloaded>> {
    let gate = gate.clone();
    tokio::spawn(async move { gate.enter(namespace).await })
}

async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_namespace_gets_half_of_all_places_and_the_others_the_rest() {
    let gate = gate(4, 10);
    let _a = [now(&gate, "a"), now(&gate, "a")];
    assert!(gate.enter("a").now_or_never().is_none());
    let _b = now(&gate, "b");
    let _c = now(&gate, "c");
    assert!(gate.enter("d").now_or_never().is_none());
    assert_eq!(
        gate.load(),
        Load {
            running: 4,
            waiting: 0,
            bytes: 0
        }
    );
}

#[tokio::test]
async fn those_that_wait_are_let_in_in_turns() {
    let gate = gate(2, 10);
    let (first, second) = (now(&gate, "a"), now(&gate, "b"));
    let many: Vec<_> = (0..3).map(|_| waits(&gate, "a")).collect();
    settle().await;
    let one = waits(&gate, "b");
    settle().await;
    assert_eq!(gate.load().waiting, 4);
    drop(second);
    settle().await;
    // `a` was first in the queue and has its share already: `b` is let in.
    assert!(one.is_finished() && many.iter().all(|it| !it.is_finished()));
    drop(first);
    settle().await;
    assert_eq!(many.iter().filter(|it| it.is_finished()).count(), 1);
}

#[tokio::test]
async fn beyond_its_bounds_nobody_waits_and_who_waits_most_gives_way() {
    let gate = gate(1, 3);
    let place = now(&gate, "a");
    let many: Vec<_> = (0..3).map(|_| waits(&gate, "a")).collect();
    settle().await;
    assert_eq!(gate.enter("a").await.unwrap_err(), Overloaded);
    let other = waits(&gate, "b");
    settle().await;
    let away: Vec<bool> = many.iter().map(|it| it.is_finished()).collect();
    assert_eq!(away, [false, false, true]);
    assert_eq!(gate.load().waiting, 3);
    // The turns: `a`, which waited first; then `b`; then `a` again.
    let mut many = many.into_iter();
    drop(place);
    settle().await;
    assert!(!other.is_finished());
    drop(many.next().unwrap().await.unwrap().unwrap());
    drop(other.await.unwrap().unwrap());
    drop(many.next().unwrap().await.unwrap().unwrap());
    assert_eq!(many.next().unwrap().await.unwrap().unwrap_err(), Overloaded);
}

#[tokio::test]
async fn who_stops_waiting_is_forgotten_and_so_is_an_idle_namespace() {
    let gate = gate(1, 1);
    let place = now(&gate, "a");
    let gone = tokio::time::timeout(Duration::from_millis(5), gate.enter("b")).await;
    assert!(gone.is_err());
    assert_eq!(gate.load().waiting, 0);
    let waiting = waits(&gate, "c");
    settle().await;
    drop(place);
    let place = waiting.await.unwrap().unwrap();
    drop(place);
    assert_eq!(
        gate.load(),
        Load {
            running: 0,
            waiting: 0,
            bytes: 0
        }
    );
    assert!(gate.state().namespaces.is_empty() && gate.state().turns.is_empty());
}

#[tokio::test]
async fn a_place_given_to_somebody_who_has_gone_is_not_lost() {
    let gate = gate(1, 2);
    let place = now(&gate, "a");
    let gone = waits(&gate, "b");
    settle().await;
    // The place is sent, and its receiver is dropped before it looks.
    drop(place);
    gone.abort();
    settle().await;
    let _ = gone.await;
    assert!(gate.enter("c").now_or_never().is_some());
}

#[test]
fn bytes_are_held_until_they_are_not() {
    let gate = gate(1, 1);
    let held = gate.hold(60).unwrap();
    assert_eq!(gate.hold(41).unwrap_err(), Overloaded);
    let more = gate.hold(40).unwrap();
    drop(held);
    assert_eq!(gate.load().bytes, 40);
    drop(more);
    assert!(gate.hold(100).is_ok());
}

#[tokio::test]
async fn there_is_room_for_all_while_no_namespace_could_have_its_share() {
    let gate = gate(4, 10);
    let first = now(&gate, "a");
    assert!(gate.has_room_for_all());
    let second = now(&gate, "b");
    // `a` and `b` could go on, and `c` too; but nobody looks at whose turn it is.
    assert!(!gate.has_room_for_all());
    drop(first);
    assert!(gate.has_room_for_all());
    let third = now(&gate, "b");
    let waits = waits(&gate, "b");
    settle().await;
    assert_eq!(gate.load().waiting, 1);
    assert!(!gate.has_room_for_all());
    drop((second, third));
    settle().await;
    drop(waits.await.unwrap().unwrap());
    assert!(gate.has_room_for_all());
}
