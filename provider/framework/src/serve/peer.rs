//! Notices that the Terraform that started this process is gone, killed for example, and can't say so.

use std::{os::unix::process::parent_id, time::Duration};

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep},
};

/// Terraform gives a plugin one minute to start; who has not connected by then never will.
const FIRST_CONNECTION_WITHIN: Duration = Duration::from_mins(1);
/// A Terraform that lives and has lost its connection makes a new one for its next call.
const RECONNECTION_WITHIN: Duration = Duration::from_secs(10);
/// No portable call waits for the end of a parent process.
const PARENT_ASKED_EVERY: Duration = Duration::from_millis(100);

/// The process that started this one. It may be a wrapper that outlives Terraform, so its life alone says little; its
/// death says all.
#[derive(Debug)]
pub(super) struct Peer {
    parent: u32,
}

impl Peer {
    pub(super) fn of_this_process() -> Self {
        Self {
            parent: parent_id(),
        }
    }

    /// Completes when nobody is there to call any more: no connection is `open`, and either the parent process has
    /// ended, or no connection has come for a while.
    pub(super) async fn gone(&self, mut open: watch::Receiver<usize>) {
        if self
            .nobody_connects(&mut open, FIRST_CONNECTION_WITHIN)
            .await
        {
            return;
        }
        // An error of `wait_for` means that the server itself has ended.
        while open.wait_for(|count| *count == 0).await.is_ok() {
            if self.nobody_connects(&mut open, RECONNECTION_WITHIN).await {
                return;
            }
        }
    }

    async fn nobody_connects(&self, open: &mut watch::Receiver<usize>, bound: Duration) -> bool {
        tokio::select! {
            // Where somebody is connected, it does not matter that the parent has ended.
            biased;
            connected = open.wait_for(|count| *count > 0) => connected.is_err(),
            () = self.parent_has_ended() => true,
            () = sleep(bound) => true,
        }
    }

    async fn parent_has_ended(&self) {
        let mut ticks = interval(PARENT_ASKED_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while parent_id() == self.parent {
            ticks.tick().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_connects_is_gone() {
        let (_count, open) = watch::channel(0);
        Peer::of_this_process().gone(open).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_connected_peer_is_never_gone() {
        let (_count, open) = watch::channel(1);
        let gone =
            tokio::time::timeout(Duration::from_hours(24), Peer::of_this_process().gone(open))
                .await;
        assert!(gone.is_err(), "a connection was open");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_connects_again_is_not_gone() {
        let (count, open) = watch::channel(1);
        let gone = tokio::spawn(async move { Peer::of_this_process().gone(open).await });
        for _ in 0..3 {
            count.send_replace(0);
            sleep(RECONNECTION_WITHIN / 2).await;
            count.send_replace(1);
            sleep(RECONNECTION_WITHIN * 2).await;
            assert!(!gone.is_finished(), "the peer had come back");
        }
        count.send_replace(0);
        gone.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_whose_process_has_ended_is_not_waited_for() {
        let (count, open) = watch::channel(1);
        // No process has the id 0: as if another one had inherited this process.
        let gone = tokio::spawn(async move { Peer { parent: 0 }.gone(open).await });
        sleep(Duration::from_secs(1)).await;
        assert!(!gone.is_finished(), "a connection was open");
        let before = tokio::time::Instant::now();
        count.send_replace(0);
        gone.await.unwrap();
        assert!(before.elapsed() < RECONNECTION_WITHIN);
    }
}
