//! A lease that has to be renewed: ValidateEphemeralResourceConfig, OpenEphemeralResource, RenewEphemeralResource,
//! CloseEphemeralResource.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use terraform_framework::proto::tfplugin6::provider_server::Provider as _;
use terraform_framework::proto::tfplugin6::{
    ClientCapabilities, close_ephemeral_resource as close, deferred::Reason,
    open_ephemeral_resource as open, renew_ephemeral_resource as renew,
    validate_ephemeral_resource_config as validate,
};
use terraform_framework::validators::between;
use terraform_framework::{
    Attr, BoxedEphemeral, Call, Deferral, Diagnostic, Diagnostics, Ephemeral, Model, Opened,
    Provider, ProviderServer, Renewed, Value, ephemeral,
};
use tonic::Request;

use crate::wire::{attribute, fine, object, only};

const NAME: &str = "trial_lease";

#[derive(Debug, Clone, Model)]
struct LeaseModel {
    /// For how long; 9: it is put off.
    #[attribute(required, validate = [between(1, 9)])]
    minutes: Attr<i64>,
    #[attribute(computed)]
    ticket: Attr<String>,
}

/// The tickets that were given back.
#[derive(Clone, Default)]
struct Closed(Arc<Mutex<Vec<String>>>);

struct Lease(Closed);

fn after(minutes: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_mins(minutes)
}

#[async_trait]
impl Ephemeral for Lease {
    type Model = LeaseModel;

    const NAME: &'static str = NAME;

    async fn validate(&self, config: &LeaseModel, _: &Call) -> Diagnostics {
        match config.minutes.known() {
            Some(7) => Diagnostic::error("Seven is sacred", "").into(),
            _ => Diagnostics::new(),
        }
    }

    async fn open(
        &self,
        config: LeaseModel,
        call: &Call,
    ) -> Result<Opened<LeaseModel>, Diagnostics> {
        if config.minutes == Attr::Known(9) {
            call.defer(Deferral::AbsentPrerequisite);
        }
        Ok(Opened {
            result: LeaseModel {
                ticket: Attr::Known("t1".into()),
                ..config
            },
            renew_at: Some(after(1)),
            private: b"t1".to_vec(),
        })
    }

    async fn renew(&self, private: Vec<u8>, _: &Call) -> Result<Renewed, Diagnostics> {
        Ok(Renewed {
            renew_at: Some(after(2)),
            private: [private, b"+".to_vec()].concat(),
        })
    }

    async fn close(&self, private: Vec<u8>, _: &Call) -> Result<(), Diagnostics> {
        let ticket = String::from_utf8(private).unwrap();
        self.0.0.lock().unwrap().push(ticket);
        Ok(())
    }
}

/// Offers leases.
struct Leases(Closed);

#[async_trait]
impl Provider for Leases {
    type Model = ();

    async fn configure(&self, (): (), _: &Call) -> Result<(), Diagnostics> {
        Ok(())
    }

    fn ephemeral_resources(&self) -> Vec<BoxedEphemeral> {
        vec![ephemeral(Lease(self.0.clone()))]
    }
}

fn serve() -> (ProviderServer, Closed) {
    let closed = Closed::default();
    (ProviderServer::new(Leases(closed.clone())), closed)
}

fn minutes(minutes: impl Into<Value>) -> [(&'static str, Value); 1] {
    [("minutes", minutes.into())]
}

#[tokio::test]
async fn a_lease_is_validated_by_its_rules_and_by_its_author() {
    let (server, _) = serve();
    for (given, expected) in [
        (10.into(), "minutes: "),
        (7.into(), ": Seven is sacred"),
        (Value::Null, "minutes: minutes is missing"),
    ] {
        let request = validate::Request {
            type_name: NAME.into(),
            config: Some(object::<LeaseModel>(&minutes(given))),
        };
        let answer = server.validate_ephemeral_resource_config(Request::new(request));
        let found = only(&answer.await.unwrap().into_inner().diagnostics);
        assert!(found.starts_with(expected), "{found}");
    }
}

#[tokio::test]
async fn a_lease_is_renewed_when_its_author_says_and_given_back() {
    let (server, closed) = serve();
    let request = open::Request {
        type_name: NAME.into(),
        config: Some(object::<LeaseModel>(&minutes(3))),
        ..Default::default()
    };
    let answer = server.open_ephemeral_resource(Request::new(request));
    let opened = answer.await.unwrap().into_inner();
    fine(&opened.diagnostics);
    let ticket = attribute::<LeaseModel>(opened.result.as_ref(), "ticket");
    assert_eq!(ticket, "t1".into());
    assert_eq!(opened.renew_at, Some(after(1).into()));

    let request = renew::Request {
        type_name: NAME.into(),
        private: opened.private,
    };
    let answer = server.renew_ephemeral_resource(Request::new(request));
    let renewed = answer.await.unwrap().into_inner();
    fine(&renewed.diagnostics);
    assert_eq!(renewed.renew_at, Some(after(2).into()));

    let request = close::Request {
        type_name: NAME.into(),
        private: renewed.private,
    };
    let answer = server.close_ephemeral_resource(Request::new(request));
    fine(&answer.await.unwrap().into_inner().diagnostics);
    assert_eq!(*closed.0.lock().unwrap(), ["t1+"]);
}

#[tokio::test]
async fn a_lease_is_put_off_where_terraform_allows_it() {
    let (server, _) = serve();
    let request = open::Request {
        type_name: NAME.into(),
        config: Some(object::<LeaseModel>(&minutes(9))),
        client_capabilities: Some(ClientCapabilities {
            deferral_allowed: true,
            ..ClientCapabilities::default()
        }),
    };
    let answer = server.open_ephemeral_resource(Request::new(request));
    let opened = answer.await.unwrap().into_inner();
    fine(&opened.diagnostics);
    assert_eq!(opened.deferred.unwrap().reason(), Reason::AbsentPrereq);
}
