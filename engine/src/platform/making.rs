//! Calls that make an object run to their end, and the cluster's deletions wait for them.
//!
//! A platform goes on making what it was asked for when who asked goes away. An object that comes after
//! the clean-up has looked would stay for ever, so a step that is dropped leaves its call running.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use tokio_util::task::TaskTracker;

use super::{PlatformError, Retry};
use crate::model::ClusterId;

/// The calls that are being made now.
#[derive(Default)]
pub(super) struct Making(Mutex<HashMap<ClusterId, TaskTracker>>);

impl Making {
    fn of(&self, cluster: ClusterId) -> TaskTracker {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tracker = calls.entry(cluster).or_insert_with(|| {
            let tracker = TaskTracker::new();
            // A tracker that is closed takes tasks as before, and its `wait` ends when there is none.
            tracker.close();
            tracker
        });
        tracker.clone()
    }
}

impl Making {
    /// Makes an object of the cluster. Safe to drop: the call goes on, and deletions of the cluster's
    /// objects wait for it.
    pub(super) async fn make<T: Send + 'static>(
        &self,
        cluster: ClusterId,
        call: impl Future<Output = Result<T, PlatformError>> + Send + 'static,
    ) -> Result<T, PlatformError> {
        let made = self.of(cluster).spawn(call).await;
        made.unwrap_or_else(|ended| {
            Err(PlatformError::Refused {
                what: format!("make an object of cluster {cluster}"),
                reason: ended.to_string(),
                help: None,
                retry: Retry::Later,
            })
        })
    }

    /// Waits until nothing of the cluster is being made by this process. Safe to drop.
    pub(super) async fn nothing_is_made(&self, cluster: ClusterId) {
        self.of(cluster).wait().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_deletion_waits_for_a_call_that_nobody_waits_for_any_more() {
        let platform = Making::default();
        let cluster = ClusterId::new();
        let (answer, answered) = oneshot::channel();
        let call = platform.make(cluster, async { Ok(answered.await) });
        assert!(call.now_or_never().is_none(), "dropped before its answer");
        assert!(platform.nothing_is_made(cluster).now_or_never().is_none());
        let other = platform.nothing_is_made(ClusterId::new());
        assert!(
            other.now_or_never().is_some(),
            "clusters do not wait for each other"
        );
        answer.send(()).unwrap();
        platform.nothing_is_made(cluster).await;
    }
}
