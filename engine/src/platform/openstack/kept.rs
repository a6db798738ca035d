//! What is kept of a cluster beside its objects: images of Glance's without content, hidden from lists.
//!
//! Glance is in every cloud that has Nova. It takes an id from who creates an image, and never the same one twice: of
//! two that create one at once, one does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::OpenStack;
use super::client::{Call, Failure, Service, encoded};
use super::labels::{self, Labels};
use crate::model::{ClusterId, Owner};
use crate::platform::{PlatformError, Scope};

/// What such an image is.
const KIND: &str = "io.coe.kind";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Record,
    Claim,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Claim => "claim",
        }
    }
}

/// An image that keeps something.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) id: String,
    pub(super) labels: Labels,
}

impl Kept {
    pub(super) fn is(&self, kind: Kind) -> bool {
        self.labels.get(KIND).is_some_and(|is| is == kind.as_str())
    }

    pub(super) fn owner(&self) -> Result<Owner, PlatformError> {
        labels::owner(&self.told(), &self.labels)
    }

    /// As in a sentence.
    pub(super) fn told(&self) -> String {
        format!("image {}", self.id)
    }
}

impl OpenStack {
    /// All that is kept of clusters in that scope.
    pub(super) async fn kept(&self, scope: &Scope) -> Result<Vec<Kept>, PlatformError> {
        let project = self.shared.client.project().await?;
        let of_scope = match scope {
            Scope::All => String::new(),
            Scope::Id(cluster) => format!("&{}={cluster}", Owner::CLUSTER_ID),
            Scope::Name(name) => {
                format!("&{}={}", Owner::CLUSTER_NAME, encoded(name.as_str()))
            }
        };
        let tag = labels::TAG;
        let query = format!("os_hidden=true&owner={project}&tag={tag}{of_scope}");
        let what = "list what is kept of clusters";
        let list = ("/images", "images");
        let client = &self.shared.client;
        let found: Vec<BTreeMap<String, Value>> =
            client.list(what, Service::Image, list, &query).await?;
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            _ => None,
        };
        let kept = found.into_iter().map(|image| {
            let labels: Labels = image
                .into_iter()
                .filter_map(|(key, value)| Some((key, text(value)?)))
                .collect();
            let id = labels.get("id").cloned().unwrap_or_default();
            Kept { id, labels }
        });
        Ok(kept.filter(|kept| kept.labels.contains_key(KIND)).collect())
    }

    /// Keeps something under an id of its own. A conflict: that id was given before.
    pub(super) async fn keep(
        &self,
        kind: Kind,
        id: Option<String>,
        owner: &Owner,
        more: &[(&str, String)],
    ) -> Result<(), Failure> {
        let mut image = json!({
            "name": format!("{}-{}", owner.cluster_name, kind.as_str()),
            "visibility": "private",
            "os_hidden": true,
            "tags": [labels::TAG],
            KIND: kind.as_str(),
        });
        if let Some(id) = id {
            image["id"] = Value::from(id);
        }
        for (key, value) in labels::of_owner(owner) {
            image[key] = Value::from(value);
        }
        for (key, value) in more {
            image[*key] = Value::from(value.as_str());
        }
        let openstack = self.clone();
        let what = format!("keep the {} of {}", kind.as_str(), owner.cluster_name);
        let call = async move {
            let call = Call::post(Service::Image, "/images", image);
            Ok(openstack.shared.client.tell(&what, call).await)
        };
        self.shared.making.make(owner.cluster, call).await?
    }

    /// Replaces what is kept, all of it at once. `owner` takes the place of the one before.
    pub(super) async fn keep_instead(
        &self,
        kept: &Kept,
        what: &str,
        owner: Option<&Owner>,
        more: &[(&str, String)],
    ) -> Result<(), Failure> {
        let of_owner = owner.map(labels::of_owner).unwrap_or_default();
        let more = more
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()));
        let changes: Vec<Value> = of_owner
            .into_iter()
            .chain(more)
            // To add what is there is to replace it.
            .map(|(key, value)| json!({ "op": "add", "path": format!("/{key}"), "value": value }))
            .collect();
        let call = Call::patch_image(format!("/images/{}", kept.id), Value::Array(changes));
        self.shared.client.tell(what, call).await
    }

    /// Forgets what is kept.
    pub(super) async fn drop_kept(&self, kept: &Kept) -> Result<(), PlatformError> {
        let what = "forget what is kept of a cluster";
        let path = format!("/images/{}", kept.id);
        self.shared.client.delete(what, Service::Image, path).await
    }

    /// See `Platform::delete_record`.
    pub(super) async fn forget(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.shared.making.nothing_is_made(cluster).await;
        let mut kept = self.kept(&Scope::Id(cluster)).await?;
        // The record last: what is left without one is known to nobody.
        kept.sort_by_key(|kept| kept.is(Kind::Record));
        for kept in kept {
            self.drop_kept(&kept).await?;
        }
        Ok(())
    }
}
