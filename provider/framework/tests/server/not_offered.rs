//! What this framework does not offer yet: each such call is answered as a Terraform expects that knows more of them.

use terraform_framework::proto::tfplugin6::provider_server::Provider;
use terraform_framework::proto::tfplugin6::write_state_bytes::RequestChunk;
use tonic::codec::Codec;
use tonic::{Code, Request, Streaming};
use tonic_prost::ProstCodec;

use crate::thing::{Thing, serve};

macro_rules! assert_not_offered {
    ($($call:ident),* $(,)?) => {
        let server = serve(Thing::default());
        $(
            let Err(answer) = server.$call(Request::new(Default::default())).await else {
                panic!("{} is offered", stringify!($call))
            };
            assert_eq!(answer.code(), Code::Unimplemented, "{}", stringify!($call));
            let name = stringify!($call).replace('_', "");
            let said = answer.message().to_lowercase();
            assert!(said.ends_with(&format!("offer {name}")), "{said}");
        )*
    };
}

#[tokio::test]
async fn what_is_not_offered_is_unimplemented_and_named() {
    assert_not_offered!(
        generate_resource_config,
        list_resource,
        validate_list_resource_config,
        validate_state_store_config,
        configure_state_store,
        read_state_bytes,
        lock_state,
        unlock_state,
        get_states,
        delete_state,
        plan_action,
        invoke_action,
        validate_action_config,
    );
}

#[tokio::test]
async fn a_stream_that_is_not_offered_is_unimplemented_too() {
    let decoder = ProstCodec::<(), RequestChunk>::default().decoder();
    let stream = Streaming::new_empty(decoder, tonic::body::Body::empty());
    let answer = serve(Thing::default())
        .write_state_bytes(Request::new(stream))
        .await;
    assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
}
