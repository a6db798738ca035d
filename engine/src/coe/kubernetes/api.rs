//! The way to the Kubernetes API: one connection a question or an operation.
//!
//! The engine signs itself a certificate of an hour for each connection, with the key that it reads from the
//! control plane. So no credential is kept that could run out, and the API is asked before it has rules of
//! who may what.

use kube_core::object::ObjectList;
use kube_core::params::{DeleteParams, GetParams, ListParams, Patch, PatchParams};
use kube_core::subresource::EvictParams;
use kube_core::{Request, Resource, Status};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::tunnel::{NoAnswer, Tunnel};
use super::{API_PORT, authorities};
use crate::coe::CoeError;
use crate::error::chain;
use crate::model::NodeName;
use crate::transport::Exec;

/// A connection to the API server of one control plane.
pub(super) struct Api {
    /// The CA's certificate, PEM.
    pub ca_certificate: String,
    node: NodeName,
    tunnel: Tunnel,
}

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// The API server answered that it will not.
    #[error("{}", .0.message)]
    Refused(Box<Status>),
    /// There was no request to send.
    #[error(transparent)]
    Request(#[from] kube_core::request::Error),
    /// It did not answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// Its answer is not understood.
    #[error("its answer is not understood")]
    Answer(#[from] serde_json::Error),
}

impl ApiError {
    /// Whether the API server said that there is no such object.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Refused(status) if status.code == 404)
    }
}

impl Api {
    /// Connects to the API server on that control plane.
    pub(super) async fn connect(control_plane: &dyn Exec) -> Result<Self, CoeError> {
        let (ca_certificate, ca_key) = authorities::read_own(control_plane).await?;
        let identity = authorities::engine(&ca_certificate, &ca_key)?;
        Ok(Self {
            tunnel: Tunnel::open(control_plane, API_PORT, &ca_certificate, &identity).await?,
            ca_certificate,
            node: control_plane.node().clone(),
        })
    }

    /// A failed request as an error of the driver.
    pub(super) fn failure(&self, what: &str, error: &ApiError) -> CoeError {
        let (what, node, reason) = (what.to_owned(), self.node.clone(), chain(error));
        match error {
            ApiError::NoAnswer(_) => CoeError::Silent { what, node, reason },
            _ => CoeError::Refused { what, node, reason },
        }
    }

    /// Whether the API server serves everything (its `/readyz`).
    pub(super) async fn is_ready(&self) -> Result<(), CoeError> {
        self.succeeds("/readyz")
            .await
            .map_err(|error| self.failure("ask whether the API is ready", &error))
    }

    /// Asks a path of the API of which nothing but success is of interest.
    pub(super) async fn succeeds(&self, path: &str) -> Result<(), ApiError> {
        let request = http::Request::get(path).body(Vec::new());
        self.answer(request.map_err(NoAnswer::from)?)
            .await
            .map(drop)
    }

    /// All objects at a path that fit.
    pub(super) async fn list<T: DeserializeOwned + Clone>(
        &self,
        path: &str,
        params: &ListParams,
    ) -> Result<Vec<T>, ApiError> {
        let list: ObjectList<T> = self.ask(Request::new(path).list(params)?).await?;
        Ok(list.items)
    }

    /// One object.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        name: &str,
    ) -> Result<T, ApiError> {
        self.ask(Request::new(path).get(name, &GetParams::default())?)
            .await
    }

    /// Changes an object.
    pub(super) async fn patch<T: Serialize>(
        &self,
        path: &str,
        name: &str,
        params: &PatchParams,
        change: &Patch<T>,
    ) -> Result<(), ApiError> {
        let request = Request::new(path).patch(name, params, change)?;
        self.answer(request).await.map(drop)
    }

    /// Deletes an object.
    pub(super) async fn delete(&self, path: &str, name: &str) -> Result<(), ApiError> {
        let request = Request::new(path).delete(name, &DeleteParams::default())?;
        self.answer(request).await.map(drop)
    }

    /// Asks a pod to go.
    pub(super) async fn evict(&self, path: &str, name: &str) -> Result<(), ApiError> {
        let request = Request::new(path).evict(name, &EvictParams::default())?;
        self.answer(request).await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<T, ApiError> {
        Ok(serde_json::from_slice(&self.answer(request).await?)?)
    }

    async fn answer(&self, request: http::Request<Vec<u8>>) -> Result<bytes::Bytes, ApiError> {
        let (code, body) = self.tunnel.send(request).await?;
        if code.is_success() {
            return Ok(body);
        }
        let refusal = serde_json::from_slice(&body).unwrap_or_else(|_not_json| Status {
            message: String::from_utf8_lossy(&body).trim_end().to_owned(),
            ..Status::default()
        });
        Err(ApiError::Refused(Box::new(Status {
            code: code.as_u16(),
            ..refusal
        })))
    }
}

/// The path of the objects of a kind, of all namespaces where it has some.
pub(super) fn everywhere<T: Resource<DynamicType = ()>>() -> String {
    T::url_path(&(), None)
}

/// The path of the objects of a kind in a namespace.
pub(super) fn within<T: Resource<DynamicType = ()>>(namespace: &str) -> String {
    T::url_path(&(), Some(namespace))
}
