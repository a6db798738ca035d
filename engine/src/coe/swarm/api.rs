//! The API of a node's own engine, through `docker system dial-stdio`.
//!
//! The CLI (18.09 and later) joins its standard streams to the engine's socket. So requests go by
//! stdin, whatever secret is in them, and every node image that has the CLI will do.
//! See docs/decisions/0004-engine-api-over-stdio.md.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::Zeroizing;

use super::http::{self, Request, Response};
use crate::coe::CoeError;
use crate::transport::{Command, Exec, Stdin};

/// A join: tokens, and the addresses of all managers.
const LARGEST_SECRET_BODY: usize = 8 * 1024;

/// The socket is named so that no setting of the image's leads elsewhere.
pub(super) const DIAL: &str = "docker -H unix:///var/run/docker.sock system dial-stdio";

impl Request {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self {
            method: "GET",
            path: path.into(),
            body: None,
        }
    }

    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self {
            method: "DELETE",
            path: path.into(),
            body: None,
        }
    }

    pub(super) fn post<T: Serialize>(
        node: &dyn Exec,
        what: &str,
        path: impl Into<String>,
        body: &T,
    ) -> Result<Self, CoeError> {
        // Room for all at once: what growing leaves behind would not be wiped.
        let mut json = Zeroizing::new(Vec::with_capacity(LARGEST_SECRET_BODY));
        serde_json::to_writer(&mut *json, body).map_err(|error| {
            refused(
                node,
                what,
                format!("the request cannot be written: {error}"),
            )
        })?;
        Ok(Self {
            method: "POST",
            path: path.into(),
            body: Some(json),
        })
    }
}

/// An answer that says no.
pub(super) struct Refusal {
    pub status: u16,
    pub message: String,
}

impl Response {
    /// The engine's answer, or its reason.
    pub(super) fn accepted(self) -> Result<Vec<u8>, Refusal> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let json = serde_json::from_slice::<Value>(&self.body).ok();
        let message = json
            .as_ref()
            .and_then(|json| json.get("message")?.as_str())
            .map_or_else(
                || String::from_utf8_lossy(&self.body).into_owned(),
                ToOwned::to_owned,
            );
        Err(Refusal {
            status: self.status,
            message,
        })
    }
}

/// Sends the requests over one connection, and gives their answers in the same order; `what` is what
/// they are for.
pub(super) async fn call<const N: usize>(
    node: &dyn Exec,
    what: &str,
    requests: [Request; N],
) -> Result<[Response; N], CoeError> {
    call_after(node, what, "", requests)
        .await
        .map(|(_, responses)| responses)
}

/// As [`call`], after a shell script whose output comes first in the answer.
pub(super) async fn call_after<const N: usize>(
    node: &dyn Exec,
    what: &str,
    script: &str,
    requests: [Request; N],
) -> Result<(Vec<u8>, [Response; N]), CoeError> {
    let mut command = Command::shell(format!("{script}exec {DIAL}"));
    // The engine takes the end of what it reads for the client's going, and drops what it does for
    // him (Go's net/http cancels the request's context). So stdin stays open until the answers are
    // there: the engine closes the connection after the last of them, and the command ends.
    let bytes = Bytes::from_owner(http::write(&requests));
    let open_end = stream::once(async { Ok(bytes) }).chain(stream::pending());
    command.stdin = Stdin::Stream(open_end.boxed());
    let output = node.run(command).await?;

    let start = find(&output.stdout, b"HTTP/1.").unwrap_or(output.stdout.len());
    let (before, answers) = output.stdout.split_at(start);
    if answers.is_empty() && output.status != 0 {
        // Nobody answered: the connection to the engine was not made.
        return Err(CoeError::Silent {
            what: what.to_owned(),
            node: node.node().clone(),
            reason: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    let responses = http::read(answers, N).map_err(|malformed| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        refused(
            node,
            what,
            match complaint.trim() {
                "" => malformed.to_string(),
                complaint => complaint.to_owned(),
            },
        )
    })?;
    let responses = responses
        .try_into()
        .map_err(|_| refused(node, what, http::Malformed::Cut.to_string()))?;
    Ok((before.to_vec(), responses))
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// One request whose answer is wanted.
pub(super) async fn ask<T: DeserializeOwned>(
    node: &dyn Exec,
    what: &str,
    request: Request,
) -> Result<T, CoeError> {
    let [response] = call(node, what, [request]).await?;
    parse(node, what, response)
}

/// The answer as JSON.
pub(super) fn parse<T: DeserializeOwned>(
    node: &dyn Exec,
    what: &str,
    response: Response,
) -> Result<T, CoeError> {
    let body = accept(node, what, response)?;
    serde_json::from_slice(&body).map_err(|error| {
        refused(
            node,
            what,
            format!("the answer was not understood: {error}"),
        )
    })
}

/// The answer, if it is a good one.
pub(super) fn accept(node: &dyn Exec, what: &str, response: Response) -> Result<Vec<u8>, CoeError> {
    response
        .accepted()
        .map_err(|refusal| refused(node, what, refusal.message))
}

/// The error of an answer.
pub(super) fn refused(node: &dyn Exec, what: &str, reason: impl Into<String>) -> CoeError {
    CoeError::Refused {
        what: what.to_owned(),
        node: node.node().clone(),
        reason: reason.into(),
    }
}
