//! The second port: for who tests with the cloud, and no part of CloudStack.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::engine::Engine;
use crate::faults::Fault;
use crate::serve::Silent;
use crate::state::Phase;

/// What can be told beside settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Orders {
    #[serde(default)]
    faults: Vec<Fault>,
    #[serde(default)]
    disarm: bool,
    #[serde(default)]
    forget_calls: bool,
    restart: Option<Restart>,
    /// The name of a machine that its host loses.
    end_machine: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Restart {
    /// How long nobody answers.
    #[serde(default)]
    seconds: f64,
}

const ORDERS: [&str; 5] = ["faults", "disarm", "forget_calls", "restart", "end_machine"];

pub(crate) async fn answer(
    cloud: Arc<Cloud>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Silent> {
    let told = if request.method() == hyper::Method::POST {
        let body = request.into_body().collect().await.map_err(|_| Silent)?;
        tell(&cloud, &body.to_bytes()).await
    } else {
        Ok(())
    };
    let (status, body) = match told {
        Ok(()) => (StatusCode::OK, view(&cloud).to_string()),
        Err(error) => (StatusCode::BAD_REQUEST, error),
    };
    let answer = Response::builder()
        .status(status)
        .body(Full::new(Bytes::from(body)));
    Ok(answer.unwrap_or_default())
}

async fn tell(cloud: &Arc<Cloud>, body: &[u8]) -> Result<(), String> {
    let told: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let told = told
        .as_object()
        .ok_or("an object of settings and orders")?
        .clone();
    let (orders, settings): (serde_json::Map<_, _>, serde_json::Map<_, _>) = told
        .into_iter()
        .partition(|(name, _)| ORDERS.contains(&name.as_str()));
    let orders: Orders =
        serde_json::from_value(orders.into()).map_err(|error| error.to_string())?;
    {
        let mut state = cloud.state();
        if settings.contains_key("machines") || settings.contains_key("image") {
            return Err("what machines are is chosen when the server starts".to_owned());
        }
        state.settings = state.settings.with(&settings.into())?;
        if orders.disarm {
            state.faults.disarm_all();
        }
        if orders.forget_calls {
            state.calls.clear();
            state.unknown_parameters.clear();
        }
        for fault in orders.faults {
            state.faults.arm(fault);
        }
    }
    if let Some(restart) = orders.restart {
        let mut state = cloud.state();
        state.fail_running_jobs();
        state.phase = Phase::Restarting;
        let cloud = Arc::clone(cloud);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs_f64(restart.seconds.max(0.0))).await;
            cloud.state().phase = Phase::Serving;
        });
    }
    if let Some(name) = orders.end_machine {
        let machine = {
            let state = cloud.state();
            let mut machines = state.machines.iter();
            machines
                .find(|machine| machine.name == name)
                .map(|machine| machine.id)
        };
        let machine = machine.ok_or_else(|| format!("there is no machine {name}"))?;
        cloud
            .engine
            .stop_machine(machine, crate::engine::Stop::ByForce)
            .await?;
        cloud.has_ended(machine);
    }
    Ok(())
}

fn view(cloud: &Cloud) -> Value {
    let state = cloud.state();
    let machines: serde_json::Map<String, Value> = state
        .machines
        .iter()
        .map(|machine| {
            let view = json!({
                "id": machine.id, "state": machine.condition.name(), "address": machine.address,
                "container": Engine::container_name(&cloud.name, machine.id),
            });
            (machine.name.clone(), view)
        })
        .collect();
    json!({
        "calls": state.calls, "unknown_parameters": state.unknown_parameters, "machines": machines,
        "faults_waiting": state.faults.waiting(), "settings": state.settings,
    })
}
